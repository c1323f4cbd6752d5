"""Scores to probabilities: Platt's curve or isotonic regression, another mix of right and wrong, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

FEWEST = 10  # right ones, and wrong ones, from which a curve is learned
ISOTONIC_FROM = 1000  # right ones, and wrong ones, from which it is isotonic; see docs/verdicts.md
FOLDS = 5
BINS = 10  # of the reliability diagram
STEPS = 200  # of EM at most
SETTLED = 1e-6  # change of a share with which EM ends
PLATT, ISOTONIC, STAND_IN = "Platt", "isotonic", "stand-in"


@dataclass(frozen=True)
class Curve:
    """Log-odds of scores, and a shift of them for another mix.

    kind : PLATT, ISOTONIC or STAND_IN
    scores : (k,) float64, rising
    logits : (k,) float64, log-odds at these scores, straight between them; before and after them those of a line go on
        straight, those of isotonic regression stay
    prior : share of right ones that the curve stands for
    shift : of the log-odds, for another share
    """

    kind: str
    scores: np.ndarray
    logits: np.ndarray
    prior: float
    shift: float = 0.0

    @staticmethod
    def line(kind: str, slope: float, offset: float, prior: float) -> Curve:
        """A logistic curve: log-odds slope x score + offset."""
        ends = np.array([0.0, 1.0])
        return Curve(kind, ends, slope * ends + offset, prior)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities (n,) float64 of scores (n,)."""
        scores = np.asarray(scores, np.float64)
        if self.kind == ISOTONIC:
            logits = np.interp(scores, self.scores, self.logits)
        else:
            slope = (self.logits[1] - self.logits[0]) / (self.scores[1] - self.scores[0])
            logits = self.logits[0] + slope * (scores - self.scores[0])
        return 1 / (1 + np.exp(-np.clip(logits + self.shift, -60, 60)))

    def with_prior(self, prior: float) -> Curve:
        """The same for another share of right ones, more than 0 and less than 1 (Bayes' rule)."""
        return replace(self, shift=float(_logit(prior) - _logit(self.prior)))

    def adjusted(self, scores: np.ndarray, weights: np.ndarray | None = None) -> Curve:
        """For the share of right ones among scores (n,), found by EM (Saerens, Latinne, Decaestecker, Neural
        Computation 14, 2002): that share whose probabilities have it as their mean.

        Parameters
        ----------
        weights : (n,) how often each counts; None for once
        """
        if not len(scores) or self.kind == STAND_IN:
            return self
        count = len(scores) if weights is None else float(weights.sum())
        edge = 1 / (count + 2)  # a share of none or all is never certain
        share, found = self.prior, self
        for _ in range(STEPS):
            new = float(np.clip(np.average(found(scores), weights=weights), edge, 1 - edge))
            found = self.with_prior(new)
            if abs(new - share) < SETTLED:
                break
            share = new
        return found


@dataclass(frozen=True)
class Reliability:
    """How good probabilities are on comparisons that they were not learned from.

    bins : predicted (mean), observed (share), count; the lowest first
    brier : mean squared error
    error : expected calibration error: mean distance of predicted and observed over the bins, by their counts
    """

    bins: list[dict[str, Any]]
    brier: float
    error: float


def fit_curve(right: np.ndarray, wrong: np.ndarray) -> Curve | None:
    """The curve of scores of right (n,) and of wrong comparisons (m,); None if there are too few.

    Platt's curve is fitted to his targets (n + 1) / (n + 2) and 1 / (m + 2) (Platt, 1999), so that it does not become a
    step if a few scores are separated perfectly.
    """
    if min(len(right), len(wrong)) < FEWEST:
        return None
    if min(len(right), len(wrong)) >= ISOTONIC_FROM:
        return fit_isotonic(right, wrong)
    return fit_platt(right, wrong)


def fit_platt(right: np.ndarray, wrong: np.ndarray) -> Curve:
    """Platt's curve of scores of right (n,) and of wrong ones (m,)."""
    from sklearn.linear_model import LogisticRegression  # takes a second to load

    scores, labels = _together(right, wrong)
    certain = np.where(labels == 1, (len(right) + 1) / (len(right) + 2), (len(wrong) + 1) / (len(wrong) + 2))
    centre, spread = float(scores.mean()), float(scores.std()) or 1.0
    standard = (scores - centre) / spread
    fit = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.concatenate([standard, standard])[:, None],
        np.concatenate([labels, 1 - labels]),
        np.concatenate([certain, 1 - certain]),
    )
    slope = max(float(fit.coef_[0, 0]), 0.0) / spread  # a greater cosine is never less like the person
    offset = float(fit.intercept_[0]) - slope * centre
    return Curve.line(PLATT, slope, offset, len(right) / len(scores))


def fit_isotonic(right: np.ndarray, wrong: np.ndarray) -> Curve:
    """The rising steps that fit scores of right (n,) and of wrong ones (m,) best."""
    from sklearn.isotonic import IsotonicRegression

    scores, labels = _together(right, wrong)
    low, high = 1 / (len(wrong) + 2), (len(right) + 1) / (len(right) + 2)  # as far as so many can tell
    fit = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(scores, labels)
    return Curve(ISOTONIC, fit.X_thresholds_, _logit(fit.y_thresholds_), len(right) / len(scores))


def reliability(right: np.ndarray, wrong: np.ndarray, groups: np.ndarray) -> Reliability | None:
    """How good the curve of `fit_curve` is, in folds: each is judged by the curve of the others.

    Parameters
    ----------
    right, wrong : (n,), (m,) scores
    groups : (n + m,) rows of people; those of one are in one fold where there are people enough
    """
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    scores, labels = _together(right, wrong)
    if min(len(right), len(wrong)) < FEWEST:
        return None
    if len(np.unique(groups)) >= FOLDS:
        folds = GroupKFold(FOLDS).split(scores, labels, groups)
    else:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(scores, labels)
    predicted = np.full(len(scores), np.nan)
    for rest, fold in folds:
        curve = fit_curve(scores[rest][labels[rest] == 1], scores[rest][labels[rest] == 0])
        if curve is not None:
            predicted[fold] = curve(scores[fold])
    judged = np.isfinite(predicted)
    return judge(predicted[judged], labels[judged]) if judged.any() else None


def judge(predicted: np.ndarray, right: np.ndarray) -> Reliability:
    """How good probabilities (n,) are, of comparisons that are right (1) or wrong (0), (n,)."""
    number = np.minimum((predicted * BINS).astype(int), BINS - 1)
    bins = [
        {
            "predicted": float(predicted[number == each].mean()),
            "observed": float(right[number == each].mean()),
            "count": int((number == each).sum()),
        }
        for each in np.unique(number).tolist()
    ]
    error = sum(part["count"] * abs(part["predicted"] - part["observed"]) for part in bins) / len(predicted)
    return Reliability(bins, float(((predicted - right) ** 2).mean()), float(error))


def _together(right: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All scores, and 1 for each that is right, 0 for each that is wrong."""
    return np.concatenate([right, wrong]).astype(np.float64), np.repeat([1, 0], [len(right), len(wrong)])


def _logit(share: float | np.ndarray | Sequence[float]) -> np.ndarray:
    share = np.asarray(share, np.float64)
    return np.log(share) - np.log1p(-share)
