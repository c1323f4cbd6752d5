"""Lists photographs in folders of people, and selects the held-out people."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..clips.levels import below_people, check_not_above
from ..errors import InputError
from ..files.text import printable
from ..video.photographs import ENDINGS

FLAG = "--faces"  # of the trainers
HELD_OUT_ONE_IN = 5
SEVERAL = 2  # folders inside a person's that may be people, beside a photograph of all of them


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

    Photographs in folders inside PERSON are not read; a line says so where they may be of other people.

    Raises
    ------
    InputError
        If there is none, or every folder seems to contain people.
    """
    root = Path(folder)
    people: dict[str, list[Path]] = {}
    inside: dict[str, int] = {}
    for entry in sorted(root.iterdir()) if root.is_dir() else ():
        photographs, folders = pictures_in(entry), _folders_in(entry)
        if photographs or folders:
            people[entry.name] = photographs
            inside[entry.name] = 0 if photographs and folders < SEVERAL else folders
    check_not_above(root, FLAG, inside)
    people = {person: paths for person, paths in people.items() if paths}
    if not people and pictures_in(root):
        raise below_people(root, FLAG)
    if not people:
        raise InputError(f"{folder}: contains no photographs; they must be in {folder}/PERSON/")
    for person, folders in inside.items():
        if folders:
            named = f"{folders} folders inside {printable(person)}"
            print(f"{FLAG} {folder}: photographs in {named} are not read; if each is a person, move them into {folder}")
    return people


def _folders_in(folder: Path) -> int:
    """How many folders with pictures a folder contains."""
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        return sum(bool(pictures_in(Path(entry.path))) for entry in entries if entry.is_dir())
