"""The upper tail of a sample: what so few of them reach."""

from __future__ import annotations

import numpy as np

FEWEST = 20  # trials of which a tail is asked
COUNTED = 10  # trials above a threshold, from which on they are counted and no tail is fitted
UPPER = 0.2  # share of the trials that the tail is fitted to


def threshold_of(trials: np.ndarray, rate: float) -> tuple[float, bool]:
    """The value that a share `rate` of trials (n,) reaches, and whether that was extrapolated."""
    ordered = np.sort(trials)
    count = len(ordered)
    if rate * count >= COUNTED:
        return float(np.quantile(ordered, 1 - rate)), False
    upper = max(COUNTED, int(UPPER * count))
    start = ordered[-upper]
    mean = float((ordered[-upper:] - start).mean())
    return float(start + mean * np.log(upper / count / rate)), rate * count < 1
