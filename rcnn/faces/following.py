"""Faces of the frames between two on which the detector ran: they move in a straight line from place to place."""

from __future__ import annotations

import numpy as np

from ..config import config
from ..cython.boxes import overlaps
from .types import Faces


def follow_faces(before: Faces, after: Faces, count: int) -> list[Faces] | None:
    """The faces of the frames between two frames, by linear interpolation of boxes and landmarks.

    Parameters
    ----------
    before, after : what the detector found in the two frames, in pixels of images of one size
    count : number of frames between them, evenly spaced in time

    Returns
    -------
    One `Faces` per frame, in the order of `before`, with the lower score of the two. None if the two frames do not
    show the same faces: one was found in only one of them, or has moved too far to tell (`config.FOLLOW.SAME_PLACE`).
    """
    if len(before) != len(after):
        return None
    if not len(before):
        return [Faces.none()] * count
    overlap = overlaps(np.ascontiguousarray(before.boxes), np.ascontiguousarray(after.boxes))
    partners = overlap.argmax(1)
    if len(set(partners)) < len(partners) or overlap.max(1).min() < config.FOLLOW.SAME_PLACE:
        return None
    moved = after.take(partners)
    scores = np.minimum(before.scores, moved.scores)
    return [
        Faces(_between(before.boxes, moved.boxes, share), scores, _between(before.landmarks, moved.landmarks, share))
        for share in np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)
    ]


def verified(unit: np.ndarray, turns: np.ndarray, followed: np.ndarray) -> np.ndarray:
    """Which faces count: those that the detector found, and followed ones that resemble a found face in the frame
    before and one in the frame after that the detector saw.

    Parameters
    ----------
    unit : (n, D) float32, embeddings of length 1
    turns : (n,) int, number of each face's sampled frame, rising
    followed : (n,) bool, False for faces that the detector found

    Returns
    -------
    (n,) bool
    """
    good = ~followed
    found, found_turns = np.flatnonzero(good), turns[good]
    seen = np.unique(found_turns)
    for face in np.flatnonzero(followed):
        place = np.searchsorted(seen, turns[face])
        neighbours = seen[max(place - 1, 0) : place + 1]
        spans = zip(
            np.searchsorted(found_turns, neighbours), np.searchsorted(found_turns, neighbours, "right"), strict=True
        )
        alike = [(unit[found[first:last]] @ unit[face]).max() for first, last in spans]
        good[face] = min(alike, default=-1.0) >= config.TRACK.ALIKE
    return good


def _between(before: np.ndarray, after: np.ndarray, share: np.float32) -> np.ndarray:
    moved: np.ndarray = before + share * (after - before)
    return moved
