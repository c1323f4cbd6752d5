"""iQIYI-VID-2019: the names and splits of its clips, and its files of labels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import files
from ..errors import InputError
from ..files.text import printable, read_lines
from .dataset import STAGES, TEST, TRAIN, TRAIN_FILE, VAL, VAL_FILE, parse_label, read_labels, read_train_labels

LABEL_FILES = {TRAIN: "train_gt.txt", VAL: "val_gt.txt"}  # lines NAME LABEL, or LABEL NAME NAME ...
ENDING = ".mp4"  # which the pickles leave out, and a submission needs
ENDED = re.compile(r"\.[A-Za-z0-9]{2,5}\Z")
PART = re.compile(r"(?:\A|[^a-z])(train|val|test)(?:\Z|[^a-z])")
LONGEST_NAME = 200  # characters


def clip_name(key: str | bytes) -> str:
    """The name of a clip in the data set, from its key in a pickle.

    Raises
    ------
    ValueError
        If it is not a valid name.
    """
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    name = text if ENDED.search(text) else f"{text}{ENDING}"
    if not text or len(name) > LONGEST_NAME or "/" in name or not name.isprintable() or any(map(str.isspace, name)):
        raise ValueError(f"{printable(text[:40])!r} is not a valid clip name")
    return name


def part_in(name: str) -> str | None:
    """The part of the data set given in a name like `IQIYI_VID_VAL_0000001.mp4` or `face_val_v2.pickle`."""
    found = PART.search(name.lower())
    return None if found is None else found[1]


def official_files(dataset: str) -> dict[str, str]:
    """The existing files of labels of 2019's layout by their part; none if those of 2018 exist."""
    if any(files.is_file(files.join(dataset, name)) for name in (TRAIN_FILE, VAL_FILE)):
        return {}
    paths = {part: files.join(dataset, name) for part, name in LABEL_FILES.items()}
    return {part: path for part, path in paths.items() if files.is_file(path)}


def read_official_labels(path: str) -> dict[str, int]:
    """Label of each clip of `train_gt.txt` or `val_gt.txt`, whose lines are `NAME LABEL` or `LABEL NAME NAME ...`.

    Raises
    ------
    InputError
        If it can't be read, a line is neither, or a clip has two labels.
    """
    labels: dict[str, int] = {}
    for number, name, label in _named(path):
        if labels.setdefault(name, label) != label:
            raise InputError(f"{path}:{number}: {name} is listed under {labels[name]} and under {label}; fix the file")
    return labels


def _named(path: str) -> Iterator[tuple[int, str, int]]:
    for number, line in read_lines(path, "--dataset needs train_gt.txt and val_gt.txt, or gt_v2"):
        first, *others = line.split()
        if not others:
            raise InputError(f"{path}:{number}: is neither NAME LABEL nor LABEL NAME NAME ...; fix the line")
        text, names = (first, others) if first.isdigit() else (" ".join(others), [first])
        label = parse_label(path, number, text)
        for name in names:
            try:
                yield number, clip_name(name), label
            except ValueError as error:
                raise InputError(f"{path}:{number}: {error}; fix the line") from None


def listed_parts(dataset: str) -> dict[str, str]:
    """The part of each clip in the files of labels, of the layout of 2018 or 2019.

    Raises
    ------
    InputError
        If there is no such file, one can't be read, or a clip is of two parts.
    """
    parts: dict[str, str] = {}
    paths = official_files(dataset)
    if not paths:
        there = {TRAIN: files.join(dataset, TRAIN_FILE), VAL: files.join(dataset, VAL_FILE)}
        paths = {part: path for part, path in there.items() if files.is_file(path)}
        if not paths:
            raise InputError(
                f"--dataset {dataset}: has neither {' and '.join(LABEL_FILES.values())} nor {TRAIN_FILE}; give the "
                "directory that contains them"
            )
        listed = {part: (read_train_labels if part == TRAIN else read_labels)(path) for part, path in paths.items()}
    else:
        listed = {part: read_official_labels(path) for part, path in paths.items()}
    for part, labels in listed.items():
        for name in labels:
            if parts.setdefault(name, part) != part:
                raise InputError(f"{paths[part]}: {printable(name)} is also in {parts[name]}; fix one of the files")
    return parts


def part_of_clip(name: str, listed: dict[str, str], stage: str, source: str) -> str:
    """The part of the data set that a clip belongs to: by the files of labels, else its name, else its pickle's name.

    Parameters
    ----------
    listed : as returned by `listed_parts`
    stage : `trainval` or `test`; with `test` every clip is of test
    source : path of the pickle

    Raises
    ------
    InputError
        If none of them tells.
    """
    if STAGES[stage] == (TEST,):
        return TEST
    found = listed.get(name) or part_in(name) or part_in(files.base_name(source))
    if found is None:
        raise InputError(
            f"{source}: can't tell whether clip {printable(name)} is of train or val, from neither a file of labels "
            "nor its "
            "name nor the pickle's; give --dataset DIR, or name the pickle train.pickle or val.pickle"
        )
    return found
