"""Who is in which clip: the current labels of a data set, read again by each stage that needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from .. import files
from ..errors import InputError
from ..files.text import printable
from .dataset import (
    NAMES_FILE,
    NOBODY_KNOWN,
    TEST,
    TRAIN_FILE,
    VAL_FILE,
    read_labels,
    read_listed_names,
    read_train_labels,
)
from .listed import CLIPS_FILE, lists_clips
from .official import official_files, read_official_labels

Labels = Mapping[str, int]  # label of a person, 1 or more, by clip name; clips that are not listed show unknown people


def label_files(dataset: str) -> list[str]:
    """The existing files with the labels of a data set."""
    paths = [path for path in (files.join(dataset, name) for name in (TRAIN_FILE, VAL_FILE)) if files.is_file(path)]
    return paths or list(official_files(dataset).values())


def read_labels_of(dataset: str) -> dict[str, int]:
    """The label of each clip of train and val that shows a known person.

    Parameters
    ----------
    dataset : directory of the data set

    Raises
    ------
    InputError
        If a file can't be read, has a clip under two people, or names clips of another data set only.
    """
    if official := official_files(dataset):
        return _agreeing(*(official[part] for part in official))
    train_path, val_path = files.join(dataset, TRAIN_FILE), files.join(dataset, VAL_FILE)
    listed = CLIPS_FILE if lists_clips(dataset) else NAMES_FILE
    # a list of clips may have none of val, but a data set that lacks a file of labels may be half unpacked
    none = listed == CLIPS_FILE
    train = {} if none and not files.is_file(train_path) else read_train_labels(train_path)
    val = {} if none and not files.is_file(val_path) else read_labels(val_path)
    names = read_listed_names(dataset)
    for labels, path in ((train, train_path), (val, val_path)):
        _check_known(names, labels, path, listed)
    for name in train.keys() & val.keys():
        if train[name] != val[name]:
            raise InputError(
                f"{val_path}: {printable(name)} is listed under {val[name]}, and in {TRAIN_FILE} under {train[name]}; "
                "fix one of them"
            )
    return train | val


def _agreeing(first: str, *others: str) -> dict[str, int]:
    """The labels of the layout of 2019, which lists only clips with a label."""
    labels = read_official_labels(first)
    for path in others:
        for name, label in read_official_labels(path).items():
            if labels.setdefault(name, label) != label:
                raise InputError(
                    f"{path}: {printable(name)} is listed under {label}, and in {first} under {labels[name]}; fix one "
                    "of "
                    "them"
                )
    return labels


def _check_known(names: Collection[str], labels: Labels, path: str, listed: str) -> None:
    """Print how many labels belong to unknown clips; if all do, the file belongs to another data set."""
    unknown = [name for name in labels if name not in names]
    if labels and len(unknown) == len(labels):
        raise InputError(f"{path}: {listed} names none of its {len(labels)} clips; get files of one data set")
    if unknown:
        print(f"{path}: {len(unknown)} of its {len(labels)} clips, for example {min(unknown)!r}, are not in {listed}")


def label_of(name: str, split: str, labels: Labels) -> int:
    """The label of a clip; `NOBODY_KNOWN` for every clip of test, even if a file has a label for it."""
    return NOBODY_KNOWN if split == TEST else labels.get(name, NOBODY_KNOWN)


def labels_of(names: Sequence[str], splits: Iterable[str], labels: Labels) -> np.ndarray:
    """`label_of` each clip, (n,) int32."""
    if not labels:
        return np.full(len(names), NOBODY_KNOWN, np.int32)
    return np.array([label_of(*clip, labels) for clip in zip(names, splits, strict=True)], np.int32)
