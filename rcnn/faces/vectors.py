"""Norms of embeddings, and their cosines with a vector."""

from __future__ import annotations

import numpy as np


def norms(embeddings: np.ndarray) -> np.ndarray:
    """L2 norms, (n,) float32, of embeddings (n, D): the quality of the crops."""
    return np.sqrt((embeddings.astype(np.float64) ** 2).sum(-1)).astype(np.float32)


def normalise(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (..., D) of length 1, float32; a zero vector stays one."""
    length = np.sqrt((embeddings.astype(np.float64) ** 2).sum(-1, keepdims=True))
    return (embeddings / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float32)


def cosines_with(embeddings: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Cosines (n,) float32 of embeddings (n, D) float32 of any length with one (D,) of length 1; 0 for a zero vector.

    In single precision, without copying the embeddings: there may be millions.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))
    return (embeddings @ unit) / np.maximum(lengths, np.finfo(np.float32).tiny)
