"""Faces rotated, scaled and cropped so that five landmarks are where embedding networks expect them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..config import config
from ..errors import InputError

SIZES = ((112, 112), (112, 96))  # height, width in pixels
MOST_TIMES = 64  # downscaling of a face before it is cropped


def target_points(size: tuple[int, int] = (112, 112)) -> np.ndarray:
    """Positions of the landmarks in a crop of `size` (height, width): (5, 2) float32, x, y.

    Raises
    ------
    InputError
        If the size is neither 112x112 nor 112x96.
    """
    if size not in SIZES:
        allowed = " or ".join(f"{h},{w}" for h, w in SIZES)
        raise InputError(f"--image-size {size[0]},{size[1]}: crops are {allowed} (height,width)")
    points = np.array(config.ALIGN.TARGET, np.float32)
    if size[1] == 96:
        points[:, 0] -= config.ALIGN.NARROW_SHIFT
    return points


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity transform that maps `source` closest to `target` in the least-squares sense.

    Rotation, one scale and a shift, no mirroring: S. Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns", PAMI 1991, equations 40 to 42.

    Parameters
    ----------
    source, target : (n, 2), x, y

    Returns
    -------
    (2, 3) float64, for column vectors (x, y, 1). Points that all coincide give scale 0.
    """
    source = np.asarray(source, np.float64)
    target = np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred = source - source_mean
    variance = (centred**2).sum() / len(source)
    covariance = (target - target_mean).T @ centred / len(source)
    u, d, vt = np.linalg.svd(covariance)
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u @ np.diag(signs) @ vt
    scale = (d * signs).sum() / variance if variance > 0 else 0.0
    matrix = np.empty((2, 3))
    matrix[:, :2] = scale * rotation
    matrix[:, 2] = target_mean - matrix[:, :2] @ source_mean
    return matrix


def align_faces(
    image: np.ndarray, landmarks: np.ndarray | Sequence[np.ndarray], size: tuple[int, int] = (112, 112)
) -> np.ndarray:
    """Crops of the faces of an image; pixels outside the image are black.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    landmarks : (n, 5, 2), x, y in pixels of the image
    size : height, width of the crops in pixels, 112x112 or 112x96

    Returns
    -------
    (n, height, width, 3) uint8, BGR.
    """
    target = target_points(size)
    crops = np.zeros((len(landmarks), *size, 3), np.uint8)
    for crop, points in zip(crops, landmarks, strict=True):
        source, matrix = _reduced(image, similarity(points, target), size)
        cv2.warpAffine(source, matrix, (size[1], size[0]), dst=crop, borderValue=0)
    return crops


def _reduced(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image that a crop shows, downscaled by an integer factor, and the matrix (2, 3) for it.

    `warpAffine` interpolates four pixels for each pixel of the crop. In a face much larger than its crop it would skip
    the others, and edges would be jagged.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    times = min(int(1 / scale), MOST_TIMES) if scale > 0 else 1
    if times < 2:
        return image, matrix
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [size[1], 0], [0, size[0]], [size[1], size[0]]]) @ back[:, :2].T + back[:, 2]
    low = np.floor(corners.min(0)).astype(int) - times
    high = np.ceil(corners.max(0)).astype(int) + times
    left, top = np.clip(low, 0, [image.shape[1], image.shape[0]]).tolist()
    right, bottom = np.clip(high, 0, [image.shape[1], image.shape[0]]).tolist()
    if right - left < times or bottom - top < times:
        return image, matrix  # the crop is outside the image
    part = image[top:bottom, left:right]
    part = cv2.copyMakeBorder(part, 0, -part.shape[0] % times, 0, -part.shape[1] % times, cv2.BORDER_CONSTANT)
    small = cv2.resize(part, (part.shape[1] // times, part.shape[0] // times), interpolation=cv2.INTER_AREA)
    # pixel j of `small` is the mean of `times` pixels and is at their centre
    first = np.array([left, top]) + (times - 1) / 2
    moved = np.empty((2, 3))
    moved[:, :2] = matrix[:, :2] * times
    moved[:, 2] = matrix[:, :2] @ first + matrix[:, 2]
    return small, moved
