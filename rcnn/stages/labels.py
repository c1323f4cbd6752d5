"""The current labels of the clips of stage directories, in the data set that these were made from."""

from __future__ import annotations

from ..clips.labels import label_files, read_labels_of
from ..errors import InputError
from ..report import Lineage


def labelled_datasets(given: str | None, lineage: Lineage) -> list[str]:
    """The given data set; else those behind some directories that exist and have labels."""
    return [given] if given is not None else [path for path in lineage.datasets if label_files(path)]


def labelled_dataset(given: str | None, lineage: Lineage, path: str) -> str:
    """The data set with the labels to learn.

    Parameters
    ----------
    given : value of --dataset, None if it is left out
    path : of the directory whose clips they are, for the message

    Raises
    ------
    InputError
        If none is given, and none behind the directories exists.
    """
    found = labelled_datasets(given, lineage)
    if not found:
        lineage.say_closed()
        raise InputError(f"{path}: the data set that it was made from does not exist; give --dataset DIR")
    return found[0]


def find_labels(given: str | None, lineage: Lineage) -> dict[str, int]:
    """The labels of all these data sets, in their order; none if no data set exists.

    Parameters
    ----------
    given : value of --dataset, None if it is left out

    Raises
    ------
    InputError
        As `read_labels_of`.
    """
    labels: dict[str, int] = {}
    for dataset in labelled_datasets(given, lineage):
        labels = {**read_labels_of(dataset), **labels}
    return labels
