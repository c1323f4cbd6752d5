"""Quality measures of rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import config


@dataclass(frozen=True)
class LabelScore:
    """label; ap: average precision 0..1; positives: clips of the truth; found: of these in the first 100."""

    label: int
    ap: float
    positives: int
    found: int


def average_precision(ranked: Sequence[str], positives: frozenset[str]) -> tuple[float, int]:
    """AP over the first 100, and how many positives are among them.

    (1/m) * sum over the positives found of the precision at that rank, m being the number of positives
    (the iQIYI-VID challenge's formula).

    Raises
    ------
    ValueError
        If there are no positives, or a clip is ranked twice: it would count twice.
    """
    if not positives:
        raise ValueError("average precision without positives is undefined")
    found = 0
    total = 0.0
    for rank, name in enumerate(_first(ranked), 1):
        if name in positives:
            found += 1
            total += found / rank
    return total / len(positives), found


def _first(ranked: Sequence[str]) -> Sequence[str]:
    """The clips that count; raises ValueError if one is listed twice."""
    first = ranked[: config.SUBMIT.CLIPS_PER_LABEL]
    if len(set(first)) != len(first):
        twice = next(name for number, name in enumerate(first) if name in first[:number])
        raise ValueError(f"{twice!r} is ranked twice; a ranking has a clip once")
    return first


def score(ranking: Mapping[int, Sequence[str]], truth: Mapping[int, Sequence[str]]) -> list[LabelScore]:
    """One result a label of the truth that has clips, in its order."""
    results = []
    for label in sorted(truth):
        positives = frozenset(truth[label])
        if positives:
            precision, found = average_precision(ranking.get(label, ()), positives)
            results.append(LabelScore(label, precision, len(positives), found))
    return results


def precision_by_rank(
    ranking: Mapping[int, Sequence[str]], truth: Mapping[int, Sequence[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the labels of the truth that have clips, and what a perfect ranking would have.

    A rank that a label has no clip for counts as wrong.

    Returns
    -------
    Two (100,) float64, precision 0..1 at the ranks 1, 2, ...; zeros where there is no label.
    """
    ranks = np.arange(1, config.SUBMIT.CLIPS_PER_LABEL + 1)
    precision, best = np.zeros(len(ranks)), np.zeros(len(ranks))
    labels = [label for label in truth if truth[label]]
    for label in labels:
        positives = frozenset(truth[label])
        hits = np.zeros(len(ranks))
        ranked = _first(ranking.get(label, ()))
        hits[: len(ranked)] = [name in positives for name in ranked]
        precision += np.cumsum(hits) / ranks
        best += np.minimum(len(positives), ranks) / ranks
    count = max(1, len(labels))
    return precision / count, best / count


def mean_average_precision(scores: Sequence[LabelScore]) -> float:
    """MAP@100; 0 if there is no label."""
    return sum(item.ap for item in scores) / len(scores) if scores else 0.0
