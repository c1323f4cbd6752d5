"""Lists photographs in folders of people, and selects the held-out people."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import InputError
from ..video.photographs import ENDINGS

HELD_OUT_ONE_IN = 5


def held_out(person: str) -> bool:
    """Whether a person is held out for evaluation: one in five, by a platform-independent hash of the name."""
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big") % HELD_OUT_ONE_IN == 0


def pictures_in(folder: Path) -> list[Path]:
    """Paths of the pictures directly in a folder, sorted; empty if it is not a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS) if folder.is_dir() else []


def list_unnamed(folder: str) -> list[Path]:
    """Paths of `folder`/*.jpg and other pictures, sorted.

    Raises
    ------
    InputError
        If there is none.
    """
    paths = pictures_in(Path(folder))
    if not paths:
        raise InputError(f"{folder}: contains no photographs; they must be in the folder itself")
    return paths


def list_photographs(folder: str) -> dict[str, list[Path]]:
    """Paths by person of `folder`/PERSON/*.jpg and other pictures, both sorted.

    Raises
    ------
    InputError
        If there is none.
    """
    root = Path(folder)
    people = {
        entry.name: pictures_in(entry) for entry in (sorted(root.iterdir()) if root.is_dir() else ()) if entry.is_dir()
    }
    people = {person: paths for person, paths in people.items() if paths}
    if not people:
        raise InputError(f"{folder}: contains no photographs; they must be in {folder}/PERSON/")
    return people
