"""Compares the outputs of two networks, and the faces found by two detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..faces.detection_quality import NOTHING, false_positives, landmark_errors, match_faces
from ..faces.types import Faces

NONE_IGNORED = np.zeros((0, 4), np.float32)


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
    """Agreement of found faces, best score first, with expected ones."""
    boxes = [faces.boxes for faces in wanted]
    matches = [match_faces(f, b, NONE_IGNORED) for f, b in zip(found, boxes, strict=True)]
    total, hits = sum(map(len, wanted)), sum(int((match.face != NOTHING).sum()) for match in matches)
    errors = landmark_errors(found, matches, [(faces.boxes, faces.landmarks) for faces in wanted], 0.0)
    return Agreement(
        total,
        total - hits,
        false_positives(found, matches, 0.0),
        100 * float(errors.mean()) if len(errors) else float("nan"),
        len(wanted),
    )
