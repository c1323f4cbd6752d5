"""Crops that show no face, for which an embedding learns a small norm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..faces.detectors.single_stage import Detector
from ..video.photographs import read_image
from ..workers.progress import progress
from .backgrounds import background, lookalike
from .crops import SIZE, WIDE, placed, wide_crop
from .labels import LabelledPhotograph

PICTURE = 320  # pixels per side of the pictures searched for false positives
PICTURES = 1000
LOWEST_SCORE = 0.02  # of a false positive, far below the threshold of detect.py
MOST = 4  # false positives per picture, highest scores first
TAKEN_FOR_FACES = 0.6  # share of crops that are false positives; the others are textures and lookalikes
LOOKALIKE = 0.4


class NonFaces:
    """Source of crops without a face: backgrounds, textures, lookalikes, and false positives of a detector.

    Parameters
    ----------
    photographs : with all their faces; backgrounds are cut from the rest of the image
    careless : detector whose false positives are used; None for none
    seed : of the backgrounds that are searched
    """

    def __init__(self, photographs: Sequence[LabelledPhotograph], careless: Detector | None, seed: int = 0) -> None:
        self.photographs = photographs
        self.taken = np.zeros((0, WIDE, WIDE, 3), np.uint8)
        if careless:
            self.taken = false_faces(photographs, careless, np.random.default_rng(seed), PICTURES)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A crop (SIZE, SIZE, 3) uint8, BGR."""
        if len(self.taken) and rng.random() < TAKEN_FOR_FACES:
            return placed(self.taken[rng.integers(len(self.taken))], rng)
        if rng.random() < LOOKALIKE:
            photo = self.photographs[int(rng.integers(len(self.photographs)))]
            return lookalike(photo, read_image(photo.path), SIZE, rng)
        return background(SIZE, self.photographs, rng)


def false_faces(
    photographs: Sequence[LabelledPhotograph], careless: Detector, rng: np.random.Generator, pictures: int
) -> np.ndarray:
    """False positives of a detector, (n, WIDE, WIDE, 3) uint8, aligned like faces."""
    crops = []
    for _ in progress(range(pictures), what="false faces", unit="picture"):
        picture = background(PICTURE, photographs, rng)
        (found,) = careless.detect([picture], LOWEST_SCORE)
        for number in np.argsort(-found.scores)[:MOST]:
            crops.append(wide_crop(picture, found.landmarks[number]))
    return np.stack(crops) if crops else np.zeros((0, WIDE, WIDE, 3), np.uint8)
