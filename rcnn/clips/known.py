"""A folder of people to search for: `NAME.jpg`, or `NAME/` with photographs and videos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from .folder import Item, Skipped, scan
from .gather import NOT_UTF8, SourceFile, is_utf8
from .given import person_name

FLAG = "--people"


def known_people(source: Path, apart: Sequence[Path] = ()) -> tuple[dict[str, list[SourceFile]], list[Skipped]]:
    """The files of each person, and all other files, both sorted.

    A folder's files belong to the person of its name; a file outside folders belongs to the person of its stem. Names
    are compared in Unicode's composed form.

    Parameters
    ----------
    apart : folders in it to ignore, absolute

    Raises
    ------
    InputError
        If there is no such folder, or it contains no file that may be a photograph or a video.
    """
    people, skipped = scan(source, FLAG, True, apart)
    found: dict[str, list[SourceFile]] = {}
    for item in sorted(item for items in people.values() for item in items):
        path = str(item.path)
        if not is_utf8(path):
            skipped.append(Skipped(_place(item, source), NOT_UTF8))
            continue
        state = item.path.stat()
        found.setdefault(_name(item.person), []).append(SourceFile(path, state.st_size, state.st_mtime_ns))
    skipped = sorted(replace(skip, file=str(source.absolute() / skip.file)) for skip in skipped)
    if not found:
        raise InputError(
            f"{FLAG} {source}: contains no photograph and no video; it must contain NAME.jpg, or a folder NAME with "
            f"photographs or videos, for each person{_reasons(skipped)}"
        )
    return {name: sorted(found[name]) for name in sorted(found)}, skipped


def _name(name: str) -> str:
    """A person's name, from the name of a folder or the stem of a file."""
    return " ".join(person_name(name).split())


def _place(item: Item, source: Path) -> str:
    return item.path.relative_to(source.absolute()).as_posix()


def _reasons(skipped: Sequence[Skipped]) -> str:
    return f"; {os.path.basename(skipped[0].file)} {skipped[0]}" if skipped else ""
