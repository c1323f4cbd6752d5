"""Which face of an image it is of."""

from __future__ import annotations

import numpy as np

from ..config import config
from .alignment import align_faces
from .types import Faces


def central_face(faces: Faces, width: int, height: int) -> int:
    """Index of the face that is large and near the centre of an image of width x height pixels.

    It has the largest area less twice the squared distance of its centre to the image's.

    Raises
    ------
    ValueError
        If there is no face.
    """
    sizes = faces.boxes[:, 2:] - faces.boxes[:, :2]
    offsets = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 - np.array([width / 2, height / 2], np.float32)
    merit = sizes.prod(1) - config.CHOICE.CENTRE_PENALTY * (offsets**2).sum(1)
    return int(merit.argmax())


def central_crop(image: np.ndarray, faces: Faces, size: tuple[int, int] = (112, 112)) -> np.ndarray:
    """The central face of an image (H, W, 3) uint8, aligned: (height, width, 3) uint8.

    Raises
    ------
    ValueError
        If there is no face.
    """
    best = central_face(faces, image.shape[1], image.shape[0])
    return align_faces(image, faces.landmarks[best : best + 1], size)[0]
