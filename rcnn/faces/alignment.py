"""Faces turned, scaled and cut so that five landmarks lie where embedding networks expect them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..config import config
from ..errors import InputError

SIZES = ((112, 112), (112, 96))  # height, width in pixels


def target_points(size: tuple[int, int] = (112, 112)) -> np.ndarray:
    """Where the landmarks come to lie in a crop of `size` (height, width): (5, 2) float32, x, y.

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
    """The similarity transform that takes `source` nearest to `target` in the least-squares sense.

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
    """Crops of the faces of an image; what lies outside of the image is black.

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
        cv2.warpAffine(image, similarity(points, target), (size[1], size[0]), dst=crop, borderValue=0)
    return crops
