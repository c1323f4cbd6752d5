"""Pools of crops for training an embedding, with the outputs of its teacher."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..faces.vectors import norms
from ..networks.engine import Network
from .crops import NO_FACE

TEACHER_BATCH = 32
EMPTY_NORM = 0.35  # maximum norm of a crop without a face, share of the teacher's median norm


@dataclass
class CropPool:
    """Augmented crops and the teacher's outputs for them.

    crops : (n, 112, 112, 3) uint8, BGR
    labels : (n,) int64, below 0 if the crop shows no training person
    targets : the teacher's embeddings (n, D) float32, and its maps (n, C, h, w) float16; empty without a teacher
    """

    crops: np.ndarray
    labels: np.ndarray
    targets: list[np.ndarray] = field(default_factory=list)


def mirrored_pool(crops: np.ndarray, labels: np.ndarray, teacher: Network | None) -> CropPool:
    """Crops (n, 112, 112, 3) and their mirror images, with the teacher's outputs.

    A crop and its mirror image share one target, the mean of the teacher's two embeddings: they show the same person,
    and the two embeddings differ mostly by noise.
    """
    crops, labels = np.concatenate([crops, crops[:, :, ::-1]]), np.concatenate([labels, labels])
    if not teacher:
        return CropPool(crops, labels)
    embeddings, *maps = teacher_outputs(teacher, crops)
    both = embeddings.reshape(2, -1, embeddings.shape[1]).mean(0)
    both = shortened(both, labels[: len(both)] == NO_FACE)
    return CropPool(crops, labels, [np.concatenate([both, both]), *maps])


def teacher_outputs(teacher: Network, crops: np.ndarray) -> list[np.ndarray]:
    """The teacher's embeddings (n, D) float32 and maps (n, C, h, w) float16."""
    parts: list[list[np.ndarray]] = []
    for start in range(0, len(crops), TEACHER_BATCH):
        embedding, *maps = teacher(crops[start : start + TEACHER_BATCH])
        parts.append([embedding, *(array.astype(np.float16) for array in maps)])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def shortened(embeddings: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Embeddings (n, D); norms where `empty` ((n,) bool: no face) are limited to EMPTY_NORM of the median norm."""
    lengths = norms(embeddings)
    most = np.where(empty, EMPTY_NORM * np.median(lengths), np.inf)
    return embeddings * np.minimum(1, most / np.maximum(lengths, 1e-6))[:, None].astype(np.float32)
