"""Verification: do two photographs show the same person? Pairs, thresholds, accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

COUNTED = 20  # pairs above a threshold, fewer of which say little about their share


@dataclass(frozen=True)
class Verification:
    """How well similarities separate pairs of one person from pairs of two.

    accuracy : (folds,) share of the pairs of a fold judged rightly
    thresholds : (folds,) the similarity from which a pair was taken for one person
    auc : area under the ROC
    """

    accuracy: np.ndarray
    thresholds: np.ndarray
    auc: float


def same_pairs(labels: np.ndarray) -> np.ndarray:
    """All pairs of photographs of one person: (p, 2) int64, the lower index first."""
    pairs = []
    order = np.argsort(labels, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        first, second = np.triu_indices(len(group), 1)
        pairs.append(np.stack([group[first], group[second]], 1))
    return np.concatenate(pairs)


def different_pairs(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` distinct pairs of photographs of two people: (count, 2) int64, the lower index first."""
    photographs = len(labels)
    sizes = np.unique(labels, return_counts=True)[1]
    if count > (photographs**2 - (sizes**2).sum()) // 2:
        raise InputError(f"there are not {count} pairs of different people; use a smaller --pairs")
    keys = np.zeros(0, np.int64)
    while len(keys) < count:
        drawn = np.sort(rng.integers(photographs, size=(2 * count, 2)), 1)
        drawn = drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]]
        keys = np.concatenate([keys, drawn[:, 0] * photographs + drawn[:, 1]])
        keys = keys[np.sort(np.unique(keys, return_index=True)[1])]  # in the order of drawing
    return np.stack(np.divmod(keys[:count], photographs), 1)


def best_threshold(same: np.ndarray, different: np.ndarray) -> float:
    """The similarity that separates the pairs with the fewest errors: a pair at or above it is one person."""
    scores = np.concatenate([same, different])
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    # cut k calls the first k pairs one person
    gain = np.where(order < len(same), 1, -1)
    right = np.concatenate([[0], np.cumsum(gain)])  # less the different pairs, which cut 0 has all right
    possible = np.concatenate([[True], scores[1:] < scores[:-1], [True]])  # equal scores are not separated
    cut = int(np.where(possible, right, -len(scores)).argmax())
    above = scores[cut - 1] if cut else scores[0] + 1
    below = scores[cut] if cut < len(scores) else scores[-1] - 1
    middle = (above + below) / 2
    return float(middle if middle > below else above)


def verify(same: np.ndarray, different: np.ndarray, folds: int, rng: np.random.Generator) -> Verification:
    """Accuracy of each fold at the threshold that is best on the others, and the area under the ROC.

    Parameters
    ----------
    same, different : (p,), (q,) float64, similarities of pairs
    """
    fold_same = rng.permutation(len(same)) % folds
    fold_different = rng.permutation(len(different)) % folds
    accuracy, thresholds = np.empty(folds), np.empty(folds)
    for fold in range(folds):
        threshold = best_threshold(same[fold_same != fold], different[fold_different != fold])
        inside, outside = same[fold_same == fold], different[fold_different == fold]
        right = (inside >= threshold).sum() + (outside < threshold).sum()
        accuracy[fold] = right / (len(inside) + len(outside))
        thresholds[fold] = threshold
    return Verification(accuracy, thresholds, area_under_roc(same, different))


def area_under_roc(same: np.ndarray, different: np.ndarray) -> float:
    """Probability that a pair of one person is more alike than a pair of two; equal ones count half."""
    different = np.sort(different)
    below = np.searchsorted(different, same, "left").sum(dtype=np.int64)
    up_to = np.searchsorted(different, same, "right").sum(dtype=np.int64)
    return float((below + up_to) / 2 / (len(same) * len(different)))


def thresholds_at(embeddings: np.ndarray, labels: np.ndarray, rates: Sequence[float]) -> list[float]:
    """Cosines reached by given shares of all pairs of two people: the thresholds of a card.

    Parameters
    ----------
    embeddings : (n, D) of length 1
    labels : (n,) of people
    rates : false match rates

    Raises
    ------
    InputError
        If there are too few pairs to count the rarest.
    """
    wide = embeddings.astype(np.float32)
    found = [np.zeros(0, np.float32)]
    for row in range(len(wide) - 1):
        found.append((wide[row + 1 :] @ wide[row])[labels[row + 1 :] != labels[row]])
    cosines = np.concatenate(found)
    least = min(rates)
    if len(cosines) * least < COUNTED:
        raise InputError(
            f"{len(cosines)} pairs of two people are too few for a false match rate of {least:g}; "
            f"give photographs that make {COUNTED / least:.0f} pairs"
        )
    return [float(value) for value in np.quantile(cosines, 1 - np.array(rates))]


def similarities(embeddings: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Cosines of pairs of embeddings (n, D) of length 1: (p,) float64."""
    wide = embeddings.astype(np.float64)
    return np.einsum("pd,pd->p", wide[pairs[:, 0]], wide[pairs[:, 1]])
