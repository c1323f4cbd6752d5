"""Results of a detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..config import config

# left eye, right eye, nose tip, left and right corner of the mouth, as seen in the image
POINTS = len(config.ALIGN.TARGET)


class DetectedFace(NamedTuple):
    """One face of `Faces`.

    box : (4,) float32, x1, y1, x2, y2 in pixels of the image
    score : probability of a face, 0..1
    landmarks : (5, 2) float32, x, y in pixels of the image
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray


@dataclass(frozen=True)
class Faces:
    """The faces of one image, best score first unless stated otherwise.

    It is iterable, face by face: `for box, score, landmarks in faces`.

    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels of the image
    scores : (n,) float32, probability of a face
    landmarks : (n, 5, 2) float32, x, y in pixels of the image
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[DetectedFace]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> DetectedFace:
        return DetectedFace(self.boxes[index], float(self.scores[index]), self.landmarks[index])

    def take(self, indices: np.ndarray) -> Faces:
        """Some of the faces, in the order of `indices`."""
        return Faces(self.boxes[indices], self.scores[indices], self.landmarks[indices])

    def scaled_back(self, scale: np.ndarray, width: int, height: int) -> Faces:
        """The faces in pixels of the image, width x height, given faces in its version scaled by `scale` (2,), x and y.

        Coordinates are those of pixel centres: x of the image is at (x + 1/2) scale - 1/2 of the scaled version.
        """
        corner = np.array([width - 1, height - 1], np.float64)
        boxes = ((self.boxes.reshape(-1, 2, 2) + 0.5) / scale - 0.5).clip(0, corner)
        landmarks = (self.landmarks + 0.5) / scale - 0.5
        return Faces(boxes.reshape(-1, 4).astype(np.float32), self.scores, landmarks.astype(np.float32))

    @staticmethod
    def none() -> Faces:
        """No face."""
        return Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, POINTS, 2), np.float32))

    @staticmethod
    def joined(parts: Sequence[Faces]) -> Faces:
        """Faces of several images or regions, concatenated; empty without parts."""
        if not parts:
            return Faces.none()
        return Faces(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
        )
