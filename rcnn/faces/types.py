"""What a detector gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import config

# left eye, right eye, nose tip, left and right corner of the mouth, as seen in the image
POINTS = len(config.ALIGN.TARGET)


@dataclass(frozen=True)
class Faces:
    """The faces of one image. A detector gives them best score first; who sorts them says so.

    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels of the image
    scores : (n,) float32, probability of a face
    landmarks : (n, 5, 2) float32, x, y in pixels of the image
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, indices: np.ndarray) -> Faces:
        """Some of the faces, in the order of `indices`."""
        return Faces(self.boxes[indices], self.scores[indices], self.landmarks[indices])

    @staticmethod
    def none() -> Faces:
        """No face."""
        return Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, POINTS, 2), np.float32))

    @staticmethod
    def joined(parts: Sequence[Faces]) -> Faces:
        """Faces of several images or places, part after part; none where there is no part."""
        if not parts:
            return Faces.none()
        return Faces(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
        )
