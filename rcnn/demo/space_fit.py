"""Fits a face space to portraits: symmetric and antisymmetric components, groups of similar faces, shapes."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import randomized_svd

from .canvas import COARSE, PLANES, SIZE, SPARSE
from .face_space import QUANTA, FaceSpace, pack
from .portraits import QUANTUM, Portraits, mirror_shifts

SYMMETRIC, ANTISYMMETRIC = 130, 40  # components
GROUPS = 40
GROUPED_BY = 24  # components that tell which faces are similar
FACE_WEIGHT = 2.0  # of the face in the components, beside 1 for hair, clothes and background
FACE_ELLIPSE = (0.5, 0.6, 0.27, 0.36)  # its middle x, y and its half axes, as shares of the canvas
SHAPE_COMPONENTS = 4  # of five mirror-symmetric landmarks: ten numbers, less the mirror's and the alignment's
SVD_ROUNDS = 4


def face_vectors(portraits: Portraits) -> np.ndarray:
    """(n, LENGTH) float32, see `pack`."""
    return np.stack([pack(planes.astype(np.float32) / QUANTUM) for planes in portraits.planes])


def mirrored_vectors(vectors: np.ndarray) -> np.ndarray:
    """The vectors (n, LENGTH) of the mirrored faces."""
    luma, rest = np.split(vectors, [COARSE**2], axis=1)
    luma = luma.reshape(-1, COARSE, COARSE)[:, :, ::-1].reshape(len(vectors), -1)
    rest = rest.reshape(-1, PLANES - 1, SPARSE, SPARSE)[:, :, :, ::-1].reshape(len(vectors), -1)
    return np.concatenate([luma, rest], 1)


def fit_face_space(portraits: Portraits, seed: int = 0) -> FaceSpace:
    """The face space of portraits and of their mirror images."""
    vectors = face_vectors(portraits)
    flipped = mirrored_vectors(vectors)
    even, odd = (vectors + flipped) / 2, (vectors - flipped) / 2
    mean = even.mean(0)
    weights = _weights()
    parts = [_components((part - centre) * weights, count, seed) / weights
             for part, centre, count in ((even, mean, SYMMETRIC), (odd, 0, ANTISYMMETRIC))]  # fmt: skip
    components = np.concatenate(parts)  # each times one standard deviation
    scale = np.abs(components).max(1) / QUANTA
    basis = np.rint(components / scale[:, None]).astype(np.int8)
    space = FaceSpace(
        mean=mean, basis=basis, scale=scale.astype(np.float32), symmetric=np.array([len(parts[0])], np.int32),
        shares=np.ones(1, np.float32), centres=np.zeros((1, len(scale)), np.float32),
        spreads=np.ones((1, len(scale)), np.float32), shapes=fit_shapes(portraits.shifts),
    )  # fmt: skip
    return _grouped(space, coefficients(space, vectors), seed)


def coefficients(space: FaceSpace, vectors: np.ndarray) -> np.ndarray:
    """Coefficients (n, k) float32 of faces (n, LENGTH), by weighted least squares."""
    basis = space.basis.astype(np.float32) * space.scale[:, None]
    weighted = basis * np.square(_weights())
    return np.linalg.solve(weighted @ basis.T, weighted @ (vectors - space.mean).T).T.astype(np.float32)


def _components(data: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(count, LENGTH) float32, principal directions times the standard deviation along them; fewer of few faces."""
    count = min(count, len(data) - 1)
    _, values, directions = randomized_svd(data, count, n_iter=SVD_ROUNDS, random_state=seed)
    deviations = values / np.sqrt(len(data))
    seen = deviations > 1e-6 * deviations[0]
    return (directions * deviations[:, None])[seen].astype(np.float32)


def _weights() -> np.ndarray:
    """Square roots of what a number of a face vector counts: (LENGTH,) float32."""
    y, x = (np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5) / SIZE
    face = ((x - FACE_ELLIPSE[0]) / FACE_ELLIPSE[2]) ** 2 + ((y - FACE_ELLIPSE[1]) / FACE_ELLIPSE[3]) ** 2 < 1
    planes = np.broadcast_to(np.where(face, np.float32(FACE_WEIGHT), np.float32(1)), (PLANES, SIZE, SIZE))
    return np.sqrt(pack(np.ascontiguousarray(planes)))


def _grouped(space: FaceSpace, faces: np.ndarray, seed: int) -> FaceSpace:
    """The space with its groups: hair, hats and skins that go together are drawn together."""
    count = max(1, min(GROUPS, len(faces) // 50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        groups = KMeans(count, n_init=2, random_state=seed).fit_predict(faces[:, :GROUPED_BY])
    members = [faces[groups == group] for group in range(count)]
    half = space.symmetric[0]
    centres = np.stack([mine.mean(0) for mine in members])
    centres[:, half:] = 0  # the mirror images are there as well
    spreads = np.stack(
        [np.sqrt(np.square(mine - centre).mean(0)) for mine, centre in zip(members, centres, strict=True)]
    )
    shares = np.array([len(mine) / len(faces) for mine in members])
    return FaceSpace(
        space.mean, space.basis, space.scale, space.symmetric, shares.astype(np.float32),
        centres.astype(np.float32), spreads.astype(np.float32), space.shapes,
    )  # fmt: skip


def fit_shapes(shifts: np.ndarray) -> np.ndarray:
    """How symmetric landmarks deviate from the mean: (m, 5, 2) float32, a standard deviation each, pixels."""
    even = ((shifts + mirror_shifts(shifts)) / 2).reshape(len(shifts), -1)
    _, values, directions = np.linalg.svd(even, full_matrices=False)
    scaled = directions * (values / np.sqrt(len(shifts)))[:, None]
    return scaled[:SHAPE_COMPONENTS].reshape(-1, *shifts.shape[1:]).astype(np.float32)
