"""Finds similar tracks: a sparse graph of near neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

EXACT = 20_000  # up to this many tracks, all pairs are compared
BLOCK = 2048  # rows compared with all others together
ROWS = 1 << 14  # rows in memory at a time
ROUND = 1e-4  # tolerance between a matrix product's cosine and `_cosines`
CODE_BITS = 4  # per two components of a vector
CANDIDATES = 2  # candidates by codes per neighbour chosen by exact cosine
SPARE = 16  # additional candidates
ROUGH = 0.1  # accepted underestimate of a cosine computed from codes
ROWS_A_LIST = 256  # at least, in an inverted list
LISTS_A_ROOT = 4  # maximum lists per square root of the rows, to limit training time
TRAINING = 64  # training vectors per list
PROBES = 24  # lists searched per query
TRAINING_ROUNDS = 10  # of k-means
SEED = 1234


@dataclass(frozen=True)
class Edges:
    """Similar pairs of nodes, each pair once.

    first, second : (e,) int64, `first` < `second`
    cosines : (e,) float32
    """

    first: np.ndarray
    second: np.ndarray
    cosines: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: np.ndarray) -> Edges:
        return Edges(self.first[rows], self.second[rows], self.cosines[rows])


def unit_rows(vectors: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
    """Some rows as float32 unit vectors; the array may be memory-mapped and of any float type."""
    found = np.asarray(vectors[rows], np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", found, found))
    return found / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]


class Rows(Protocol):
    """Vectors that are read a few rows at a time."""

    width: int

    def __len__(self) -> int: ...

    def unit(self, rows: np.ndarray | slice) -> np.ndarray:
        """(k, width) float32, unit."""
        ...


def near_pairs(vectors: Rows, count: int, least: float) -> Edges:
    """Pairs with a cosine of at least `least`; with more than `EXACT` tracks, only among each one's `count` nearest.

    The result does not depend on the number of threads.

    With many tracks, one block of the vectors at a time is in memory, and all of them at 16 bits per component.
    """
    search = _all if len(vectors) <= EXACT else _indexed
    keys, cosines = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for rows, others in search(vectors, count, least - ROUND):
        found = _cosines(vectors, rows, others)
        kept = found >= least
        rows, others, found = rows[kept], others[kept], found[kept]
        if search is _indexed:
            order = np.lexsort((others, -found, rows))
            rows, others, found = rows[order], others[order], found[order]
            starts = np.searchsorted(rows, rows)
            nearest = np.arange(len(rows)) - starts < count
            rows, others, found = rows[nearest], others[nearest], found[nearest]
        keys.append(np.minimum(rows, others) * len(vectors) + np.maximum(rows, others))
        cosines.append(found)
    pairs, places = np.unique(np.concatenate(keys), return_index=True)
    return Edges(*divmod(pairs, max(len(vectors), 1)), np.concatenate(cosines)[places])


def _cosines(vectors: Rows, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosines of pairs of rows, (k,) float32; summed in a fixed order, unlike BLAS."""
    found = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        found[part] = np.einsum("nd,nd->n", vectors.unit(rows[part]), vectors.unit(others[part]))
    return found


def _all(vectors: Rows, count: int, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Candidate pairs with at least that cosine, by exhaustive comparison."""
    unit = vectors.unit(slice(None))
    for start in range(0, len(unit), BLOCK):
        rows, others = np.nonzero(unit[start : start + BLOCK] @ unit[start:].T >= least)
        later = others > rows
        yield rows[later] + start, others[later] + start


def _indexed(vectors: Rows, count: int, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Candidate pairs among each row's nearest, by inverted lists of codes with 2 bits per component."""
    import faiss

    width = vectors.width
    lists = max(1, min(len(vectors) // ROWS_A_LIST, int(LISTS_A_ROOT * len(vectors) ** 0.5)))
    pieces = width // 2 if width % 2 == 0 else width
    index = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(width), width, lists, pieces, CODE_BITS, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.seed, index.cp.niter = SEED, TRAINING_ROUNDS
    sample = np.sort(np.random.default_rng(SEED).permutation(len(vectors))[: TRAINING * max(lists, 1 << CODE_BITS)])
    index.train(vectors.unit(sample))
    index.nprobe = min(PROBES, lists)
    for start in range(0, len(vectors), ROWS):
        index.add(vectors.unit(slice(start, start + ROWS)))
    wanted = min(CANDIDATES * count + SPARE, len(vectors))
    for start in range(0, len(vectors), ROWS):
        block = vectors.unit(slice(start, start + ROWS))
        cosines, others = index.search(block, wanted)
        rows = np.repeat(np.arange(start, start + len(block)), wanted)
        kept = (cosines.ravel() >= least - ROUGH) & (others.ravel() >= 0) & (others.ravel() != rows)
        yield rows[kept], others.ravel()[kept]
