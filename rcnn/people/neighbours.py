"""Which tracks are alike: a sparse graph of near neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

EXACT = 20_000  # tracks that are compared each with each
BLOCK = 2048  # rows that are compared with all at once
ROWS = 1 << 14  # in memory at once
ROUND = 1e-4  # by how much a cosine of a product of matrices may differ from ours
CODE_BITS = 4  # of two numbers of a vector
CANDIDATES = 2  # by codes, of which one is chosen by the vectors themselves
SPARE = 16  # more of them
ROUGH = 0.1  # by how much the cosine of codes may be lower
ROWS_A_LIST = 256  # of the inverted lists, at least
LISTS_A_ROOT = 4  # lists at most, times the root of the rows: learning them takes time
TRAINING = 64  # vectors a list that the lists are learnt from
PROBES = 24  # lists that are looked into
TRAINING_ROUNDS = 10  # of k-means
SEED = 1234


@dataclass(frozen=True)
class Edges:
    """Pairs of nodes that are alike, each pair once.

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
    """Some rows as unit float32; the array may be a file that is mapped, of any float type."""
    found = np.asarray(vectors[rows], np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", found, found))
    return found / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]


class Rows(Protocol):
    """Vectors, of which some are taken at a time."""

    width: int

    def __len__(self) -> int: ...

    def unit(self, rows: np.ndarray | slice) -> np.ndarray:
        """(k, width) float32 of length 1."""
        ...


def near_pairs(vectors: Rows, count: int, least: float) -> Edges:
    """Pairs whose cosine is `least` or more; of more than `EXACT` tracks those among each one's `count` nearest.

    The same whatever the number of threads.

    Of many, a block of the vectors at a time is in memory, and all as 16 bits a number.
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
    """Of pairs of rows, (k,) float32; summed in one order, which BLAS doesn't."""
    found = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        found[part] = np.einsum("nd,nd->n", vectors.unit(rows[part]), vectors.unit(others[part]))
    return found


def _all(vectors: Rows, count: int, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and other rows that are at least so alike, by comparing all."""
    unit = vectors.unit(slice(None))
    for start in range(0, len(unit), BLOCK):
        rows, others = np.nonzero(unit[start : start + BLOCK] @ unit[start:].T >= least)
        later = others > rows
        yield rows[later] + start, others[later] + start


def _indexed(vectors: Rows, count: int, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows nearest to each row that may be so alike, by inverted lists of codes: 2 bits a number."""
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
