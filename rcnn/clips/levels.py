"""A folder of people that was given one level too high (TEAM/NAME/*.jpg) or too low (one person's photographs)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import InputError
from ..files.text import printable

NAMED = 2  # folders that a message names


def folders_inside(names: Iterable[str]) -> int:
    """How many folders a person's photographs are in, if it may be that each is a person; else 0.

    Parameters
    ----------
    names : paths below the person's folder, with / between folders
    """
    parts = [name.split("/") for name in names]
    folders = {part[0] for part in parts if len(part) > 1}
    return len(folders) if len(folders) > 1 and all(len(part) > 1 for part in parts) else 0


def check_not_above(source: Path, flag: str, inside: Mapping[str, int]) -> None:
    """Refuse a folder in which every folder that would be a person seems to contain people.

    Parameters
    ----------
    flag : option that gives the folder
    inside : folders with photographs in the folder of each person, if each of these may be a person; else 0

    Raises
    ------
    InputError
        Names the folder to give.
    """
    if not inside or not all(inside.values()):
        return
    give = f"{flag} {shlex.quote(str(source / next(iter(inside))))}"
    names = ", ".join(map(printable, list(inside)[:NAMED])) + (", ..." if len(inside) > NAMED else "")
    if len(inside) == 1:
        raise InputError(
            f"{flag} {source}: contains one folder, {names}, with photographs in folders inside it; if each of these "
            f"is a person, give {give}"
        )
    raise InputError(
        f"{flag} {source}: contains {len(inside)} folders, {names}, with photographs in folders inside them; if each "
        f"of these is a person, give {give}, or move all of them into one folder and give that"
    )


def below_people(source: Path, flag: str) -> InputError:
    """The error for a folder with photographs and no folders: it may be the folder of one person."""
    above = os.path.normpath(source / os.pardir)
    return InputError(
        f"{flag} {source}: contains files and no folder for each person; if it is the folder of one person, give the "
        f"one above: {flag} {shlex.quote(above)}"
    )


def notes(inside: Mapping[str, int], flag: str, folders: Mapping[str, Path]) -> list[str]:
    """Lines about people whose folders may contain people, beside others whose folders do not.

    Parameters
    ----------
    inside : as for `check_not_above`
    folders : of these people
    """
    found = [person for person, count in inside.items() if count]
    lines = [
        f"{printable(person)} is one person, with photographs in {inside[person]} folders; if each of these is a "
        f"person, give {flag} {shlex.quote(str(folders[person]))}"
        for person in found[:NAMED]
    ]
    more = len(found) - NAMED
    return [*lines, f"{more} more folders of one person are like these"] if more > 0 else lines
