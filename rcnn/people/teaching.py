"""Chooses the training track of clips with several people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..clips.labels import Labels, labels_of
from ..faces.vectors import normalise
from ..tables import clip_starts
from ..tables.join import Batch

ROUNDS = 4  # of choosing; most choices are stable after two


def agreeing_tracks(read: Callable[[], Iterable[Batch]], labels: Labels) -> dict[str, int]:
    """For each labelled clip with several tracks, find the one most similar to the other clips of its label.

    Starts with the main tracks and repeats while choices change: the person is in all clips of the label, while their
    companions differ. Each round reads all vectors once. Memory use is one sum per label, D float32, and the names of
    the clips in the result.

    Parameters
    ----------
    read : returns the tracks of all clips, the same each time; the tracks of a clip are in one batch
    labels : of the clips

    Returns
    -------
    Index of the chosen track within the clip, by clip name, if it is not the first.
    """
    chosen: dict[str, int] = {}
    sums: dict[int, np.ndarray] | None = None  # over the chosen tracks, by label
    for _ in range(1 + ROUNDS):
        new: dict[str, int] = {}
        new_sums: dict[int, np.ndarray] = {}
        several = False
        for clips in (_labelled(batch, labels) for batch in read()):
            rows = clips.starts if sums is None else _choose(clips, sums, chosen)
            several = several or len(clips.vectors) > len(clips.starts)
            for name, label, start, row in zip(clips.names, clips.labels, clips.starts, rows, strict=True):
                if row > start:
                    new[name] = int(row - start)
                if label in new_sums:
                    new_sums[label] += clips.vectors[row]
                else:
                    new_sums[label] = clips.vectors[row].copy()
        stands = sums is not None and new == chosen
        chosen, sums = new, new_sums
        if stands or not several:
            break
    return chosen


@dataclass(frozen=True)
class _Labelled:
    """The n clips of a batch that show a known person; the rows of a clip begin at its start.

    vectors : (rows, D) float32, unit
    """

    names: list[str]
    labels: list[int]
    starts: np.ndarray
    vectors: np.ndarray


def _labelled(batch: Batch, known: Labels) -> _Labelled:
    whose = labels_of(batch.names, batch.splits, known)
    rows = np.flatnonzero(whose > 0)
    names = [batch.names[row] for row in rows]
    starts = clip_starts(names)
    labels = whose[rows[starts]].tolist()
    return _Labelled([names[start] for start in starts], labels, np.array(starts, int), normalise(batch.vectors[rows]))


def _choose(clips: _Labelled, sums: Mapping[int, np.ndarray], chosen: Mapping[str, int]) -> np.ndarray:
    """The row (n,) of each clip most similar to the chosen tracks of the label's other clips; the first on ties."""
    if not len(clips.starts):
        return clips.starts
    count = len(clips.vectors)
    own = clips.starts + [chosen.get(name, 0) for name in clips.names]
    others = np.stack([sums[label] for label in clips.labels]) - clips.vectors[own]
    tracks = np.diff([*clips.starts, count])
    likeness = np.einsum("rd,rd->r", clips.vectors, np.repeat(others, tracks, axis=0))
    is_best = likeness == np.repeat(np.maximum.reduceat(likeness, clips.starts), tracks)
    return np.minimum.reduceat(np.where(is_best, np.arange(count), count), clips.starts)
