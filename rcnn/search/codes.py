"""Short codes of unit vectors, 2 bits per number, with which faiss finds candidates among millions of them.

All vectors are rotated by the same random rotation; each number is then close to normal, whatever the vectors are, and
is quantised to the nearest of the four levels that are optimal for a normal distribution (Lloyd-Max; TurboQuant does
the same, Zandieh et al., arXiv:2504.19874, 2025). Nothing is learnt from the vectors: a code depends only on its own
vector, so a grown index equals a rebuilt one. To faiss the codes are those of a product quantiser with 16 centroids for
every two numbers, which it compares by look-ups in registers (André et al., VLDB 9, 2015).
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np

# The four levels that lose least of a standard normal variable, and the borders between them (Max, IRE IT-6, 1960)
LEVELS = np.array([-1.510, -0.4528, 0.4528, 1.510], np.float32)
BORDERS = np.array([-0.9816, 0.0, 0.9816], np.float32)
LEVEL_BITS = 2
SHORTEST = 8 // LEVEL_BITS  # numbers whose codes fill a byte: other widths are padded with zeros
WIDEST = 4096  # largest width of a vector: above it the rotation would take longer than comparing
SEED = 20  # of the rotation; another seed makes other codes
PQ_BITS = 4
TOGETHER = 32  # codes in a block of faiss
PATTERN_ROWS = 2 * TOGETHER


def code_width(width: int) -> int:
    """Padded width of the code of a vector `width` wide."""
    return -(-width // SHORTEST) * SHORTEST


def packed_bytes(rows: int, width: int) -> int:
    """Bytes of the packed codes of this many vectors."""
    return -(-rows // TOGETHER) * TOGETHER * code_width(width) // SHORTEST


def rotation(width: int) -> np.ndarray:
    """(width, code_width) float32: a random one with orthogonal rows of length 1, the same each time."""
    wide = code_width(width)
    found, triangle = np.linalg.qr(np.random.default_rng(SEED).normal(size=(wide, wide)))
    return np.ascontiguousarray((found * np.sign(np.diag(triangle)))[:width], np.float32)


def encode(unit: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Codes (n, code_width / 4) uint8 of unit vectors (n, width) float32, the first number in the lowest bits.

    Parameters
    ----------
    turn : result of `rotation`
    """
    numbers = unit @ turn
    borders = BORDERS / np.float32(np.sqrt(turn.shape[1]))
    level = np.zeros(numbers.shape, np.uint8)
    for border in borders:
        level += numbers > border
    level = level.reshape(len(unit), -1, SHORTEST)
    codes = np.zeros(level.shape[:2], np.uint8)
    for place in range(SHORTEST):
        codes |= level[..., place] << (LEVEL_BITS * place)
    return codes


def pack(codes: np.ndarray) -> np.ndarray:
    """Codes in faiss's layout, (k,) uint8 with k of `packed_bytes`."""
    import faiss

    plain: Any = faiss.IndexPQ(*_shape(codes.shape[1] * SHORTEST), PQ_BITS, faiss.METRIC_INNER_PRODUCT)
    _teach(plain)
    faiss.copy_array_to_vector(np.ascontiguousarray(codes).reshape(-1), plain.codes)
    plain.ntotal = len(codes)
    packed = faiss.IndexPQFastScan(plain, TOGETHER)
    return np.array(faiss.rev_swig_ptr(packed.codes.get(), packed.codes.size()))


@cache
def packing(width: int) -> str:
    """sha256 of a packed test pattern: another version of faiss might use another layout."""
    pattern = np.arange(PATTERN_ROWS * code_width(width) // SHORTEST, dtype=np.uint32) * 37 // 5
    return hashlib.sha256(pack(pattern.astype(np.uint8).reshape(PATTERN_ROWS, -1)).tobytes()).hexdigest()


class Scanner:
    """Compares a vector with packed codes, which are read into `buffer`; each thread has its own.

    Parameters
    ----------
    width : numbers of a vector
    rows : largest number of codes compared at once
    """

    def __init__(self, width: int, rows: int) -> None:
        import faiss

        self._index: Any = faiss.IndexPQFastScan(
            *_shape(code_width(width)), PQ_BITS, faiss.METRIC_INNER_PRODUCT, TOGETHER
        )
        _teach(self._index)
        size = packed_bytes(rows, width)
        self._index.codes.resize(size)
        self.buffer: np.ndarray = faiss.rev_swig_ptr(self._index.codes.get(), size)

    def nearest(self, turned: np.ndarray, rows: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Rough cosines (k,) float32 and rows (k,) int64 of the most similar ones in the buffer, the best first.

        Parameters
        ----------
        turned : (code_width,) float32, the vector that is looked for, rotated
        rows : of codes that are in the buffer
        count : requested number; fewer are returned if there are fewer
        """
        self._index.ntotal, self._index.ntotal2 = rows, -(-rows // TOGETHER) * TOGETHER
        cosines, found = self._index.search(turned[None], min(count, rows))
        there = found[0] >= 0
        return cosines[0][there], found[0][there]


def _shape(wide: int) -> tuple[int, int]:
    """Numbers of a code, and the parts of a product quantiser."""
    return wide, wide * LEVEL_BITS // PQ_BITS


def _teach(index: Any) -> None:
    """Set the levels as centroids of a faiss product quantiser."""
    import faiss

    levels = LEVELS / np.float32(np.sqrt(index.d))
    pairs = np.array([[levels[code & 3], levels[code >> 2]] for code in range(1 << PQ_BITS)], np.float32)
    faiss.copy_array_to_vector(np.tile(pairs, (index.pq.M, 1, 1)).reshape(-1), index.pq.centroids)
    index.is_trained = True
