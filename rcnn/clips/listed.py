"""A data set that lists its clips: `gt_v2/clips.csv`, a row for each piece of a file, or a whole file, located
anywhere.

CSV in UTF-8 with the header `name,split,source,start,end`. The source is an absolute path or a URL; start and end are
seconds of it, and an end of 0 is the end of the file. If this file exists it is the list of clips, and no folder is
read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from .. import files
from ..errors import InputError
from ..files.text import printable, read_rows, table_bytes

CLIPS_FILE = "gt_v2/clips.csv"
HEADER = ("name", "split", "source", "start", "end")
TO_THE_END = 0.0  # the end of a clip that goes to the end of its file, seconds
DIGITS = 6  # decimals of a second that are written: PTS of 90 kHz are further apart


@dataclass(frozen=True, slots=True)
class ListedClip:
    """A row of the list.

    name : of the clip, unique in the data set, without white space
    split : train, val or test
    source : absolute path or URL of the file
    start, end : seconds of the file; `TO_THE_END` for its end
    """

    name: str
    split: str
    source: str
    start: float = 0.0
    end: float = TO_THE_END


def lists_clips(root: str) -> bool:
    """Whether a data set has such a list."""
    return files.is_file(files.join(root, CLIPS_FILE))


def read_listed(root: str, splits: Container[str]) -> Iterator[ListedClip]:
    """The rows of a data set's list, in its order.

    Parameters
    ----------
    splits : the allowed ones

    Raises
    ------
    InputError
        If it can't be read, or a row is not a clip; names the line.
    """
    path = files.join(root, CLIPS_FILE)
    for number, row in read_rows(path, HEADER, "a data set need not have it, but it must be readable"):
        yield _clip(row, f"{path}:{number}", splits)


def _clip(row: list[str], where: str, splits: Container[str]) -> ListedClip:
    name, split, source, *times = row
    if not name or any(character.isspace() for character in name) or "/" in name:
        raise InputError(
            f"{where}: name {printable(name[:40])!r} is empty or contains white space or a /; rename the clip"
        )
    if split not in splits:
        raise InputError(f"{where}: split {printable(split[:40])!r} is not train, val or test; fix the line")
    if not files.is_url(source) and not os.path.isabs(files.plain(source)):
        raise InputError(f"{where}: source {printable(source[:40])!r} is not an absolute path or URL; fix the line")
    start, end = (_seconds(text, where) for text in times)
    if end != TO_THE_END and end <= start:
        raise InputError(f"{where}: ends at {end:g} s, before it starts at {start:g} s; fix the line")
    return ListedClip(name, split, source, start, end)


def _seconds(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(f"{where}: {printable(text[:40])!r} is not seconds, 0 or more; fix the line")
    return value


def write_listed(root: str, clips: Iterable[ListedClip]) -> None:
    """Write the list of a data set, sorted by name, atomically."""
    files.write_bytes(files.join(root, CLIPS_FILE), listed_bytes(clips))


def listed_bytes(clips: Iterable[ListedClip]) -> bytes:
    """The contents of a list's file."""
    rows = (
        (clip.name, clip.split, clip.source, f"{clip.start:.{DIGITS}f}", f"{clip.end:.{DIGITS}f}")
        for clip in sorted(clips, key=lambda clip: clip.name)
    )
    return table_bytes(HEADER, rows)


def listed_sources(root: str, clips: Container[str] | None, splits: Container[str]) -> dict[str, str]:
    """The file of each clip of the list, by the clip's name.

    Parameters
    ----------
    clips : names of the wanted ones; None for all
    """
    return {clip.name: clip.source for clip in read_listed(root, splits) if clips is None or clip.name in clips}
