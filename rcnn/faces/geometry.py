"""Anchors, and decoding of boxes and landmarks relative to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import POINTS


def base_anchors(size: int, scales: Sequence[float]) -> np.ndarray:
    """Square anchors of the cell at the origin.

    They share the centre of the box 0..size-1 and are `size * scale` wide, both ends included
    (the convention of Faster R-CNN, arXiv:1506.01497).

    Returns
    -------
    (len(scales), 4) float32, x1, y1, x2, y2 in pixels.
    """
    centre = (size - 1) / 2
    half = (size * np.asarray(scales, np.float64) - 1) / 2
    return np.stack([centre - half, centre - half, centre + half, centre + half], 1).astype(np.float32)


def _centres_and_sizes(anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sizes = anchors[:, 2:] - anchors[:, :2] + 1
    return anchors[:, :2] + (sizes - 1) / 2, sizes


def decode_boxes(anchors: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Boxes from deltas: centre = delta * size + anchor centre, size = exp(delta) * size.

    Parameters
    ----------
    anchors : (n, 4) float32, both ends included
    deltas : (n, 4) float32, dx, dy, dw, dh

    Returns
    -------
    (n, 4) float32, both ends included.
    """
    centres, sizes = _centres_and_sizes(anchors)
    centres = deltas[:, :2] * sizes + centres
    half = (np.exp(deltas[:, 2:]) * sizes - 1) / 2
    return np.concatenate([centres - half, centres + half], 1)


def decode_landmarks(anchors: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Landmarks from deltas: delta * anchor size + anchor centre.

    Parameters
    ----------
    anchors : (n, 4) float32, both ends included
    deltas : (n, 10) float32, x, y of one point after the other

    Returns
    -------
    (n, 5, 2) float32.
    """
    centres, sizes = _centres_and_sizes(anchors)
    return deltas.reshape(-1, POINTS, 2) * sizes[:, None] + centres[:, None]


def clip_boxes(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes clipped to an image of width x height pixels: 0..width-1, 0..height-1."""
    limit = np.array([width - 1, height - 1, width - 1, height - 1], np.float32)
    return np.clip(boxes, 0, limit)
