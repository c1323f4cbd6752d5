"""Pastes a piece of one picture into another."""

from __future__ import annotations

import cv2
import numpy as np


def blend(
    picture: np.ndarray, piece: np.ndarray, corner: np.ndarray, matrix: np.ndarray, scale: float, soft: bool
) -> None:
    """Paste a piece into a picture, in place.

    Parameters
    ----------
    picture, piece : (H, W, 3) uint8
    corner : (2,) x and y of the piece's top left corner in its photograph, pixels
    matrix : (2, 3) affine map from the photograph's pixels to the picture's
    scale : of `matrix`; below 1 the piece is first averaged down
    soft : paste an ellipse with a soft edge instead of the whole rectangle
    """
    shrunk = np.ones(2)
    offset = corner.astype(float)
    if scale < 1:  # warpAffine alone would skip pixels
        width, height = (max(1, round(n * scale)) for n in piece.shape[1::-1])
        shrunk = np.array([piece.shape[1] / width, piece.shape[0] / height])
        piece = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA)
        offset = offset + (shrunk - 1) / 2  # centre of the first averaged pixel
    whole = np.hstack([matrix[:, :2] * shrunk, (matrix[:, :2] @ offset + matrix[:, 2])[:, None]])
    size = picture.shape[1::-1]
    if not soft:
        cv2.warpAffine(piece, whole, size, picture, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        return
    height, width = piece.shape[:2]
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (width // 2, height // 2), (int(width * 0.47), int(height * 0.47)), 0, 0, 360, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, min(height, width) / 40))
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ whole.T
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, size)
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 2, 0, size)
    if right <= left or bottom <= top:
        return
    whole[:, 2] -= left, top
    region, size = picture[top:bottom, left:right], (int(right - left), int(bottom - top))
    share = cv2.warpAffine(mask, whole, size)[..., None]
    over = cv2.warpAffine(piece, whole, size, borderMode=cv2.BORDER_REPLICATE)
    region[:] = (region * (1 - share) + over * share).astype(np.uint8)
