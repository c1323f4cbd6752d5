"""The record of a classifier's training, PREFIX-train.json: what it learnt from, which labels, and how well."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from ...files.json import read_json
from ...files.schema import Count, Digest, Name
from ...files.text import printable
from ...scores.extra_classes import ExtraClasses

MOST_FOLDS = 100  # of --folds
SHOWN = 400  # characters of a line that a record gives
Label = Annotated[int, Meta(ge=0, lt=1 << 31)]


class Point(Struct):
    """An epoch of the curve."""

    epoch: Count
    accuracy: float
    loss: float
    val_accuracy: float | None = None


class TrainingArguments(Struct):
    """Those arguments of `train_mlp.py` that another command reads."""

    data: Name
    recipe: Name | None = None


class HeadRecord(Struct):
    """The origin of the scores: a head of `train_mlp.py --head`, and the reason for it."""

    kind: str
    why: str

    @property
    def line(self) -> str:
        """What commands print of it."""
        return printable(f"{self.kind}: {self.why}")[:SHOWN]


class TrainingRecord(Struct):
    """What the file holds; `labels` is None if it is not known which there are, `head` in older files, `classes`
    where all classes but 0 are of people.

    `folds` is how many classifiers `train_mlp.py --folds` learnt, and None if it is a single one.
    """

    arguments: TrainingArguments
    curve: list[Point]
    labels: list[Label] | None = None
    head: HeadRecord | None = None
    classes: ExtraClasses | None = None
    folds: Annotated[int, Meta(ge=2, le=MOST_FOLDS)] | None = None
    training_set: Digest | None = field(name="training set", default=None)


class TrainingOrigin(Struct):
    """What a classifier was made of: all arguments, and the sha256 of the files and of the training set's manifest."""

    arguments: dict[str, Any]
    files: dict[str, Digest]
    training_set: Digest = field(name="training set")


def read_training_record(path: str) -> TrainingRecord:
    """Read one.

    Raises
    ------
    OSError
        If it can't be read.
    ValueError
        If it is not a record; says what is wrong.
    """
    return read_json(path, TrainingRecord)
