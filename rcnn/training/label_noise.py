"""Finds clips with doubtful labels by cross-fitting: each clip is compared with templates built without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..config import config
from ..faces.vectors import normalise

ROUNDS = 2  # the second builds templates without the clips that the first doubts
BLOCK_ROWS = 2048  # clips compared together: 40 MB of cosines with 4,934 people
USUAL = 0.9  # quantile of the cosines with wrong labels; a clip above it confirms its label
SAMPLED = 64  # at most so many other labels per clip give these cosines
NOT_JUDGED = 0  # rank of a clip without a template to compare with
VAGUE = 1e-6  # norm below which a sum of unit vectors has no usable direction
NOTHING = -2.0  # cosine with a person without remaining vectors


@dataclass(frozen=True)
class Doubts:
    """Per clip, (n,).

    ranks : int64, rank of its label among all labels by cosine, 1 for the best; `NOT_JUDGED` for class 0, for the only
        clip of a person, and if the label has no clips in other folds
    better : int64, the best other label
    own, best : float32, cosines with the templates of its own label and of `better`
    usual : the `USUAL` quantile of the cosines with other labels, over all clips
    """

    ranks: np.ndarray
    better: np.ndarray
    own: np.ndarray
    best: np.ndarray
    usual: float

    @property
    def doubtful(self) -> np.ndarray:
        """(n,) bool: clips that are more similar to another label than to their own, and no more similar to their own
        than clips of other people usually are."""
        return (self.ranks > 1) & (self.own < self.usual)


def find_doubts(features: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Doubts:
    """Compare each clip with the mean direction of each person, computed without the clips of its fold.

    Parameters
    ----------
    features : (n, D) float32, not necessarily normalised
    labels : (n,) int64; class 0, nobody known, has no direction and is not judged
    folds : (n,) int64, as returned by `deal_folds`
    """
    known = labels != config.SUBMIT.NOBODY
    trusted = known
    for _ in range(ROUNDS):
        found = _compare(features, labels, folds, trusted)
        trusted = known & ~found.doubtful
    return found


def _compare(features: np.ndarray, labels: np.ndarray, folds: np.ndarray, trusted: np.ndarray) -> Doubts:
    """One round, with templates built from the clips marked in `trusted`, (n,) bool."""
    count = len(labels)
    ranks, better = np.full(count, NOT_JUDGED), np.zeros(count, np.int64)
    own, best = np.zeros(count, np.float32), np.zeros(count, np.float32)
    others = [np.zeros(0, np.float32)]
    sums = _sums(features, labels, trusted)
    for fold in range(int(folds.max(initial=-1)) + 1):
        inside = folds == fold
        rest = sums - _sums(features, labels, trusted & inside)
        there = np.linalg.norm(rest, axis=1) > VAGUE
        there[config.SUBMIT.NOBODY] = False
        templates = normalise(rest)
        sampled = np.flatnonzero(there)[:: max(1, int(there.sum()) // SAMPLED)]
        for rows in _blocks(np.flatnonzero(inside & (labels != config.SUBMIT.NOBODY))):
            cosines = normalise(features[rows]) @ templates.T
            cosines[:, ~there] = NOTHING
            at, mine = np.arange(len(rows)), labels[rows]
            own[rows] = cosines[at, mine]
            ranks[rows] = np.where(there[mine], 1 + (cosines > own[rows, None]).sum(1), NOT_JUDGED)
            cosines[at, mine] = NOTHING
            better[rows] = cosines.argmax(1)
            best[rows] = cosines[at, better[rows]]
            some = cosines[:, sampled]
            others.append(some[some > NOTHING])
    values = np.concatenate(others)
    return Doubts(ranks, better, own, best, float(np.quantile(values, USUAL)) if len(values) else NOTHING)


def _sums(features: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(labels, D) float32, sums of the unit vectors of some clips."""
    sums = np.zeros((int(labels.max(initial=0)) + 1, features.shape[1]), np.float32)
    for rows in _blocks(np.flatnonzero(chosen)):
        np.add.at(sums, labels[rows], normalise(features[rows]))
    return sums


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    yield from (rows[at : at + BLOCK_ROWS] for at in range(0, len(rows), BLOCK_ROWS))
