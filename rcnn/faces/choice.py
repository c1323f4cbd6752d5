"""The central face of an image."""

from __future__ import annotations

import numpy as np

from ..config import config
from .alignment import align_faces
from .types import Faces


def central_face(faces: Faces, width: int, height: int) -> int:
    """Index of the face that is large and near the centre of an image of width x height pixels.

    Raises
    ------
    ValueError
        If there is no face.
    """
    return int(merits(faces, width, height).argmax())


def central_faces(faces: Faces, width: int, height: int, most: int) -> np.ndarray:
    """Indices of the `most` faces that are large and near the centre, the best of them first: (k,) int64."""
    return np.argsort(-merits(faces, width, height), kind="stable")[:most]


def merits(faces: Faces, width: int, height: int) -> np.ndarray:
    """For each face its area minus twice the squared distance of its centre to the image's: (n,) float32, square
    pixels, as in InsightFace's FaceAnalysis."""
    sizes = faces.boxes[:, 2:] - faces.boxes[:, :2]
    offsets = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 - np.array([width / 2, height / 2], np.float32)
    return sizes.prod(1) - config.CHOICE.CENTRE_PENALTY * (offsets**2).sum(1)


def central_crop(image: np.ndarray, faces: Faces, size: tuple[int, int] = (112, 112)) -> np.ndarray:
    """The central face of an image (H, W, 3) uint8, aligned: (height, width, 3) uint8.

    Raises
    ------
    ValueError
        If there is no face.
    """
    best = central_face(faces, image.shape[1], image.shape[0])
    return align_faces(image, faces.landmarks[best : best + 1], size)[0]
