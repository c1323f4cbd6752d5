"""Frames as a detector looks at them: scaled with their shape kept, on canvases of a few sizes.

A network is compiled for each size that it is fed, so sizes are few; each has about as many pixels as the challenge's
888x480, so that a look costs the same whatever the shape of the video.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from ..config import config
from .detectors import Detector
from .types import Faces


def canvas_of(height: int, width: int) -> tuple[int, int]:
    """Height, width in pixels of the canvas on which an image of height x width pixels is largest; of several that give
    it the same size the smallest."""
    return max(
        ((rows, columns) for columns, rows in config.FRAME.CANVASES),
        key=lambda size: (_scale(height, width, size), -size[0] * size[1]),
    )


def _scale(height: int, width: int, size: tuple[int, ...]) -> float:
    """How many times as large as it is an image comes to lie on a canvas of `size` (height, width)."""
    return min(size[0] / height, size[1] / width, config.FRAME.ENLARGED)


def fit(image: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """Put an image, scaled to fit, into the upper left corner of a canvas.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    canvas : (h, w, 3) uint8, black

    Returns
    -------
    (2,) float64, by how much x and y were scaled. They differ by what rounding to whole pixels makes of one scale.
    """
    height, width = image.shape[:2]
    scale = _scale(height, width, canvas.shape)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    smaller = scale < 1
    inner = canvas[:rows, :columns]
    if (rows, columns) == (height, width):
        inner[:] = image
    else:
        inner[:] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.array([columns / width, rows / height])


def on_canvas(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 on its canvas (h, w, 3)."""
    canvas = np.zeros((*canvas_of(*image.shape[:2]), 3), np.uint8)
    fit(image, canvas)
    return canvas


def detect_frames(
    detector: Detector, images: Sequence[np.ndarray], batch_size: int = 8, threshold: float | None = None
) -> list[Faces]:
    """The faces of frames of any sizes.

    Parameters
    ----------
    images : (H, W, 3) uint8, BGR
    batch_size : images that run together
    threshold : smallest probability of a face; None for the detector's own

    Returns
    -------
    One `Faces` an image, in pixels of that image, best score first.
    """
    if getattr(detector, "size", None) is not None:  # it takes one size and fits images to it by itself
        return detector.detect(images, threshold, batch_size=batch_size)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        groups[canvas_of(*image.shape[:2])].append(index)
    found = [Faces.none()] * len(images)
    for size, indices in groups.items():
        canvases = np.zeros((len(indices), *size, 3), np.uint8)
        scales = [fit(images[index], canvas) for index, canvas in zip(indices, canvases, strict=True)]
        seen = detector.detect(canvases, threshold, batch_size=batch_size)
        for index, scale, faces in zip(indices, scales, seen, strict=True):
            found[index] = faces.scaled_back(scale, images[index].shape[1], images[index].shape[0])
    return found
