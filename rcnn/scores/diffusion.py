"""Smooths scores of clips over a sparse graph of similar clips."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from .rerankings import DIFFUSION, EXPANSION, RECIPROCAL

POWER = 3.0  # of the cosine of a neighbour (Radenovic et al., arXiv:1711.02512)
STEPS, SHARE = 5, 0.8  # of diffusion, and what comes from neighbours in each (Zhou et al., NIPS 2003, alpha)
KEPT = 100  # classes that are kept for a clip
BLOCK_ROWS = 1024  # clips whose scores are whole at once: 20 MB with 4,935 classes


def best_classes(scores: np.ndarray) -> sparse.csr_matrix:
    """The `KEPT` greatest scores of each row of (n, classes) float32 that are more than 0."""
    kept = min(KEPT, scores.shape[1])
    best = np.sort(np.argpartition(-scores, kept - 1, axis=1)[:, :kept], axis=1).astype(np.int32)
    values = np.take_along_axis(scores, best, 1)
    starts = np.arange(0, values.size + 1, kept)
    found = sparse.csr_matrix((np.maximum(values, 0).ravel(), best.ravel(), starts), shape=scores.shape)
    found.eliminate_zeros()
    return found


def graph_of(clips: np.ndarray, others: np.ndarray, cosines: np.ndarray, count: int, kind: str) -> sparse.csr_matrix:
    """Weights (clips, clips) float32 of one of `RERANKINGS`; each row sums to 1, with the clip itself in it.

    expansion : the cosine of each neighbour to the third power, beside 1 of the clip itself ("alpha query expansion")
    reciprocal : the Jaccard index of the neighbours of both, of clips that are neighbours of each other, after Zhong et
        al., arXiv:1701.08398, with sets in place of their weighted ones
    diffusion : as expansion, of clips that are neighbours of each other

    Parameters
    ----------
    clips, others : (m,) int, pairs of neighbours, of which the second is one of the nearest of the first
    cosines : (m,) float32
    count : of all clips
    """
    known = (cosines > 0) & (clips != others)
    shape = (count, count)
    graph = _greatest(clips[known], others[known], cosines[known].astype(np.float32) ** POWER, shape)
    if kind != EXPANSION:
        graph = graph.minimum(graph.T).tocsr()
    if kind == RECIPROCAL:
        graph = _jaccard(graph)
    graph = graph + sparse.identity(count, np.float32, "csr")
    sums = np.asarray(graph.sum(1)).ravel()
    return (sparse.diags(1 / sums, dtype=np.float32) @ graph).tocsr()


def _greatest(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """A matrix in which of several values in one place the greatest stands."""
    order = np.lexsort((-values, columns, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return sparse.csr_matrix((values[first], (rows[first], columns[first])), shape=shape)


def _jaccard(graph: sparse.csr_matrix) -> sparse.csr_matrix:
    """In place of each weight the share of the neighbours of one or the other clip that both have, with themselves."""
    one = graph.copy()
    one.data = np.ones_like(one.data)
    sets = (one + sparse.identity(one.shape[0], np.float32, "csr")).tocsr()
    sizes = np.diff(sets.indptr)
    blocks = []
    for start in range(0, one.shape[0], BLOCK_ROWS):
        links = one[start : start + BLOCK_ROWS].tocoo()
        both = (sets[start : start + BLOCK_ROWS] @ sets.T).tocsr()
        shared = np.asarray(both[links.row, links.col]).ravel()
        either = sizes[links.row + start] + sizes[links.col] - shared
        blocks.append(sparse.csr_matrix((shared / either, (links.row, links.col)), shape=links.shape, dtype=np.float32))
    return sparse.vstack(blocks, format="csr")


def smooth(scores: sparse.csr_matrix, graph: sparse.csr_matrix, kind: str) -> sparse.csr_matrix:
    """Scores of clips (n, classes) combined with their neighbours', the `KEPT` largest of each.

    Parameters
    ----------
    scores : of `best_classes`
    graph : of `graph_of`
    """
    found = scores
    for _ in range(STEPS if kind == DIFFUSION else 1):
        share = SHARE if kind == DIFFUSION else 1.0
        blocks = []
        for start in range(0, scores.shape[0], BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            said = share * (graph[rows] @ found).toarray()
            if share < 1:
                said += (1 - share) * scores[rows].toarray()
            blocks.append(best_classes(said))
        found = sparse.vstack(blocks, format="csr")
    return found
