"""The nearest vectors of every vector of a set, for graphs of clips."""

from __future__ import annotations

from typing import Any

import numpy as np

EXACT = 20_000  # vectors up to which each is compared with all
LISTS = 2.0  # that more vectors are put into, times the square root of their number
PROBED = 16  # lists searched for each vector
POINTS_A_LIST = 64  # vectors for each list's centre
ROUNDS = 10  # of k-means, which makes the centres
BLOCK_ROWS = 8192  # vectors looked up at a time


def nearest_of_all(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each vector the rows of the nearest others, (n, count) int32, best first, and their cosines, float32.

    With more than `EXACT` vectors only the nearest of many lists are searched, in float16, and a few neighbours are
    missed. Empty places have the row -1.

    Parameters
    ----------
    vectors : (n, D) float32, of length 1
    count : 1 or more
    """
    rows, width = vectors.shape
    found, cosines = np.full((rows, count), -1, np.int32), np.zeros((rows, count), np.float32)
    if rows < 2:
        return found, cosines
    index = _index(vectors, width)
    for start in range(0, rows, BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS]
        near, places = index.search(block, min(count + 1, rows))
        own = np.arange(start, start + len(block))
        # the vector itself goes last, and is cut off with other surplus
        order = np.argsort((places == own[:, None]) | (places < 0), axis=1, kind="stable")[:, :count]
        places, near = np.take_along_axis(places, order, 1), np.take_along_axis(near, order, 1)
        empty = (places == own[:, None]) | (places < 0)
        taken = slice(start, start + len(block)), slice(0, order.shape[1])
        found[taken] = np.where(empty, -1, places)
        cosines[taken] = np.where(empty, 0, near)
    return found, cosines


def _index(vectors: np.ndarray, width: int) -> Any:
    import faiss

    if len(vectors) <= EXACT:
        index: Any = faiss.IndexFlatIP(width)
    else:
        lists = int(LISTS * len(vectors) ** 0.5)
        centres = faiss.IndexFlatIP(width)
        index = faiss.IndexIVFScalarQuantizer(
            centres, width, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
        )
        index.cp.niter, index.cp.max_points_per_centroid = ROUNDS, POINTS_A_LIST
        index.cp.spherical = True
        index.train(vectors)
        index.nprobe = PROBED
    index.add(vectors)
    return index
