# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Overlaps between two sets of boxes, and the anchors of a feature map.

Boxes are (x1, y1, x2, y2) in pixels, both ends included: a box from 0 to 15 is 16 wide.
"""
import numpy as np

from cython cimport floating


def overlaps(const floating[:, ::1] boxes, const floating[:, ::1] queries):
    """Intersection over union of every box with every query box.

    Parameters
    ----------
    boxes : (n, 4) float32 or float64, C-contiguous
    queries : (k, 4) of the same dtype

    Returns
    -------
    (n, k) of the same dtype, between 0 and 1.

    Raises
    ------
    ValueError
        If either is not four columns wide.
    """
    if boxes.shape[1] != 4 or queries.shape[1] != 4:
        raise ValueError(
            f"overlaps takes boxes of 4 columns, not {boxes.shape[1]} and {queries.shape[1]}"
        )
    cdef Py_ssize_t n = boxes.shape[0], k = queries.shape[0], i, j
    result_array = np.zeros((n, k), dtype=np.float32 if floating is float else np.float64)
    cdef floating[:, ::1] result = result_array
    cdef double width, height, inter, area
    with nogil:
        for j in range(k):
            area = (<double>queries[j, 2] - queries[j, 0] + 1) * (<double>queries[j, 3] - queries[j, 1] + 1)
            for i in range(n):
                width = (
                    min(<double>boxes[i, 2], <double>queries[j, 2])
                    - max(<double>boxes[i, 0], <double>queries[j, 0]) + 1
                )
                if width <= 0:
                    continue
                height = (
                    min(<double>boxes[i, 3], <double>queries[j, 3])
                    - max(<double>boxes[i, 1], <double>queries[j, 1]) + 1
                )
                if height <= 0:
                    continue
                inter = width * height
                result[i, j] = <floating>(
                    inter
                    / (
                        (<double>boxes[i, 2] - boxes[i, 0] + 1) * (<double>boxes[i, 3] - boxes[i, 1] + 1)
                        + area
                        - inter
                    )
                )
    return result_array


def anchor_plane(Py_ssize_t height, Py_ssize_t width, Py_ssize_t stride, const floating[:, ::1] base):
    """The base anchors moved to every cell of a feature map.

    Parameters
    ----------
    height, width : int
        Cells of the feature map.
    stride : int
        Pixels between two cells.
    base : (A, 4) float32 or float64, C-contiguous
        Anchors of the cell at the origin.

    Returns
    -------
    (height, width, A, 4) of the dtype of `base`.

    Raises
    ------
    ValueError
        If a size is negative, the stride not positive, or base not four columns wide.
    """
    if height < 0 or width < 0 or stride <= 0 or base.shape[1] != 4:
        raise ValueError(
            f"anchor_plane takes sizes of 0 or more, a positive stride and (A, 4) anchors, not "
            f"{height} x {width}, {stride}, {base.shape[0]} x {base.shape[1]}"
        )
    cdef Py_ssize_t count = base.shape[0], y, x, a
    plane_array = np.empty(
        (height, width, count, 4), dtype=np.float32 if floating is float else np.float64
    )
    cdef floating[:, :, :, ::1] plane = plane_array
    with nogil:
        for y in range(height):
            for x in range(width):
                for a in range(count):
                    plane[y, x, a, 0] = base[a, 0] + x * stride
                    plane[y, x, a, 1] = base[a, 1] + y * stride
                    plane[y, x, a, 2] = base[a, 2] + x * stride
                    plane[y, x, a, 3] = base[a, 3] + y * stride
    return plane_array
