"""Photographs of drawn faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from rcnn.training.labels import LabelledPhotograph

# blue, green, red of the two eyes, the nose and the corners of the mouth, all different
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
POINTS = np.array([[44, 50], [76, 50], [60, 66], [48, 82], [72, 82]], np.float32)


def draw_face(seed: int) -> np.ndarray:
    """(120, 120, 3) uint8, a face from (30, 24) to (90, 96)."""
    rng = np.random.default_rng(seed)
    image = np.full((120, 120, 3), rng.integers(20, 90, 3), np.uint8)
    cv2.ellipse(image, (60, 60), (30, 36), 0, 0, 360, rng.integers(150, 220, 3).tolist(), -1)
    for point, colour in zip(POINTS.astype(int).tolist(), COLOURS, strict=True):
        cv2.circle(image, point, 6, colour, -1)
    return image


@pytest.fixture
def drawn(tmp_path: Path) -> list[LabelledPhotograph]:
    """Four photographs of one face each."""
    photographs = []
    for seed in range(4):
        path = str(tmp_path / f"{seed}.png")
        cv2.imwrite(path, draw_face(seed))
        photographs.append(LabelledPhotograph.of(path, [[30, 24, 90, 96]], POINTS, []))
    return photographs


@pytest.fixture
def colours() -> tuple[tuple[int, int, int], ...]:
    """Of the five landmarks of the drawn faces."""
    return COLOURS
