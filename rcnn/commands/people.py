"""Adds a person to a finished run, merges two, renames one, or lists all: people add, merge, rename, list.

Each of the four has a help of its own: `python -m rcnn people add --help`. `add "Ada Lovelace" --group 0` takes a group
of `python -m rcnn groups` in place of photographs.
"""

from __future__ import annotations

import difflib
import sys

from ..errors import InputError
from ..stages.settings.people import AddPersonSettings, ListPeopleSettings, MergePeopleSettings, RenamePersonSettings
from .arguments import read_settings

HELP = ("-h", "--help")
EXAMPLES = {
    "add": 'python -m rcnn people add "Ada Lovelace" ada.jpg --run ./found',
    "merge": 'python -m rcnn people merge "Ada Lovelace" "Ada King" --run ./found',
    "rename": 'python -m rcnn people rename "Ada King" "Ada Lovelace" --run ./found',
    "list": "python -m rcnn people list --run ./found",
}


def main() -> None:
    action = sys.argv[1] if len(sys.argv) > 1 else HELP[1]
    if action in HELP:
        print("\n".join([f"usage: python -m rcnn people {'|'.join(EXAMPLES)} ...", "", __doc__, *EXAMPLES.values()]))
        return
    if action not in EXAMPLES:
        near = difflib.get_close_matches(action, EXAMPLES, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"{action!r:.40} is none of {', '.join(EXAMPLES)}{meant}; see python -m rcnn people --help")
    sys.argv[:2] = [f"{sys.argv[0]} {action}"]
    RUN[action]()


def _add() -> None:
    """Adds a person, or more photographs of one, to a finished run; or names a group of tracks."""
    settings = read_settings(_add.__doc__, EXAMPLES["add"], AddPersonSettings)

    from ..stages.people import add_person

    add_person(settings)


def _merge() -> None:
    """Makes two people one: the photographs of the second are the first one's from now on."""
    settings = read_settings(_merge.__doc__, EXAMPLES["merge"], MergePeopleSettings)

    from ..stages.people import merge_people

    merge_people(settings)


def _rename() -> None:
    """Shows a person under another name; label and photographs stay."""
    settings = read_settings(_rename.__doc__, EXAMPLES["rename"], RenamePersonSettings)

    from ..stages.people import rename_person

    rename_person(settings)


def _list() -> None:
    """Lists the people of a run: label, name, photographs, and in how many appearances they are."""
    settings = read_settings(_list.__doc__, EXAMPLES["list"], ListPeopleSettings)

    from ..stages.people import list_people

    list_people(settings)


RUN = {"add": _add, "merge": _merge, "rename": _rename, "list": _list}
