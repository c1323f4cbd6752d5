"""Faces of an image of any size."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .detectors import Detector
from .types import Faces

LONGEST = 960  # pixels of the longer side when it is looked at: the largest anchor is 512 wide
BORDER = 0.5  # of each side, that is added around a photograph which a face fills


def find_faces(image: np.ndarray, detector: Detector, threshold: float | None = None) -> Faces:
    """The faces of an image of any size, from left to right.

    It is looked at with its longer side at `LONGEST` pixels at most; where that shows nothing, half as large, and then
    with a black border, which parts a face from the edge.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    threshold : smallest probability of a face; None for the detector's own
    """
    for view, scale, shift in _views(image):
        found = detector.detect([view], threshold=threshold)[0]
        if len(found):
            order = np.argsort(found.boxes[:, 0], kind="stable")
            back = np.float32(1 / scale)
            limit = np.array([image.shape[1] - 1, image.shape[0] - 1] * 2, np.float32)
            boxes = np.clip((found.boxes - np.tile(shift, 2)) * back, 0, limit)
            return Faces(boxes, found.scores, (found.landmarks - shift) * back).take(order)
    return Faces.none()


def _views(image: np.ndarray) -> Iterator[tuple[np.ndarray, float, np.ndarray]]:
    """The image in the ways it is looked at, with the scale and the shift (x, y in pixels) of each."""
    nothing = np.zeros(2, np.float32)
    scale = min(1.0, LONGEST / max(image.shape[:2]))
    view = _resize(image, scale)
    yield view, scale, nothing
    yield _resize(image, scale / 2), scale / 2, nothing
    rows, columns = (round(side * BORDER) for side in view.shape[:2])
    framed = cv2.copyMakeBorder(view, rows, rows, columns, columns, cv2.BORDER_CONSTANT)
    yield _resize(framed, 0.5), scale / 2, np.array([columns, rows], np.float32) / 2


def _resize(image: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
