# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The anchors of a feature map that may be faces, taken out of the network's planes."""
import numpy as np


def candidates(
    const float[:, :, ::1] probability, const float[:, :, ::1] boxes, const float[:, :, ::1] landmarks,
    float threshold,
):
    """Anchors whose probability of a face is at least `threshold`, in the order of `anchor_plane`.

    Only their own values are read from the planes of boxes and landmarks.

    Parameters
    ----------
    probability : (2A, h, w) float32, C-contiguous
        The backgrounds of all anchors come first, then the faces.
    boxes : (4A, h, w) float32, C-contiguous
    landmarks : (10A, h, w) float32, C-contiguous
    threshold : float

    Returns
    -------
    indices : (n,) int64, (y * w + x) * A + a
    scores : (n,) float32
    box_deltas : (n, 4) float32
    landmark_deltas : (n, 10) float32

    Raises
    ------
    ValueError
        If the planes don't belong to one feature map.
    """
    cdef Py_ssize_t count = probability.shape[0] // 2
    cdef Py_ssize_t height = probability.shape[1], width = probability.shape[2]
    if (
        probability.shape[0] != 2 * count
        or boxes.shape[0] != 4 * count or boxes.shape[1] != height or boxes.shape[2] != width
        or landmarks.shape[0] != 10 * count or landmarks.shape[1] != height or landmarks.shape[2] != width
    ):
        raise ValueError(
            f"candidates takes planes of 2A, 4A and 10A channels and one size, not "
            f"{probability.shape[0]} x {height} x {width}, {boxes.shape[0]} x {boxes.shape[1]} x {boxes.shape[2]} and "
            f"{landmarks.shape[0]} x {landmarks.shape[1]} x {landmarks.shape[2]}"
        )
    cdef Py_ssize_t y, x, a, k, n = 0
    with nogil:
        for a in range(count, 2 * count):
            for y in range(height):
                for x in range(width):
                    n += probability[a, y, x] >= threshold
    indices_array = np.empty(n, np.int64)
    scores_array = np.empty(n, np.float32)
    box_array = np.empty((n, 4), np.float32)
    landmark_array = np.empty((n, 10), np.float32)
    if n == 0:
        return indices_array, scores_array, box_array, landmark_array
    cdef long long[::1] indices = indices_array
    cdef float[::1] scores = scores_array
    cdef float[:, ::1] box_deltas = box_array
    cdef float[:, ::1] landmark_deltas = landmark_array
    n = 0
    with nogil:
        for y in range(height):
            for x in range(width):
                for a in range(count):
                    if probability[count + a, y, x] >= threshold:
                        indices[n] = (y * width + x) * count + a
                        scores[n] = probability[count + a, y, x]
                        for k in range(4):
                            box_deltas[n, k] = boxes[4 * a + k, y, x]
                        for k in range(10):
                            landmark_deltas[n, k] = landmarks[10 * a + k, y, x]
                        n += 1
    return indices_array, scores_array, box_array, landmark_array
