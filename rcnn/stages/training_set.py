"""The classifier's training set: the vectors and labels of clips, and which of them train or validate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from ..clips.dataset import TRAIN, VAL
from ..config import config
from ..errors import InputError
from ..scores.extra_classes import ExtraClasses
from ..tables import StageReader, vectors
from ..tables.schema import KIND, OWN, has_kinds
from ..training.folds import deal_folds
from .clip_sources import read_clip_sources
from .recipes import SEED, recipe_of

if TYPE_CHECKING:
    import torch

HELD_OUT = 0.01  # share of the clips that --split 0 validates on


@dataclass(frozen=True)
class TrainingSet:
    """Rows of clips; most clips have one.

    features : (n, D) float32
    labels : (n,) int64
    is_train : (n,) bool, which are of the train split
    accounts : of all clips, in words
    recipe : it was made with
    extra : the classes of strangers, above the people; None if all strangers are in class 0
    own : (n,) bool, rows with the vector of their clip, not a mean of some of its faces or another track; None if all
        are
    """

    features: np.ndarray
    labels: np.ndarray
    is_train: np.ndarray
    accounts: str = ""
    recipe: str = SEED
    extra: ExtraClasses | None = None
    own: np.ndarray | None = None

    @property
    def people(self) -> int:
        """The largest label of a person, 1 at least."""
        return self.extra.people if self.extra else max(1, int(self.labels.max(initial=0)))

    @property
    def classes(self) -> int:
        """Number of classes of a classifier: class 0, then people, then strangers."""
        return self.extra.classes if self.extra else 1 + self.people

    @property
    def clips(self) -> np.ndarray:
        """(n,) int64, the index of each row's clip, rising."""
        return np.arange(len(self.labels)) if self.own is None else np.cumsum(self.own) - 1

    @property
    def judging(self) -> np.ndarray:
        """(n,) bool, the rows used for evaluation: one per clip, its own."""
        return np.ones(len(self.labels), bool) if self.own is None else self.own

    def known(self, rows: np.ndarray) -> np.ndarray:
        """The labels of some rows (n,) bool, with class 0 for strangers: the ones to rank."""
        labels = self.labels[rows]
        return np.where(labels <= self.people, labels, config.SUBMIT.NOBODY)

    def words(self, rows: np.ndarray) -> str:
        """The number of some rows (n,) bool, for messages."""
        count = int(rows.sum())
        return f"{count} clips" if self.own is None else f"{count} rows of {len(set(self.clips[rows]))} clips"

    def with_all_rows(self, rows: np.ndarray) -> np.ndarray:
        """Some rows (n,) bool, extended by all other rows of their clips."""
        if self.own is None:
            return rows
        return np.isin(self.clips, self.clips[rows])

    def rows(self, chosen: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """The features and labels of some rows, on a device."""
        import torch  # needed only by a head that is trained

        whole = bool(chosen.all())
        features = self.features if whole else self.features[chosen]
        return torch.from_numpy(features).to(device), torch.from_numpy(self.labels[chosen]).to(device)


def read_training_set(path: str, num_classes: int | None = None) -> TrainingSet:
    """Read the output of genfeat.py.

    Parameters
    ----------
    num_classes : upper bound of its labels; None for any

    Raises
    ------
    InputError
        If it is not a training set or a label is not below `num_classes`.
    """
    reader = StageReader(path, ("genfeat",))
    extra, several = reader.strangers, has_kinds(reader.schema)
    try:
        features = np.empty((reader.rows, reader.width), np.float32)
        labels = np.empty(reader.rows, np.int64)
        is_train = np.empty(reader.rows, bool)
        own = np.ones(reader.rows, bool)
    except (MemoryError, ValueError):
        raise InputError(f"{path}: {reader.rows} clips of {reader.width} numbers don't fit into memory") from None
    at = 0
    for batch in reader.batches():
        rows = slice(at, at + batch.num_rows)
        features[rows] = vectors(batch.column("feature"))
        labels[rows] = batch.column("label").to_numpy()
        splits = batch.column("split").to_pylist()
        if not set(splits) <= {TRAIN, VAL}:
            raise InputError(f"{path}: contains clips of {', '.join(sorted(set(splits)))}; train on --stage trainval")
        is_train[rows] = [split == TRAIN for split in splits]
        if several:
            own[rows] = pc.equal(batch.column(KIND[0]), OWN).to_numpy(zero_copy_only=False)
        at += batch.num_rows
    if at and labels.min() < 0:
        raise InputError(f"{path}: has the label {labels.min()}; run genfeat.py again")
    largest = int(labels[reader.of_people(labels)].max(initial=0))
    if extra is not None and at and labels.max() >= extra.classes:
        raise InputError(
            f"{path}: has the label {labels.max()}, above its {extra.strangers} strangers; run genfeat.py again"
        )
    if num_classes is not None and largest >= num_classes:
        raise InputError(
            f"{path}: label {largest} does not fit --num-classes {num_classes}; give one more than the largest"
        )
    if several and at and not own[0]:
        raise InputError(f"{path}: starts with a row that is not a clip's own; run genfeat.py again")
    if num_classes is not None:
        extra = ExtraClasses(num_classes - 1, extra.strangers if extra else 0)
        labels = class_of(labels, reader, extra)
    ways = recipe_of(reader.arguments)
    return TrainingSet(features, labels, is_train, str(reader.accounts), ways, extra, own if several else None)


def class_of(labels: np.ndarray, reader: StageReader, extra: ExtraClasses | None) -> np.ndarray:
    """The classes (n,) int of labels (n,) of a training set in a classifier with classes of strangers, which follow all
    the people that `--num-classes` leaves room for."""
    if reader.strangers is None or extra is None:
        return labels
    return np.where(labels > reader.strangers.people, labels + extra.people - reader.strangers.people, labels)


def choose_rows(data: TrainingSet, split: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows train and which validate, two (n,) bool arrays, as `--split` says."""
    everything = np.ones(len(data.labels), bool)
    nothing = ~everything
    known = data.labels != config.SUBMIT.NOBODY
    if split == 1:
        return everything, nothing
    if split == -1:
        people = known & (data.labels <= data.people)
        return data.is_train & known, ~data.is_train & people & data.judging
    if split == -2:
        return known, nothing
    clips = np.flatnonzero(data.judging)
    count = max(1, round(HELD_OUT * len(clips)))
    held_out = nothing.copy()
    held_out[clips[np.random.default_rng(seed).permutation(len(clips))[:count]]] = True
    return ~data.with_all_rows(held_out), held_out


def fold_rows(path: str, data: TrainingSet, count: int) -> np.ndarray:
    """The fold of each row of a training set, see `deal_folds`; all rows of a clip are in one fold."""
    rows = read_clip_sources(path)
    own = np.flatnonzero(data.judging)
    names, sources = ([values[row] for row in own.tolist()] for values in (rows.names, rows.sources))
    return deal_folds(data.labels[own], names, sources, count)[data.clips]
