"""Faces of an image of any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    return find_in_images([image], detector, threshold)[0]


def find_in_images(
    images: Sequence[np.ndarray], detector: Detector, threshold: float | None = None, batch_size: int = 8
) -> list[Faces]:
    """The faces of several images, of each what `find_faces` gives.

    Parameters
    ----------
    images : (H, W, 3) uint8, BGR; sizes may differ, those of one size run together
    threshold : smallest probability of a face; None for the detector's own
    batch_size : images that run together
    """
    found = [Faces.none()] * len(images)
    left = [(index, _views(image)) for index, image in enumerate(images)]
    while left:
        looks = [(index, views, look) for index, views in left if (look := next(views, None)) is not None]
        seen = detector.detect([view for _, _, (view, _, _) in looks], threshold, batch_size=batch_size)
        left = []
        for (index, views, (_, scale, shift)), faces in zip(looks, seen, strict=True):
            if len(faces):
                found[index] = _in_image(faces, scale, shift, images[index].shape)
            else:
                left.append((index, views))
    return found


def _in_image(found: Faces, scale: float, shift: np.ndarray, shape: tuple[int, ...]) -> Faces:
    """Faces of a view in pixels of its image, from left to right."""
    order = np.argsort(found.boxes[:, 0], kind="stable")
    back = np.float32(1 / scale)
    limit = np.array([shape[1] - 1, shape[0] - 1] * 2, np.float32)
    boxes = np.clip((found.boxes - np.tile(shift, 2)) * back, 0, limit)
    return Faces(boxes, found.scores, (found.landmarks - shift) * back).take(order)


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
