"""A face space: principal components of aligned faces (Turk and Pentland, "Eigenfaces", 1991) of one mean shape.

The components are symmetric or antisymmetric under the mirror. The antisymmetric ones are the light from one
side and what is left of the pose; a person is drawn with little of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from ..errors import InputError
from ..networks.checkpoint import read_arrays
from ..networks.checkpoint.arrays import write_arrays
from .canvas import COARSE, PLANES, SPARSE

LENGTH = COARSE**2 + (PLANES - 1) * SPARSE**2  # numbers that describe a face
QUANTA = 127  # largest value of a quantised component
TEMPERATURE = 0.8  # standard deviations of the drawn coefficients, as a share of the photographs'
ASYMMETRY = 0.45  # the same for the antisymmetric ones
LIMIT = 2.2  # standard deviations; no coefficient is drawn farther from the middle of its group
SHAPE_TEMPERATURE = 0.9


@dataclass(frozen=True)
class FaceSpace:
    """Faces as a few coefficients.

    mean : (LENGTH,) float32, see `pack`
    basis : (k, LENGTH) int8, the components
    scale : (k,) float32, what makes `basis` one standard deviation of the photographs
    symmetric : (1,) int32, how many components are symmetric; they come first
    shares : (g,) float32, of the photographs that belong to each group of similar ones
    centres, spreads : (g, k) float32, mean and standard deviation of the coefficients of a group
    shapes : (m, 5, 2) float32, ways in which the landmarks deviate from the mean, a standard deviation each, pixels
    """

    mean: np.ndarray
    basis: np.ndarray
    scale: np.ndarray
    symmetric: np.ndarray
    shares: np.ndarray
    centres: np.ndarray
    spreads: np.ndarray
    shapes: np.ndarray

    def draw(self, rng: np.random.Generator, temperature: float = TEMPERATURE) -> np.ndarray:
        """Coefficients (k,) float32 of a face that is nobody's."""
        group = int(np.searchsorted(np.cumsum(self.shares)[:-1], rng.random()))
        noise = np.clip(rng.standard_normal(len(self.scale)), -LIMIT, LIMIT)
        drawn = self.centres[group] + temperature * self.spreads[group] * noise
        drawn[self.symmetric[0] :] *= ASYMMETRY
        return drawn.astype(np.float32)

    def draw_shape(self, rng: np.random.Generator) -> np.ndarray:
        """Shifts (5, 2) float32 of the landmarks from the mean, pixels of the canvas."""
        noise = np.clip(rng.standard_normal(len(self.shapes)), -LIMIT, LIMIT)
        return (SHAPE_TEMPERATURE * np.tensordot(noise, self.shapes, 1)).astype(np.float32)

    def vectors(self, coefficients: np.ndarray) -> np.ndarray:
        """Faces (n, LENGTH) float32 of coefficients (n, k)."""
        # einsum, not BLAS: the same sums in the same order on every machine, however many threads it has
        return self.mean + np.einsum("nk,kd->nd", coefficients * self.scale, self.basis.astype(np.float32))

    def planes(self, coefficients: np.ndarray) -> np.ndarray:
        """Blurred faces (n, 4, COARSE, COARSE) float32 of coefficients (n, k), see `canvas.to_planes`."""
        return np.stack([unpack(vector) for vector in self.vectors(coefficients)])


def pack(planes: np.ndarray) -> np.ndarray:
    """A face (4, SIZE, SIZE) float32 as LENGTH numbers: luma at half the size, the rest at a quarter."""
    luma = cv2.resize(planes[0], (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    rest = [cv2.resize(plane, (SPARSE, SPARSE), interpolation=cv2.INTER_AREA) for plane in planes[1:]]
    return np.concatenate([plane.reshape(-1) for plane in (luma, *rest)])


def unpack(vector: np.ndarray) -> np.ndarray:
    """The planes (4, COARSE, COARSE) float32 of a face of LENGTH numbers."""
    luma, rest = np.split(np.asarray(vector, np.float32), [COARSE**2])
    small = rest.reshape(PLANES - 1, SPARSE, SPARSE)
    return np.stack([luma.reshape(COARSE, COARSE), *(cv2.resize(plane, (COARSE, COARSE)) for plane in small)])


def save_face_space(path: str, space: FaceSpace) -> None:
    """Write a face space as named arrays, float32 ones as float16."""
    arrays = {field.name: np.asarray(getattr(space, field.name)) for field in fields(FaceSpace)}
    write_arrays(path, {k: a.astype(np.float16) if a.dtype == np.float32 else a for k, a in arrays.items()})


def load_face_space(path: str) -> FaceSpace:
    """Read what `save_face_space` wrote.

    Raises
    ------
    InputError
        If the file can't be read or is not a face space.
    """
    arrays = read_arrays(path)
    wanted = {field.name for field in fields(FaceSpace)}
    if set(arrays) != wanted or arrays["mean"].shape != (LENGTH,) or arrays["basis"].shape[1:] != (LENGTH,):
        raise InputError(f"{path}: is not a face space; get it again, or train one: python -m rcnn train-people")
    return FaceSpace(**{k: a.astype(np.float32) if a.dtype == np.float16 else a for k, a in arrays.items()})
