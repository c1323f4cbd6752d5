"""How far the outputs of two networks lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def largest_difference(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """Of all outputs, in parts of the largest value of each; infinite where shapes differ or numbers are not finite."""
    worst = 0.0
    for f, e in zip(found, expected, strict=True):
        if f.shape != e.shape or not np.isfinite(f).all() or not np.isfinite(e).all():
            return float("inf")
        worst = max(worst, float(np.abs(f - e).max() / max(np.abs(e).max(), np.finfo(np.float32).tiny)))
    return worst
