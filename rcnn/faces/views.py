"""Images as a detector sees them: scaled with their aspect ratio kept, on canvases of the sizes that it was made for.

A network of fixed size gets a canvas of that size. One made for a certain longer side (its `side`) gets images scaled
to it, enlarged if they are smaller, on the smallest canvas of multiples of 32 pixels. Others get one of a few canvases
with about as many pixels as the challenge's 888x480, so that the cost does not depend on the shape of the video; those
that are trained on unscaled images (`enlarged` is 1) get no enlarged ones. A network is compiled for each input size.

If an image could show a face larger than the detector can find (its `largest`), it is processed again at half size,
unless the tallest face found is neither small nor large.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..config import config
from ..cython.nms import nms
from .detectors import Detector
from .detectors.single_stage import DIVISOR
from .types import Faces

FACE_SHAPE = 0.75  # width of a face by its height
CLOSE_UP = 0.5  # scale of the second pass, for faces that are too large
# Height of the tallest face found, relative to the detector's largest face: with a lower one a close-up may
# have been missed; a taller one may be a part of it (essh-m25 takes parts of 0.47 to 0.75 for faces)
FAR, NEAR = 0.25, 0.46
NEW = 0.7  # smallest height of a face of the second pass that counts, in the same units
# Least shares of its area inside a close-up, and of the close-up's height, for a face to be a part of it
INSIDE, PART = 0.7, 0.25
SMALLER = (0.5, 0.25)  # scales of calibration images, besides 1
SAME_FACE = 0.4  # smallest intersection over union of a face found at several scales


@dataclass(frozen=True)
class View:
    """The canvas and the scale of an image.

    size : height, width in pixels of the canvas
    scale : of the image on it
    """

    size: tuple[int, int]
    scale: float


def view_of(detector: Detector, height: int, width: int, scale: float = 1.0) -> View:
    """A detector's view of images of height x width pixels.

    Parameters
    ----------
    scale : 1 for the size that the detector was made for, others for a pyramid. A network of fixed size sees no more
        than that.
    """
    size, side = getattr(detector, "size", None), getattr(detector, "side", None)
    if size is not None:
        return View(size, min(1.0, scale) * min(size[0] / height, size[1] / width))
    if side is not None:
        wanted = scale * side / max(height, width)
    else:
        canvas, enlarged = canvas_of(height, width), getattr(detector, "enlarged", config.FRAME.ENLARGED)
        wanted = min(_scale(height, width, canvas), enlarged)
        if scale == 1 and enlarged == config.FRAME.ENLARGED:
            return View(canvas, wanted)
        wanted *= scale
    rows, columns = (DIVISOR * math.ceil(max(1, round(length * wanted)) / DIVISOR) for length in (height, width))
    return View((rows, columns), wanted)


def canvas_of(height: int, width: int) -> tuple[int, int]:
    """Height, width in pixels of the canvas on which an image of height x width pixels is largest; the smallest one in
    a tie."""
    return max(
        ((rows, columns) for columns, rows in config.FRAME.CANVASES),
        key=lambda size: (_scale(height, width, size), -size[0] * size[1]),
    )


def _scale(height: int, width: int, size: tuple[int, ...]) -> float:
    """The scale of an image on a canvas of `size` (height, width)."""
    return min(size[0] / height, size[1] / width, config.FRAME.ENLARGED)


def fit(image: np.ndarray, canvas: np.ndarray, scale: float | None = None) -> np.ndarray:
    """Put an image, scaled to fit, into the upper left corner of a canvas.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    canvas : (h, w, 3) uint8, black
    scale : one with which it fits; None for the largest, at most `config.FRAME.ENLARGED`

    Returns
    -------
    (2,) float64, scales of x and y, which differ because of rounding to whole pixels.
    """
    height, width = image.shape[:2]
    if scale is None:
        scale = _scale(height, width, canvas.shape)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    smaller = scale < 1
    inner = canvas[:rows, :columns]
    if (rows, columns) == (height, width):
        inner[:] = image
    else:
        inner[:] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.array([columns / width, rows / height])


def on_canvas(detector: Detector, image: np.ndarray) -> np.ndarray:
    """The detector's view of an image (H, W, 3): (h, w, 3) uint8."""
    view = view_of(detector, image.shape[0], image.shape[1])
    canvas = np.zeros((*view.size, 3), np.uint8)
    fit(image, canvas, view.scale)
    return canvas


