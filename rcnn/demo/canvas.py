"""The canvas that faces are drawn on: where their landmarks lie, and how colours and background are held."""

from __future__ import annotations

import cv2
import numpy as np

from ..faces.alignment import target_points

SIZE = 128  # pixels a side; the head with hair, neck and the beginning of the shoulders
SCALE = 0.72  # pixels of the canvas a pixel of a 112x112 crop
MIDDLE = SIZE / 2  # x of the face's middle, pixels
TOP = 22.0  # y of the upper edge of a 112x112 crop, pixels
COARSE = SIZE // 2  # pixels a side of the luma that the face space holds
SPARSE = SIZE // 4  # pixels a side of its chroma and alpha
PLANES = 4  # luma, red and blue difference, alpha
REACH = 16.0  # pixels; how far a landmark that moves takes its surroundings along (standard deviation)


def landmarks() -> np.ndarray:
    """Where the mean face has its landmarks: (5, 2) float32, x, y in pixels of the canvas, mirror-symmetric."""
    points = target_points() * SCALE
    points = (points + mirrored(points, points[2, 0])) / 2
    return (points + np.array([MIDDLE - points[2, 0], TOP])).astype(np.float32)


def mirrored(points: np.ndarray, middle: float = MIDDLE) -> np.ndarray:
    """Five landmarks (5, 2) as the mirror at x = `middle` shows them."""
    swapped = points[[1, 0, 2, 4, 3]].copy()
    swapped[:, 0] = 2 * middle - swapped[:, 0]
    return swapped


def displacement(origin: np.ndarray, shifts: np.ndarray, size: int = SIZE) -> np.ndarray:
    """A smooth field that has the values `shifts` at the points `origin` and fades around them.

    Parameters
    ----------
    origin, shifts : (n, 2), pixels of the canvas

    Returns
    -------
    (size, size, 2) float32.
    """
    between = np.square(origin[:, None] - origin[None]).sum(-1)
    weights = np.linalg.solve(np.exp(-between / (2 * REACH**2)), np.asarray(shifts, np.float64))
    y, x = np.mgrid[:size, :size].astype(np.float32)
    field = np.zeros((size, size, 2), np.float32)
    for point, weight in zip(origin, weights, strict=True):
        kernel = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * REACH**2))
        field += kernel[..., None] * weight.astype(np.float32)
    return field


def to_planes(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours multiplied by alpha, which makes blending linear.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    alpha : (H, W) float32, 1 where the person is, 0 where the background is

    Returns
    -------
    (4, H, W) float32: luma, red difference, blue difference (each -0.5..0.5 times alpha), alpha.
    """
    colours = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2YCrCb) - np.float32(0.5)
    return np.concatenate([colours.transpose(2, 0, 1) * alpha, alpha[None]]).astype(np.float32)


def to_image(planes: np.ndarray) -> np.ndarray:
    """The inverse of `to_planes`, on black: (H, W, 4) float32, BGR times alpha 0..255, and alpha 0..1."""
    alpha = np.clip(planes[3], 0, 1)
    colours = cv2.cvtColor((planes[:3] + np.float32(0.5)).transpose(1, 2, 0), cv2.COLOR_YCrCb2BGR)
    premultiplied = colours - np.float32(0.5) * (1 - alpha[..., None])
    return np.dstack([np.clip(premultiplied, 0, alpha[..., None]) * 255, alpha]).astype(np.float32)
