"""Tracks that are a second, badly aligned detection of a face in another track: they show no further person."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..tables.faces import ClipFaces

COVERED = 0.4  # share of the smaller box inside the other: second detections have 0.5 to 0.6, two people almost none
SHARE = 0.5  # share of a track's faces that overlap so


def find_doubles(faces: ClipFaces, tracks: np.ndarray) -> np.ndarray:
    """Which tracks of a clip are doubles, (n,) bool: half of their faces or more lie on one of a longer track.

    Parameters
    ----------
    tracks : (n,) int32, numbers of the tracks, rising; of two of the same length the first counts as the longer
    """
    rows = np.flatnonzero(np.isin(faces.tracks, tracks))
    owners = np.searchsorted(tracks, faces.tracks[rows])
    counts = np.bincount(owners, minlength=len(tracks))
    length = np.lexsort((-np.arange(len(tracks)), counts)).argsort()  # rank
    order = np.argsort(faces.frames[rows], kind="stable")
    lies_on: Counter[tuple[int, int]] = Counter()
    for frame in np.split(order, np.flatnonzero(np.diff(faces.frames[rows][order])) + 1):
        if len(frame) > 1:
            mine = owners[frame]
            shorter = length[mine][:, None] < length[mine]
            pairs = np.argwhere((_shares(faces.boxes[rows[frame]]) >= COVERED) & shorter)
            lies_on.update((int(mine[one]), int(mine[other])) for one, other in pairs)
    found = np.zeros(len(tracks), bool)
    for (one, _), count in lies_on.items():
        found[one] |= count >= SHARE * counts[one]
    return found


def _shares(boxes: np.ndarray) -> np.ndarray:
    """(n, n), the share of the smaller of two boxes (n, 4) that is inside the other."""
    low, high = (np.asarray(part, np.float64) for part in (boxes[:, :2], boxes[:, 2:]))
    sides = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    areas = np.maximum((high - low).prod(1), np.finfo(np.float64).tiny)
    return np.maximum(sides, 0).prod(2) / np.minimum(areas[:, None], areas)
