"""The names of labels: `names.txt`, and how a label is shown."""

from __future__ import annotations

from collections.abc import Mapping

from .. import files
from ..errors import InputError
from ..files.text import printable, read_lines
from .dataset import parse_label
from .layout import PEOPLE_FILE


def read_people(path: str) -> dict[int, str]:
    """Name of each label, from a file with lines `LABEL NAME`; a name may contain spaces.

    Raises
    ------
    InputError
        If the file can't be read, a line has no label or no name, or a label is listed twice.
    """
    people: dict[int, str] = {}
    for number, line in read_lines(path, "--names needs a file with lines LABEL NAME"):
        fields = line.split(maxsplit=1)
        if len(fields) < 2:
            raise InputError(f"{path}:{number}: is not LABEL NAME, like 7 Ada Lovelace; fix the line")
        label = parse_label(path, number, fields[0], least=0)
        if label in people:
            raise InputError(f"{path}:{number}: label {label} is listed twice; remove one")
        people[label] = printable(fields[1])
    return people


def find_people(given: str | None, *datasets: str) -> dict[int, str]:
    """The names in the given file; else in the first data set that has `gt_v2/names.txt`; else none.

    An unreadable file that was not given is skipped with a line that says so.

    Parameters
    ----------
    given : value of `--names`, None if it is left out
    datasets : directories of data sets

    Raises
    ------
    InputError
        As `read_people`, for a file that was given.
    """
    if given is not None:
        return read_people(given)
    for dataset in datasets:
        path = files.join(dataset, PEOPLE_FILE)
        try:
            if files.is_file(path):
                return read_people(path)
        except InputError as error:
            print(f"{error}; labels are shown without names", flush=True)
            return {}
    return {}


def show(label: int, people: Mapping[int, str]) -> str:
    """`label 7`, or `label 7 (Ada Lovelace)` if the name is known."""
    return f"label {label} ({people[label]})" if label in people else f"label {label}"
