# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Greedy non-maximum suppression.

Boxes are (x1, y1, x2, y2) in pixels, both ends included: a box from 0 to 15 is 16 wide.
"""
import numpy as np

from cython cimport floating
from libc.stdlib cimport calloc, free


cdef Py_ssize_t suppress(
    const floating[:, ::1] boxes, const Py_ssize_t[::1] order, double threshold,
    unsigned char *dropped, Py_ssize_t[::1] kept,
) noexcept nogil:
    """Write the indices that survive into `kept`; return how many they are."""
    cdef Py_ssize_t n = order.shape[0], count = 0, i, j, a, b
    cdef double x1, y1, x2, y2, area, width, height, overlap
    for i in range(n):
        a = order[i]
        if dropped[a]:
            continue
        kept[count] = a
        count += 1
        x1 = boxes[a, 0]
        y1 = boxes[a, 1]
        x2 = boxes[a, 2]
        y2 = boxes[a, 3]
        area = (x2 - x1 + 1) * (y2 - y1 + 1)
        for j in range(i + 1, n):
            b = order[j]
            if dropped[b]:
                continue
            width = min(x2, <double>boxes[b, 2]) - max(x1, <double>boxes[b, 0]) + 1
            if width <= 0:
                continue
            height = min(y2, <double>boxes[b, 3]) - max(y1, <double>boxes[b, 1]) + 1
            if height <= 0:
                continue
            overlap = width * height
            if overlap > threshold * (
                area
                + (<double>boxes[b, 2] - boxes[b, 0] + 1) * (<double>boxes[b, 3] - boxes[b, 1] + 1)
                - overlap
            ):
                dropped[b] = 1
    return count


def nms(const floating[:, ::1] boxes, const floating[::1] scores, double threshold):
    """Indices of the boxes that no better box overlaps by more than `threshold`.

    Parameters
    ----------
    boxes : (n, 4) float32 or float64, C-contiguous
        x1, y1, x2, y2 in pixels, both ends included.
    scores : (n,) of the same dtype
        The better box is the one with the higher score; of equal ones, the earlier.
    threshold : float
        Largest intersection over union that two kept boxes may have.

    Returns
    -------
    (k,) int64, best first.

    Raises
    ------
    ValueError
        If boxes is not (n, 4) or scores has another length.
    """
    if boxes.shape[1] != 4 or scores.shape[0] != boxes.shape[0]:
        raise ValueError(
            f"nms takes (n, 4) boxes and n scores, not {boxes.shape[0]} x {boxes.shape[1]} "
            f"and {scores.shape[0]}"
        )
    order_array = np.argsort(-np.asarray(scores), kind="stable").astype(np.intp, copy=False)
    cdef Py_ssize_t n = boxes.shape[0], count
    kept_array = np.empty(n, dtype=np.intp)
    cdef const Py_ssize_t[::1] order = order_array
    cdef Py_ssize_t[::1] kept = kept_array
    cdef unsigned char *dropped = <unsigned char *>calloc(n + 1, 1)
    if dropped == NULL:
        raise MemoryError()
    try:
        with nogil:
            count = suppress(boxes, order, threshold, dropped, kept)
    finally:
        free(dropped)
    return kept_array[:count].astype(np.int64, copy=False)
