"""What the classifier learns from: the vectors and labels of clips, and which of them train or validate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..clips.dataset import TRAIN, VAL
from ..config import config
from ..errors import InputError
from ..tables import StageReader, vectors
from ..training.folds import deal_folds
from .clip_sources import read_clip_sources
from .recipes import SEED, recipe_of

HELD_OUT = 0.01  # share that --split 0 validates on


@dataclass(frozen=True)
class TrainingSet:
    """features (n, D) float32, labels (n,) int64, which rows (n,) bool are of the train split, and the accounts of
    all clips in words, and the recipe."""

    features: np.ndarray
    labels: np.ndarray
    is_train: np.ndarray
    accounts: str = ""
    recipe: str = SEED

    @property
    def classes(self) -> int:
        """One more than the largest label: class 0 is nobody's. 2 at least."""
        return max(2, 1 + int(self.labels.max(initial=0)))

    def rows(self, chosen: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """The features and labels of some rows, on a device."""
        whole = bool(chosen.all())
        features = self.features if whole else self.features[chosen]
        return torch.from_numpy(features).to(device), torch.from_numpy(self.labels[chosen]).to(device)


def read_training_set(path: str, num_classes: int | None = None) -> TrainingSet:
    """What genfeat.py wrote.

    Parameters
    ----------
    num_classes : that its labels must fit; None for any

    Raises
    ------
    InputError
        If it is no training set or a label is not below `num_classes`.
    """
    reader = StageReader(path, ("genfeat",))
    try:
        features = np.empty((reader.rows, reader.width), np.float32)
        labels = np.empty(reader.rows, np.int64)
        is_train = np.empty(reader.rows, bool)
    except (MemoryError, ValueError):
        raise InputError(f"{path}: {reader.rows} clips of {reader.width} numbers don't fit into the memory") from None
    at = 0
    for batch in reader.batches():
        rows = slice(at, at + batch.num_rows)
        features[rows] = vectors(batch.column("feature"))
        labels[rows] = batch.column("label").to_numpy()
        splits = batch.column("split").to_pylist()
        if not set(splits) <= {TRAIN, VAL}:
            raise InputError(f"{path}: holds clips of {', '.join(sorted(set(splits)))}; train on --stage trainval")
        is_train[rows] = [split == TRAIN for split in splits]
        at += batch.num_rows
    if at and labels.min() < 0:
        raise InputError(f"{path}: has the label {labels.min()}; run genfeat.py again")
    if at and num_classes is not None and labels.max() >= num_classes:
        raise InputError(
            f"{path}: label {labels.max()} does not fit --num-classes {num_classes}; give one more than the largest"
        )
    return TrainingSet(features, labels, is_train, str(reader.accounts), recipe_of(reader.arguments))


def choose_rows(data: TrainingSet, split: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows train and which validate, two (n,) bool arrays, as `--split` says."""
    everything = np.ones(len(data.labels), bool)
    nothing = ~everything
    known = data.labels != config.SUBMIT.NOBODY
    if split == 1:
        return everything, nothing
    if split == -1:
        return data.is_train & known, ~data.is_train & known
    if split == -2:
        return known, nothing
    held_out = nothing.copy()
    count = max(1, round(HELD_OUT * len(everything)))
    held_out[np.random.default_rng(seed).permutation(len(everything))[:count]] = True
    return ~held_out, held_out


def fold_rows(path: str, labels: np.ndarray, count: int) -> np.ndarray:
    """The fold of each clip of a training set, see `deal_folds`."""
    clips = read_clip_sources(path)
    return deal_folds(labels, clips.names, clips.sources, count)
