"""The labels that were ever given in a data set: `gt_v2/labels.csv`, `label,name`, a row for each name.

A person keeps the label when others come and go. One who goes leaves it behind: nobody else gets it, and it is theirs
again when they come back. Several names may have one label, of which the first is shown; a label without a name was of
somebody who was removed. Who is in the data set now, `gt_v2/names.txt` says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping

from .. import files
from ..errors import InputError
from ..files.text import printable, read_rows, table_bytes
from .dataset import LARGEST_LABEL, parse_label
from .layout import LISTS, PEOPLE_FILE
from .names import read_people

LABELS_FILE = f"{LISTS}/labels.csv"
HEADER = ("label", "name")


def person_name(text: str) -> str:
    """A name as lists hold it: in NFC, so that one that came in NFD is the same; what is not UTF-8 as escapes."""
    return unicodedata.normalize("NFC", text.encode(errors="backslashreplace").decode())


def free_name(text: str, label: int, labels: Mapping[str, int]) -> str:
    """A name as lists hold it; with the label behind it where somebody else has that name."""
    name = person_name(text)
    return name if labels.get(name, label) == label else f"{name} ({label})"


def read_given(root: str) -> dict[str, int]:
    """Every label that was given, by each name it was given to; of `gt_v2/names.txt` where there is no list of them.

    Raises
    ------
    InputError
        If the list can't be read, a label is none, or a name is listed twice.
    """
    path = files.join(root, LABELS_FILE)
    if not files.is_file(path):
        people = files.join(root, PEOPLE_FILE)
        known = read_people(people) if files.is_file(people) else {}
        return {person_name(name): label for label, name in sorted(known.items(), reverse=True) if label > 0}
    given: dict[str, int] = {}
    for number, (text, written) in read_rows(path, HEADER, "a data set keeps there who each label is"):
        name, label = person_name(written), parse_label(path, number, text)
        if given.setdefault(name, label) != label:
            raise InputError(f"{path}:{number}: {printable(name)} has the labels {given[name]} and {label}; remove one")
    return given


def give_labels(given: Mapping[str, int], people: Iterable[str]) -> dict[str, int]:
    """The label of each name: that of before, else the next that nobody ever had, in the order of names.

    Parameters
    ----------
    given : every label that was given, by name
    people : names of those who need one

    Raises
    ------
    InputError
        If there are no labels left.
    """
    labels = dict(given)
    last = max(labels.values(), default=0)
    for name in sorted(map(person_name, people)):
        if name not in labels:
            last += 1
            labels[name] = last
    if last > LARGEST_LABEL:
        raise InputError(f"{LABELS_FILE}: has a label of {LARGEST_LABEL}, above which there is none; fix the list")
    return labels


def names_now(labels: Mapping[str, int], people: Collection[str]) -> dict[int, str]:
    """The name of each label that one of these people has; of several names the first in `labels`."""
    names: dict[int, str] = {}
    for name in labels:
        if name in people:
            names.setdefault(labels[name], name)
    return names


def write_given(root: str, labels: Mapping[str, int]) -> None:
    """Write the list of a data set, sorted by label; it appears whole or not at all."""
    rows = ((labels[name], name) for name in sorted(labels, key=lambda name: labels[name]))
    files.write_bytes(files.join(root, LABELS_FILE), table_bytes(HEADER, rows))
