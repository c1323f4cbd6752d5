"""Faces of an image of any size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .detectors import Detector
from .types import Faces
from .views import detect_frames

BORDER = 0.5  # fraction of each side, of the border around a photograph filled by a face


def find_faces(
    image: np.ndarray, detector: Detector, threshold: float | None = None, scales: Sequence[float] = (1.0,)
) -> Faces:
    """The faces of an image of any size, from left to right.

    It is processed like a video frame, see `detect_frames`; if that finds nothing, again with a black border, which
    separates a face from the edge.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    threshold : smallest probability of a face; None for the detector's own
    scales : see `detect_frames`; more than one make a pyramid
    """
    return find_in_images([image], detector, threshold, scales)[0]


def find_in_images(
    images: Sequence[np.ndarray],
    detector: Detector,
    threshold: float | None = None,
    scales: Sequence[float] = (1.0,),
    batch_size: int = 8,
) -> list[Faces]:
    """The faces of several images of any sizes, in batches: for each the result of `find_faces`.

    Parameters
    ----------
    images : (H, W, 3) uint8, BGR
    threshold, scales : as for `find_faces`
    batch_size : images per batch
    """
    found = detect_frames(detector, images, batch_size, threshold, scales)
    left = [index for index, faces in enumerate(found) if not len(faces)]
    borders = [tuple(round(side * BORDER) for side in images[index].shape[:2]) for index in left]
    framed = [
        cv2.copyMakeBorder(images[index], rows, rows, columns, columns, cv2.BORDER_CONSTANT)
        for index, (rows, columns) in zip(left, borders, strict=True)
    ]
    again = detect_frames(detector, framed, batch_size, threshold, scales)
    for index, (rows, columns), faces in zip(left, borders, again, strict=True):
        corner = np.array([columns, rows], np.float32)
        limit = np.array([images[index].shape[1] - 1, images[index].shape[0] - 1] * 2, np.float32)
        boxes = np.clip(faces.boxes - np.tile(corner, 2), 0, limit)
        found[index] = Faces(boxes, faces.scores, faces.landmarks - corner)
    return [faces.take(np.argsort(faces.boxes[:, 0], kind="stable")) for faces in found]
