"""Intervals of time that were found against those that are true."""

from __future__ import annotations

import numpy as np

LEAST_OVERLAP = 0.5  # intersection over union, from which on an interval is found (as ActivityNet, CVPR 2015, counts)


def overlaps_of_time(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) float64 of intervals (n, 2) and (m, 2), each a start and an end in seconds."""
    starts = np.maximum(found[:, None, 0], true[None, :, 0])
    ends = np.minimum(found[:, None, 1], true[None, :, 1])
    shared = np.maximum(ends - starts, 0.0)
    both = (found[:, 1] - found[:, 0])[:, None] + (true[:, 1] - true[:, 0])[None] - shared
    return np.divide(shared, both, out=np.zeros_like(shared), where=both > 0)


def match_intervals(found: np.ndarray, true: np.ndarray, least: float = LEAST_OVERLAP) -> list[tuple[int, int]]:
    """Pairs of one found and one true interval that overlap enough, those that overlap most first; each in one pair.

    Parameters
    ----------
    found, true : (n, 2) and (m, 2) float64, starts and ends in seconds
    least : smallest intersection over union of a pair
    """
    overlap = overlaps_of_time(np.asarray(found, float).reshape(-1, 2), np.asarray(true, float).reshape(-1, 2))
    pairs: list[tuple[int, int]] = []
    while overlap.size and overlap.max() >= least:
        row, column = map(int, np.unravel_index(overlap.argmax(), overlap.shape))
        pairs.append((row, column))
        overlap[row], overlap[:, column] = -1.0, -1.0
    return pairs
