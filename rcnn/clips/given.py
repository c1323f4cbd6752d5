"""The labels ever assigned in a data set: `gt_v2/labels.csv`, `label,name`, a row for each name.

A person keeps their label when others are added or removed. A removed person's label is not reused, and is theirs again
when they come back. Several names may have one label; the first of them is shown. A label without a name belonged to a
person who was forgotten. `gt_v2/names.txt` lists the current people of the data set.
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
    """A name as stored in lists: in NFC, so that the same name in NFD is equal; bytes that are not UTF-8 as escapes."""
    return unicodedata.normalize("NFC", text.encode(errors="backslashreplace").decode())


def free_name(text: str, label: int, labels: Mapping[str, int]) -> str:
    """A name as stored in lists, followed by the label if someone else has that name."""
    name = person_name(text)
    return name if labels.get(name, label) == label else f"{name} ({label})"


def read_given(root: str) -> dict[str, int]:
    """Every assigned label, by each of its names; from `gt_v2/names.txt` if there is no list.

    Raises
    ------
    InputError
        If the list can't be read, a label is invalid, or a name is listed twice.
    """
    path = files.join(root, LABELS_FILE)
    if not files.is_file(path):
        people = files.join(root, PEOPLE_FILE)
        known = read_people(people) if files.is_file(people) else {}
        return {person_name(name): label for label, name in sorted(known.items(), reverse=True) if label > 0}
    given: dict[str, int] = {}
    for number, (text, written) in read_rows(path, HEADER, "it records the names of a data set's labels"):
        name, label = person_name(written), parse_label(path, number, text)
        if given.setdefault(name, label) != label:
            raise InputError(f"{path}:{number}: {printable(name)} has the labels {given[name]} and {label}; remove one")
    return given


def give_labels(given: Mapping[str, int], people: Iterable[str]) -> dict[str, int]:
    """The label of each name: its earlier one, else the next unused one, in the order of names.

    Parameters
    ----------
    given : every assigned label, by name
    people : names that need a label

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
        raise InputError(f"{LABELS_FILE}: has the label {LARGEST_LABEL}, the largest possible one; fix the list")
    return labels


def names_now(labels: Mapping[str, int], people: Collection[str]) -> dict[int, str]:
    """The name of each label that one of these people has; if several, the first in `labels`."""
    names: dict[int, str] = {}
    for name in labels:
        if name in people:
            names.setdefault(labels[name], name)
    return names


def write_given(root: str, labels: Mapping[str, int]) -> None:
    """Write the list of a data set, sorted by label, atomically."""
    rows = ((labels[name], name) for name in sorted(labels, key=lambda name: labels[name]))
    files.write_bytes(files.join(root, LABELS_FILE), table_bytes(HEADER, rows))
