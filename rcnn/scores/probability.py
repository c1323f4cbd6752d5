"""Scores to probabilities: Platt's curve or isotonic regression, and another mix of right and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FEWEST_GENUINE = 10  # and as many impostors, for a curve
BINS = 10  # of the reliability diagram


@dataclass(frozen=True)
class Curve:
    """A logistic curve: the probability is 1 / (1 + exp(-(slope x score + offset)))."""

    slope: float
    offset: float

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities (n,) float64 of scores (n,)."""
        return 1 / (1 + np.exp(-np.clip(self.slope * np.asarray(scores, np.float64) + self.offset, -60, 60)))

    def adjusted(self, scores: np.ndarray) -> Curve:
        """For the mix in scores (n,) that are searched."""
        return self


def fit_curve(genuine: np.ndarray, impostor: np.ndarray) -> tuple[Curve | None, list[dict[str, Any]]]:
    """The curve of standardised cosines of right and of wrong ones, and the bins of a reliability diagram."""
    if min(len(genuine), len(impostor)) < FEWEST_GENUINE:
        return None, []
    from sklearn.linear_model import LogisticRegression  # takes a second to load

    scores = np.concatenate([genuine, impostor]).astype(np.float64)
    right = np.repeat([1, 0], [len(genuine), len(impostor)])
    fit = LogisticRegression().fit(scores[:, None], right)
    curve = Curve(float(fit.coef_[0, 0]), float(fit.intercept_[0]))
    predicted = curve(scores)
    number = np.minimum((predicted * BINS).astype(int), BINS - 1)
    bins = [
        {
            "predicted": float(predicted[number == each].mean()),
            "observed": float(right[number == each].mean()),
            "count": int((number == each).sum()),
        }
        for each in np.unique(number).tolist()
    ]
    return curve, bins
