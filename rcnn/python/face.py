"""A face of an image with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Face:
    """A face that `FaceFinder` found.

    box : (4,) float32, x1, y1, x2, y2 in pixels of the image
    landmarks : (5, 2) float32, x, y in pixels of the image: the eye that is left in the image, the right one, the tip
        of the nose, the left and the right corner of the mouth
    score : probability of a face, 0..1
    quality : how good the crop is: the length of the embedding before it was normalised, small for faces that are
        blurred, dark or turned away. Where all embeddings of a model have one length it is `score`;
        `FaceFinder.quality` says which of the two
    embedding : (D,) float32 of length 1, alike for faces of one person; see `compare`
    crop : (112, 112, 3) uint8, BGR whatever the order of the image, turned and scaled so that the eyes are level
    """

    box: np.ndarray
    landmarks: np.ndarray
    score: float
    quality: float
    embedding: np.ndarray
    crop: np.ndarray

    @property
    def width(self) -> float:
        """Of the box, pixels of the image."""
        return float(self.box[2] - self.box[0])

    @property
    def height(self) -> float:
        """Of the box, pixels of the image."""
        return float(self.box[3] - self.box[1])

    def __repr__(self) -> str:
        x, y = self.box[:2].round().astype(int).tolist()
        return (
            f"Face(at {x},{y}, {self.width:.0f} x {self.height:.0f} pixels, score {self.score:.2f}, "
            f"quality {self.quality:.3g}, embedding {len(self.embedding)} wide)"
        )
