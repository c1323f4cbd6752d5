"""Photographs with face labels produced by a detector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike

from ..cython.boxes import overlaps
from ..faces.detectors.single_stage import Detector
from ..faces.types import POINTS, Faces
from ..files import make_dir, write_whole
from ..video.photographs import read_image
from ..workers.progress import progress

CERTAIN = 0.5  # lowest score of a detection that becomes a label
FAINT = 0.2  # lowest score of a detection that is ignored rather than treated as background
ENLARGED = 2.0  # scale of the second pass, which finds faces that score low at the original size
SAME = 0.3  # intersection over union from which a faint detection duplicates a label
CHUNK = 32  # photographs labelled together
# Scale and shift (pixels) of the views over whose landmarks the median is taken. The published RetinaFace's
# landmarks move by 9% of the distance between the eyes when a picture shifts by four pixels, half a stride.
VIEWS = ((1.0, 2, 5), (1.0, 5, 2), (1.0, 7, 7), (0.85, 0, 3), (0.85, 4, 6), (1.2, 3, 0), (1.2, 6, 4), (0.7, 2, 2))
Views = Sequence[tuple[float, int, int]]
SAME_FACE = 0.5  # intersection over union from which a face in a view matches one of the photograph


@dataclass(frozen=True)
class LabelledPhotograph:
    """The face labels of a picture.

    path : path of the file
    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels, both ends included
    landmarks : (n, 5, 2) float32, in pixels; NaN if they are unknown
    ignored : (m, 4) float32, boxes of regions that count neither as face nor as background
    is_frame : whether it is a frame of a video
    """

    path: str
    boxes: np.ndarray
    landmarks: np.ndarray
    ignored: np.ndarray
    is_frame: bool = False

    @staticmethod
    def of(path: str, boxes: ArrayLike, landmarks: ArrayLike, ignored: ArrayLike) -> LabelledPhotograph:
        """From lists, which may be empty."""
        return LabelledPhotograph(
            path,
            np.asarray(boxes, np.float32).reshape(-1, 4),
            np.asarray(landmarks, np.float32).reshape(-1, POINTS, 2),
            np.asarray(ignored, np.float32).reshape(-1, 4),
        )


def label_photographs(
    paths: Sequence[Path], detector: Detector, cache: str | None = None, views: Views = VIEWS
) -> list[LabelledPhotograph]:
    """Label the faces that a detector is certain of; those with a low score, or found only enlarged, are ignored.

    Landmarks are the median over several views of the photograph.

    Parameters
    ----------
    cache : `.npz` file that caches the result for the same paths; the detector is not part of the key
    views : scale and shift (pixels) of each; if empty, the photograph is used only as it is and never enlarged
    """
    names = np.array([str(path) for path in paths])
    if cache and os.path.exists(cache):
        kept = _read_cache(cache)
        if kept is not None and [photo.path for photo in kept] == names.tolist():
            return kept
    photographs = []
    for start in progress(range(0, len(paths), CHUNK), what="label", unit="chunk"):
        chunk = [str(path) for path in paths[start : start + CHUNK]]
        images = [read_image(path) for path in chunk]
        found = detector.detect(images, FAINT, batch_size=8)
        larger = detector.detect(images, FAINT, (ENLARGED,), batch_size=4) if views else [Faces.none()] * len(chunk)
        steady = steady_landmarks(images, found, detector, views)
        photographs += [_labelled(*item) for item in zip(chunk, found, steady, larger, strict=True)]
    if cache:
        _write_cache(cache, photographs)
    return photographs


def confirmed(photo: LabelledPhotograph, other: LabelledPhotograph) -> LabelledPhotograph:
    """The labels on which two detectors agree; what only one of them finds is ignored.

    Parameters
    ----------
    photo, other : the labels of each detector for the same picture; boxes and landmarks are those of the first
    """
    seen = np.concatenate([other.boxes, other.ignored])
    sure = _overlapped(photo.boxes, seen)
    ignored = np.concatenate([photo.boxes[~sure], photo.ignored, seen[~_overlapped(seen, photo.boxes[sure])]])
    return LabelledPhotograph(photo.path, photo.boxes[sure], photo.landmarks[sure], ignored)


def _overlapped(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) bool: the boxes (n, 4) that one of the others overlaps by `SAME`."""
    if not len(boxes) or not len(others):
        return np.zeros(len(boxes), bool)
    return overlaps(np.ascontiguousarray(boxes), np.ascontiguousarray(others)).max(1) >= SAME


def steady_landmarks(
    images: Sequence[np.ndarray], found: Sequence[Faces], detector: Detector, views: Views = VIEWS
) -> list[np.ndarray]:
    """Landmarks (n, 5, 2) of the faces found in each image: the median over the image and its views."""
    said = [[faces.landmarks] for faces in found]
    for scale, x, y in views:
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        moved = [_view(image, matrix) for image in images]
        for faces, seen, landmarks in zip(found, detector.detect(moved, FAINT), said, strict=True):
            corners = seen.boxes.reshape(-1, 2, 2)
            boxes = ((corners - matrix[:, 2]) / matrix[0, 0]).reshape(-1, 4)
            mine = np.full_like(faces.landmarks, np.nan)
            if len(seen) and len(faces):
                overlap = overlaps(np.ascontiguousarray(faces.boxes), np.ascontiguousarray(boxes))
                best = overlap.argmax(1)
                same = overlap.max(1) >= SAME_FACE
                mine[same] = (seen.landmarks[best[same]] - matrix[:, 2]) / matrix[0, 0]
            landmarks.append(mine)
    return [np.nanmedian(landmarks, 0).astype(np.float32) for landmarks in said]


def _view(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """An image scaled and shifted, on a canvas with room for the shift; pixel centres have integer coordinates."""
    height, width = (round(side * matrix[0, 0]) + 8 for side in image.shape[:2])
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _labelled(path: str, found: Faces, landmarks: np.ndarray, larger: Faces) -> LabelledPhotograph:
    certain = found.scores >= CERTAIN
    boxes = np.ascontiguousarray(found.boxes[certain])
    faint = np.concatenate([found.boxes[~certain], larger.boxes])
    if len(boxes) and len(faint):
        faint = faint[overlaps(faint, boxes).max(1) < SAME]
    return LabelledPhotograph(path, boxes, landmarks[certain], faint)


def _write_cache(cache: str, photographs: Sequence[LabelledPhotograph]) -> None:
    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            np.savez(
                file,
                paths=np.array([photo.path for photo in photographs]),
                counts=np.array([[len(photo.boxes), len(photo.ignored)] for photo in photographs]).reshape(-1, 2),
                boxes=np.concatenate([photo.boxes for photo in photographs]),
                landmarks=np.concatenate([photo.landmarks for photo in photographs]),
                ignored=np.concatenate([photo.ignored for photo in photographs]),
            )

    make_dir(os.path.dirname(cache))
    write_whole(cache, write)


def _read_cache(cache: str) -> list[LabelledPhotograph] | None:
    """None if the file was not written by `_write_cache`."""
    try:
        with np.load(cache, allow_pickle=False) as data:
            faces, ignored = np.cumsum(data["counts"], 0)[:-1].T
            columns = [
                np.split(data["boxes"], faces),
                np.split(data["landmarks"], faces),
                np.split(data["ignored"], ignored),
            ]
            return [LabelledPhotograph(str(path), *item) for path, *item in zip(data["paths"], *columns, strict=True)]
    except (OSError, ValueError, KeyError, EOFError):
        return None
