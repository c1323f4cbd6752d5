"""Faces out of nothing, for benchmarks of what is done with them."""

import numpy as np

from rcnn.clips.dataset import Clip
from rcnn.tables.faces import ClipFaces


def made_up_faces(clip: Clip, count: int, crop: bytes) -> ClipFaces:
    """So many faces of a clip, each with the same crop."""
    return ClipFaces(
        clip,
        np.arange(3, 3 * count + 3, 3, dtype=np.int32),
        np.arange(count) / 8,
        np.full(count, 0.9, np.float32),
        np.full(count, 20, np.float32),
        np.zeros((count, 4), np.float32),
        np.zeros((count, 5, 2), np.float32),
        [crop] * count,
        np.zeros(count, np.int32),
    )
