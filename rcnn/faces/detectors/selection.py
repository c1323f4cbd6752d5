"""Selects a detector's candidate anchors on the device where the network ran, so that little is copied back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...config import config

if TYPE_CHECKING:
    from torch import Tensor

MAPS_A_STRIDE = 3  # class probability, box deltas, landmark deltas
ARRAYS_A_STRIDE = 5  # the result of `best_anchors`


def best_anchors(maps: Sequence[Tensor]) -> list[Tensor]:
    """The best `PRE_NMS_TOP` anchors of each stride of B images, or all if there are fewer.

    Parameters
    ----------
    maps : for each stride class probability (B, 2A, h, w), box deltas (B, 4A, h, w), landmark deltas (B, 10A, h, w)

    Returns
    -------
    For each stride of k anchors, best first: indices (B, k) int64, (y * w + x) * A + a; probabilities (B, k) float32;
    box deltas (B, k, 4) and landmark deltas (B, k, 10) float32; and w (B, 1) int64.
    """
    chosen = []
    for start in range(0, len(maps), MAPS_A_STRIDE):
        probability, boxes, landmarks = maps[start : start + MAPS_A_STRIDE]
        faces = probability[:, probability.shape[1] // 2 :].permute(0, 2, 3, 1).flatten(1)
        scores, indices = faces.topk(min(config.ESSH.PRE_NMS_TOP, faces.shape[1]))
        chosen += [indices, scores]
        for deltas in (boxes, landmarks):
            rows = deltas.permute(0, 2, 3, 1).reshape(*faces.shape, -1)
            chosen.append(rows.gather(1, indices[..., None].expand(-1, -1, rows.shape[2])))
        chosen.append(indices.new_full((len(indices), 1), probability.shape[3]))
    return chosen


def above(chosen: Sequence[np.ndarray], threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """The anchors of one stride of one image with a probability of at least `threshold`, in anchor order.

    Parameters
    ----------
    chosen : indices (k,), probabilities (k,), box deltas (k, 4), landmark deltas (k, 10) and w (1,)

    Returns
    -------
    The first four, shorter, and w.
    """
    indices, scores, boxes, landmarks, width = chosen
    count = int(np.searchsorted(-scores, -np.float32(threshold), side="right"))
    order = np.argsort(indices[:count], kind="stable")
    return indices[order], scores[order], boxes[order], landmarks[order], int(width[0])
