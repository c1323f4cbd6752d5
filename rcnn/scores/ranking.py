"""The best clips of every label, from scores that come batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..config import config

COMPACT_FACTOR = 8  # entries that gather, in units of what is kept, before the worse ones are dropped


class Ranking:
    """Keeps for each label its best clips; memory does not grow with the number of clips.

    Clips must come sorted by name: of equal scores the earlier clip is the better one.

    Parameters
    ----------
    classes : number of classes, class 0 being nobody known
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.names: dict[int, str] = {}  # of the clips that some label keeps
        self._labels = np.zeros(0, np.int32)
        self._scores = np.zeros(0, np.float64)
        self._clips = np.zeros(0, np.int64)
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._waiting = 0
        self._count = 0
        self._last = ""  # name of the last clip

    def add(self, names: Sequence[str], scores: np.ndarray) -> None:
        """Enter each clip for its best classes.

        Parameters
        ----------
        names : of n clips, sorted, after all that came before
        scores : (n, classes) float; a clip is entered for the 200 classes with the highest scores above 0,
            class 0 left out; of equal scores the lower label counts as the higher

        Raises
        ------
        ValueError
            If a clip comes twice, or does not come in the order of the names.
        """
        for before, name in pairwise([self._last, *names] if self._count else names):
            if name <= before:
                raise ValueError(f"clips must come once each, sorted by name: {name!r} after {before!r}")
        self._last = names[-1] if len(names) else self._last
        people = scores[:, 1:]
        top = min(config.SUBMIT.CLASSES_PER_CLIP, people.shape[1])
        best = _best_columns(people, top)
        values = np.take_along_axis(people, best, 1)
        clips = np.broadcast_to(np.arange(len(names))[:, None] + self._count, best.shape)
        kept = values > 0
        self._parts.append(((best[kept] + 1).astype(np.int32), values[kept].astype(np.float64), clips[kept]))
        self.names.update(zip(range(self._count, self._count + len(names)), names, strict=True))
        self._count += len(names)
        self._waiting += int(kept.sum())
        if self._waiting > COMPACT_FACTOR * config.SUBMIT.CLIPS_PER_LABEL * max(self.classes, 1000):
            self._compact()

    def _compact(self) -> None:
        parts = [(self._labels, self._scores, self._clips), *self._parts]
        labels, scores, clips = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((clips, -scores, labels))
        labels = labels[order]
        first = np.searchsorted(labels, labels)  # where the label begins
        keep = np.arange(len(labels)) - first < config.SUBMIT.CLIPS_PER_LABEL
        self._labels, self._scores, self._clips = labels[keep], scores[order][keep], clips[order][keep]
        used = set(self._clips.tolist())
        self.names = {index: name for index, name in self.names.items() if index in used}
        self._parts, self._waiting = [], 0

    def scored(self) -> dict[int, list[tuple[str, float]]]:
        """Name and score of the best 100 clips of each label, best first, labels in order; none without a clip."""
        self._compact()
        result: dict[int, list[tuple[str, float]]] = {}
        columns = (self._labels.tolist(), self._clips.tolist(), self._scores.tolist())
        for label, clip, score in zip(*columns, strict=True):
            result.setdefault(label, []).append((self.names[clip], score))
        return result

    def result(self) -> dict[int, list[str]]:
        """The names of `scored` alone, in less memory."""
        self._compact()
        result: dict[int, list[str]] = {}
        for label, clip in zip(self._labels.tolist(), self._clips.tolist(), strict=True):
            result.setdefault(label, []).append(self.names[clip])
        return result


def _best_columns(values: np.ndarray, count: int) -> np.ndarray:
    """(n, count) columns with the highest values, of equal ones the earlier."""
    if count == values.shape[1]:
        return np.broadcast_to(np.arange(count), values.shape)
    edge = -np.partition(-values, count - 1, axis=1)[:, count - 1 : count]  # the value that is just in
    above = values > edge
    level = values == edge
    room = count - above.sum(1, keepdims=True)
    chosen = above | (level & (np.cumsum(level, 1) <= room))
    return np.nonzero(chosen)[1].reshape(len(values), count)
