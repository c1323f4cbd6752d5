"""Finds dense parts of a graph, and joins the most similar groups."""

from __future__ import annotations

import numpy as np

from .moments import Apart, Members
from .neighbours import Edges, Rows

SEED = 7  # of Leiden, which visits nodes in random order
BLOCK = 1 << 14  # pairs compared together


class Groups:
    """Groups of tracks that can be merged.

    Vectors of single tracks are read from their file; only the sums of larger groups are kept in memory.

    Parameters
    ----------
    owner : (n,) int64, the group of each track, 0..count - 1
    """

    def __init__(self, vectors: Rows, owner: np.ndarray, count: int) -> None:
        self._vectors = vectors
        self._set(owner, count)

    def _set(self, owner: np.ndarray, count: int) -> None:
        self.members = Members(owner, count)
        several = np.flatnonzero(self.members.sizes > 1)
        self._place = np.full(count, -1, np.int64)
        self._place[several] = np.arange(len(several))
        self._sums = self._sums_of(several)

    @property
    def owner(self) -> np.ndarray:
        """(n,) int64, the group of each track."""
        return self.members.owner

    @property
    def count(self) -> int:
        """Number of groups."""
        return self.members.count

    def _sums_of(self, groups: np.ndarray) -> np.ndarray:
        found = []
        for start in range(0, len(groups), BLOCK):
            which, tracks = self.members.of(groups[start : start + BLOCK])
            starts = np.searchsorted(which, np.arange(len(groups[start : start + BLOCK])))
            found.append(np.add.reduceat(self._vectors.unit(tracks), starts, axis=0))
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    def sums(self, groups: np.ndarray) -> np.ndarray:
        """(k, D) float32, sums of the unit vectors of the groups' tracks."""
        place = self._place[groups]
        several = place >= 0
        single = self._vectors.unit(self.members.tracks[self.members.starts[groups[~several]]])
        found = np.empty((len(groups), single.shape[1]), np.float32)
        found[~several] = single
        if several.any():
            found[several] = self._sums[place[several]]
        return found

    def cosines(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """(k,) float32, the mean cosine between the tracks of each pair of groups."""
        found = np.zeros(len(first), np.float32)
        for start in range(0, len(first), BLOCK):
            part = slice(start, start + BLOCK)
            sizes = self.members.sizes[first[part]] * self.members.sizes[second[part]]
            found[part] = np.einsum("nd,nd->n", self.sums(first[part]), self.sums(second[part])) / sizes
        return found

    def likeness(self) -> np.ndarray:
        """(n,) float32, the mean cosine of each track with the others of its group; 0 for a single track."""
        found = np.zeros(len(self.owner), np.float32)
        sizes = self.members.sizes[self.owner]
        several = np.flatnonzero(sizes > 1)
        for start in range(0, len(several), BLOCK):
            tracks = several[start : start + BLOCK]
            own = self._vectors.unit(tracks)
            others = self.sums(self.owner[tracks]) - own
            found[tracks] = np.einsum("nd,nd->n", own, others) / (sizes[tracks] - 1)
        return found

    def merge(self, new: np.ndarray) -> np.ndarray:
        """Join groups: `new` (count,) int64 gives each group a number, and equal numbers are joined.

        Returns the new group of each old one, (count,), numbered from 0.
        """
        _, numbers = np.unique(new, return_inverse=True)
        self._set(numbers[self.owner], int(numbers.max()) + 1 if len(numbers) else 0)
        return numbers


def contract(edges: Edges, numbers: np.ndarray) -> Edges:
    """Edges between the groups `numbers` (n,) int64 of the nodes; of parallel edges the one with the highest cosine."""
    first, second = numbers[edges.first], numbers[edges.second]
    first, second = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((-edges.cosines, second, first))
    first, second, cosines = first[order], second[order], edges.cosines[order]
    kept = first != second
    kept[1:] &= (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return Edges(first[kept], second[kept], cosines[kept])


def dense_parts(edges: Edges, nodes: int, least: float, density: float) -> np.ndarray:
    """The part of the graph that each node belongs to, (nodes,) int64; computed per component, so that distant changes
    have no effect.

    Parameters
    ----------
    least : the weight of an edge is its cosine minus this; edges without positive weight are dropped
    density : minimum mean weight over all pairs of nodes in a part; the resolution of the constant Potts model
    """
    from graspologic_native import leiden_csr
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    heavy = edges[edges.cosines > least]
    weights = heavy.cosines.astype(np.float64) - least
    ends = np.concatenate([heavy.first, heavy.second]), np.concatenate([heavy.second, heavy.first])
    graph = coo_matrix((np.concatenate([weights, weights]), ends), shape=(nodes, nodes)).tocsr()
    graph.sort_indices()
    _, component = connected_components(graph, directed=False)
    parts = component.astype(np.int64)
    new = nodes  # next number for a part of a split component
    order = np.argsort(component, kind="stable")
    local = np.empty(nodes, np.int64)
    for mine in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        if len(mine) < 3:
            continue
        local[mine] = np.arange(len(mine))
        rows = graph[mine]
        _, found = leiden_csr(
            rows.indptr.astype(np.int64),
            local[rows.indices].astype(np.int32),
            rows.data,
            len(mine),
            resolution=density,
            use_modularity=False,
            seed=SEED,
        )
        parts[mine] = new + np.array([found[node] for node in range(len(mine))], np.int64)
        new += len(mine)
    return parts


def join_alike(groups: Groups, edges: Edges, apart: Apart, least: float) -> None:
    """Repeatedly join the two most similar groups while the mean cosine of their tracks is at least `least` and nothing
    keeps them apart. All mutually most similar pairs are joined in one round, which gives the same result.

    Parameters
    ----------
    edges : between groups: the candidate pairs
    """
    edges = Edges(edges.first, edges.second, groups.cosines(edges.first, edges.second))
    edges = edges[edges.cosines >= least]
    while len(edges):
        mutual = _mutual(edges, groups.count)
        forbidden = apart.forbidden(edges.first[mutual], edges.second[mutual], groups.members)
        left = np.ones(len(edges), bool)
        left[mutual[forbidden]] = False
        joined = mutual[~forbidden]
        if len(joined):
            new = np.arange(groups.count)
            new[edges.second[joined]] = edges.first[joined]
            grown = np.zeros(groups.count, bool)
            grown[edges.first[joined]] = True
            numbers = groups.merge(new)
            changed = np.zeros(groups.count, bool)
            changed[numbers[grown]] = True
            edges = contract(edges[left], numbers)
            again = np.flatnonzero(changed[edges.first] | changed[edges.second])
            edges.cosines[again] = groups.cosines(edges.first[again], edges.second[again])
            edges = edges[edges.cosines >= least]
        else:
            edges = edges[left]


def _mutual(edges: Edges, nodes: int) -> np.ndarray:
    """Indices of the edges that are the best of both their ends; the first on ties."""
    order = np.lexsort((edges.second, edges.first, -edges.cosines))
    rank = np.empty(len(edges), np.int64)
    rank[order] = np.arange(len(edges))
    best = np.full(nodes, len(edges), np.int64)
    np.minimum.at(best, edges.first, rank)
    np.minimum.at(best, edges.second, rank)
    return np.flatnonzero((best[edges.first] == rank) & (best[edges.second] == rank))
