"""A photograph and the faces in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..faces.alignment import align_faces
from ..faces.choice import central_face
from ..faces.detectors import Detector
from ..faces.finding import find_faces
from ..faces.types import Faces
from ..video.photographs import read_image


@dataclass(frozen=True)
class Photograph:
    """A photograph with its faces from left to right.

    path : of its file
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
            f"{path}: no face was found in it; give a photograph with a face of 20 pixels or more, seen from the front"
        )
    return Photograph(path, image, faces)
