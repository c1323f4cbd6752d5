"""Which file each clip was made of: `gt_v2/sources.txt`, one line per clip, `CLIP<tab>PATH`.

`gendata.py` writes absolute paths. What others write is kept as it is: a path, or a URL. A path may contain spaces;
line breaks, tabs and bytes that are not UTF-8 can't be written and become replacement characters.
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from pathlib import Path

from .. import files
from ..errors import InputError
from ..files.text import printable, read_lines
from .dataset import FOLDERS
from .layout import LISTS, write_lines
from .listed import listed_sources, lists_clips

SOURCES_FILE = f"{LISTS}/sources.txt"
_NO_LINE = str.maketrans(dict.fromkeys("\t\n\r", "\ufffd"))


def write_sources(root: Path, sources: Mapping[str, Path]) -> None:
    """Write the file of each clip into a data set.

    Parameters
    ----------
    sources : absolute path by the clip's name
    """
    lines = (f"{clip}\t{_line(path)}" for clip, path in sorted(sources.items()))
    write_lines(root / SOURCES_FILE, lines)


def _line(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace").translate(_NO_LINE)


def read_sources(path: str, clips: Container[str] | None = None) -> dict[str, str]:
    """The file that each clip was made of, by clip name.

    Parameters
    ----------
    clips : names of the wanted ones; None for all

    Raises
    ------
    InputError
        If the table can't be read, a line is not CLIP, a tab and PATH, or a clip is listed twice.
    """
    sources: dict[str, str] = {}
    for number, line in read_lines(path, "--sources needs a file with lines of CLIP, a tab and PATH", whole=True):
        clip, _, source = line.partition("\t")
        clip = clip.strip()
        if not clip or not source.strip():
            raise InputError(f"{path}:{number}: is not CLIP, a tab and PATH, like a.mp4<tab>/films/a.mp4; fix the line")
        if clips is not None and clip not in clips:
            continue
        if clip in sources:
            raise InputError(f"{path}:{number}: {printable(clip)} is listed twice; remove one")
        sources[clip] = source
    return sources


def find_sources(given: str | None, *datasets: str, clips: Container[str] | None = None) -> dict[str, str]:
    """The given table; else those of all data sets that have one, in order.

    That is `gt_v2/clips.csv` if a data set lists its clips, else `gt_v2/sources.txt`. An unreadable table that was not
    given is skipped with a line that says so.

    Parameters
    ----------
    given : value of `--sources`, None if it is left out
    datasets : directories of data sets
    clips : as for `read_sources`

    Raises
    ------
    InputError
        As `read_sources`, for a table that was given.
    """
    if given is not None:
        return read_sources(given, clips)
    found: dict[str, str] = {}
    for dataset in datasets:
        path = files.join(dataset, SOURCES_FILE)
        try:
            if lists_clips(dataset):
                found = {**listed_sources(dataset, clips, FOLDERS), **found}
            elif files.is_file(path):
                found = {**read_sources(path, clips), **found}
        except InputError as error:
            print(f"{error}; its clips are shown without the files that they were made of", flush=True)
    return found
