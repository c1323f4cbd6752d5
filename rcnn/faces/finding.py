"""Faces of an image of any size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .detectors import Detector
from .types import Faces
from .views import detect_frames

BORDER = 0.5  # of each side, that is added around a photograph which a face fills


def find_faces(
    image: np.ndarray, detector: Detector, threshold: float | None = None, scales: Sequence[float] = (1.0,)
) -> Faces:
    """The faces of an image of any size, from left to right.

    It is looked at as frames of videos are, see `detect_frames`; where that shows nothing, once more with a black
    border, which parts a face from the edge.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    threshold : smallest probability of a face; None for the detector's own
    scales : see `detect_frames`; more than one make a pyramid
    """
    (found,) = detect_frames(detector, [image], threshold=threshold, scales=scales)
    if not len(found):
        rows, columns = (round(side * BORDER) for side in image.shape[:2])
        framed = cv2.copyMakeBorder(image, rows, rows, columns, columns, cv2.BORDER_CONSTANT)
        (faces,) = detect_frames(detector, [framed], threshold=threshold, scales=scales)
        corner = np.array([columns, rows], np.float32)
        limit = np.array([image.shape[1] - 1, image.shape[0] - 1] * 2, np.float32)
        boxes = np.clip(faces.boxes - np.tile(corner, 2), 0, limit)
        found = Faces(boxes, faces.scores, faces.landmarks - corner)
    return found.take(np.argsort(found.boxes[:, 0], kind="stable"))