def detect_frames(
    detector: Detector,
    images: Sequence[np.ndarray],
    batch_size: int = 8,
    threshold: float | None = None,
    scales: Sequence[float] = (1.0,),
) -> list[Faces]:
    """The faces of images of any sizes.

    Parameters
    ----------
    images : (H, W, 3) uint8, BGR
    batch_size : images per batch
    threshold : smallest probability of a face; None for the detector's own
    scales : sizes at which to process each image, relative to what the detector was made for; more than one make a
        pyramid

    Returns
    -------
    One `Faces` per image, in pixels of that image, best score first.
    """
    found: list[list[Faces]] = [[] for _ in images]
    for scale in scales:
        for index, faces in enumerate(_look(detector, images, scale, batch_size, threshold)):
            found[index].append(faces)
    largest = getattr(detector, "largest", math.inf)
    smallest = min(scales, default=1.0)
    views = [view_of(detector, image.shape[0], image.shape[1], smallest) for image in images]
    close = [
        index
        for index, (image, view) in enumerate(zip(images, views, strict=True))
        if min(image.shape[0], image.shape[1] / FACE_SHAPE) * view.scale > largest
        and not FAR * largest
        < max((_tallest(faces) for faces in found[index]), default=0) * view.scale
        < NEAR * largest
    ]
    again = _look(detector, [images[index] for index in close], smallest * CLOSE_UP, batch_size, threshold)
    for index, faces in zip(close, again, strict=True):
        least = NEW * largest / views[index].scale
        near = faces.take(np.flatnonzero(_heights(faces) > least))
        found[index] = [*(_without_parts(part, near) for part in found[index]), near]
    return [_united(parts) for parts in found]


def in_sizes(images: np.ndarray) -> np.ndarray:
    """Images (n, H, W, 3), and each again, downscaled by alternating factors, on black: faces of more sizes for
    calibration."""
    smaller = np.zeros_like(images)
    for number, (image, canvas) in enumerate(zip(images, smaller, strict=True)):
        fit(image, canvas, SMALLER[number % len(SMALLER)])
    return np.concatenate([images, smaller])


def _look(
    detector: Detector, images: Sequence[np.ndarray], scale: float, batch_size: int, threshold: float | None
) -> list[Faces]:
    """The faces of images at one scale; images with canvases of one size share batches."""
    groups: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)
    for index, image in enumerate(images):
        view = view_of(detector, image.shape[0], image.shape[1], scale)
        groups[view.size].append((index, view.scale))
    found = [Faces.none()] * len(images)
    for size, members in groups.items():
        canvases = np.zeros((len(members), *size, 3), np.uint8)
        fitted = [fit(images[index], canvas, own) for (index, own), canvas in zip(members, canvases, strict=True)]
        seen = detector.detect(canvases, threshold, batch_size=batch_size)
        for (index, _), back, faces in zip(members, fitted, seen, strict=True):
            found[index] = faces.scaled_back(back, images[index].shape[1], images[index].shape[0])
    return found


def _heights(faces: Faces) -> np.ndarray:
    heights: np.ndarray = faces.boxes[:, 3] - faces.boxes[:, 1]
    return heights


def _tallest(faces: Faces) -> float:
    return float(_heights(faces).max(initial=0))


def _without_parts(faces: Faces, close: Faces) -> Faces:
    """Faces without those that are parts of close-ups."""
    kept = np.ones(len(faces), bool)
    for box in close.boxes:
        inner = np.concatenate([np.maximum(faces.boxes[:, :2], box[:2]), np.minimum(faces.boxes[:, 2:], box[2:])], 1)
        shared, whole = (np.maximum(b[:, 2:] - b[:, :2], 0).prod(1) for b in (inner, faces.boxes))
        kept &= (shared < INSIDE * whole) | (_heights(faces) < PART * (box[3] - box[1]))
    return faces.take(np.flatnonzero(kept))


def _united(parts: Sequence[Faces]) -> Faces:
    """The faces of several passes over one image, each face once, best score first."""
    some = [part for part in parts if len(part)]
    if len(some) < 2:
        return some[0] if some else Faces.none()
    faces = Faces.joined(some)
    return faces.take(nms(faces.boxes, faces.scores, SAME_FACE))
