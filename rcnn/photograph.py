"""A photograph and the faces in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .config import config
from .detector import Detector, align_faces
from .detector.essh import central_face
from .errors import InputError
from .faces import Faces
from .motion import read_photo
from .video import UnreadableError

LONGEST = 960  # pixels of the longer side when it is looked at: the largest anchor is 512 wide
BORDER = 0.5  # of each side, that is added around a photograph which a face fills


@dataclass(frozen=True)
class Photograph:
    """A photograph with its faces from left to right.

    path : where it lies
    image : (H, W, 3) uint8, BGR
    faces : in pixels of the image
    """

    path: str
    image: np.ndarray
    faces: Faces

    @property
    def central(self) -> int:
        """Index of the face that is large and near the middle."""
        return central_face(self.faces, self.image.shape[1], self.image.shape[0])

    def crops(self, size: tuple[int, int] = (112, 112)) -> np.ndarray:
        """(n, height, width, 3) uint8, BGR: the faces, aligned."""
        return align_faces(self.image, self.faces.landmarks, size)


def read_image(path: str) -> np.ndarray:
    """The photograph in a file, (H, W, 3) uint8, BGR, upright as its EXIF says.

    Raises
    ------
    InputError
        If it can't be read.
    """
    try:
        return read_photo(Path(path))
    except UnreadableError as error:
        raise InputError(f"{path}: {error}; give a JPEG, PNG or WebP") from None


def look_at(path: str, detector: Detector) -> Photograph:
    """Read a photograph and find its faces.

    Raises
    ------
    InputError
        If it can't be read or has no face.
    """
    image = read_image(path)
    faces = find_faces(image, detector)
    if not len(faces):
        raise InputError(
            f"{path}: no face is found in it; give a photograph with a face of 20 pixels or more, seen from the front"
        )
    return Photograph(path, image, faces)


def find_faces(image: np.ndarray, detector: Detector, threshold: float = config.ESSH.THRESHOLD) -> Faces:
    """The faces of an image of any size, from left to right.

    It is looked at with its longer side at `LONGEST` pixels at most; where that shows nothing, half as large, and then
    with a black border, which parts a face from the edge.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    threshold : smallest probability of a face
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
