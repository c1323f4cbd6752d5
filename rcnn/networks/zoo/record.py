"""The record of a classifier's training, PREFIX-train.json: training data, labels and accuracy."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from ...files.json import read_json
from ...files.schema import Count, Digest, Name
from ...files.text import printable
from ...scores.extra_classes import ExtraClasses

MOST_FOLDS = 100  # limit of --folds
SHOWN = 400  # characters of a printed line from a record
Label = Annotated[int, Meta(ge=0, lt=1 << 31)]


class Point(Struct):
    """An epoch of the curve."""

    epoch: Count
    accuracy: float
    loss: float
    val_accuracy: float | None = None


class TrainingArguments(Struct):
    """The arguments of `train_mlp.py` that other commands read."""

    data: Name
    recipe: Name | None = None


class HeadRecord(Struct):
    """The origin of the scores: a head of `train_mlp.py --head`, and the reason for it."""

    kind: str
    why: str

    @property
    def line(self) -> str:
        """The line that commands print."""
        return printable(f"{self.kind}: {self.why}")[:SHOWN]


class TrainingRecord(Struct):
    """The content of the file. `labels` is None if unknown, `head` in older files, `classes` if all classes except 0
    are people.

    `folds` is the number of classifiers of `train_mlp.py --folds`, None for a single one.
    """

    arguments: TrainingArguments
    curve: list[Point]
    labels: list[Label] | None = None
    head: HeadRecord | None = None
    classes: ExtraClasses | None = None
    folds: Annotated[int, Meta(ge=2, le=MOST_FOLDS)] | None = None
    training_set: Digest | None = field(name="training set", default=None)


class TrainingOrigin(Struct):
    """The inputs of a training: all arguments, and the sha256 of the files and of the training set's manifest."""

    arguments: dict[str, Any]
    files: dict[str, Digest]
    training_set: Digest = field(name="training set")


def read_training_record(path: str) -> TrainingRecord:
    """Read a record.

    Raises
    ------
    OSError
        If it can't be read.
    ValueError
        If it is not a valid record; the message says why.
    """
    return read_json(path, TrainingRecord)
