"""Compares the outputs of two networks, and the faces found by two detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cython.boxes import overlaps
from ..faces.types import Faces

SAME_FACE = 0.5  # intersection over union


def largest_difference(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """Largest difference over all outputs, relative to the largest value of each; infinite if shapes differ or values
    are not finite."""
    worst = 0.0
    for f, e in zip(found, expected, strict=True):
        if f.shape != e.shape or not np.isfinite(f).all() or not np.isfinite(e).all():
            return float("inf")
        worst = max(worst, float(np.abs(f - e).max() / max(np.abs(e).max(), np.finfo(np.float32).tiny)))
    return worst


@dataclass(frozen=True)
class Agreement:
    """Agreement of a detector with a reference detector.

    wanted : number of reference faces
    lost : number of these not found
    others : number of additional faces
    landmarks : mean landmark distance in % of the distance between the eyes; NaN if no face is found
    pictures : number of pictures compared
    """

    wanted: int
    lost: int
    others: int
    landmarks: float
    pictures: int

    @property
    def share(self) -> float:
        """Share of the reference faces that were found."""
        return 1 - self.lost / max(1, self.wanted)

    def __str__(self) -> str:
        share = f" ({self.lost / self.wanted:.1%})" if self.wanted else ""
        return f"of {self.wanted} faces on {self.pictures} pictures {self.lost} lost{share}, {self.others} others found"


def agreement(found: Sequence[Faces], wanted: Sequence[Faces]) -> Agreement:
    """Agreement of found faces with expected ones."""
    hits, total, others, errors = 0, 0, 0, []
    for ours, theirs in zip(found, wanted, strict=True):
        total += len(theirs)
        if not len(ours) or not len(theirs):
            others += len(ours)
            continue
        overlap = overlaps(np.ascontiguousarray(ours.boxes), np.ascontiguousarray(theirs.boxes))
        best = overlap.argmax(0)
        same = overlap[best, np.arange(len(theirs))] >= SAME_FACE
        hits += int(same.sum())
        others += len(ours) - len(np.unique(best[same]))
        eyes = np.linalg.norm(theirs.landmarks[:, 0] - theirs.landmarks[:, 1], axis=1)
        distances = np.linalg.norm(ours.landmarks[best] - theirs.landmarks, axis=2).mean(1)
        errors += (100 * distances / eyes)[same].tolist()
    return Agreement(total, total - hits, others, float(np.mean(errors)) if errors else float("nan"), len(wanted))
