"""Non-maximum suppression against a slow one written here, and against numbers worked by hand."""

import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rcnn.cython.nms import nms

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
# whole numbers: overlaps are then fractions of small numbers, and equal ones are met often
COORDINATES = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 20), st.integers(0, 20))
BOXES = st.lists(st.tuples(COORDINATES, st.integers(0, 5)), max_size=25)


def slow_nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy NMS of (n, 4) boxes, pixel by pixel: a box is the set of whole pixels in it, both ends included."""
    pixels = [
        {(x, y) for x in range(int(x1), int(x2) + 1) for y in range(int(y1), int(y2) + 1)} for x1, y1, x2, y2 in boxes
    ]
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(len(pixels[index] & pixels[other]) <= threshold * len(pixels[index] | pixels[other]) for other in kept):
            kept.append(index)
    return kept


@FLOATS
@given(rows=BOXES, threshold=st.sampled_from([0.0, 0.1, 0.3, 0.4, 0.5, 0.75, 1.0]))
@settings(deadline=None, max_examples=60)
def test_same_as_counting_pixels(dtype, rows, threshold):
    boxes = np.array([(x, y, x + w, y + h) for (x, y, w, h), _ in rows], dtype).reshape(-1, 4)
    scores = np.array([score for _, score in rows], dtype) / 5
    kept = nms(boxes, scores, threshold)
    assert kept.dtype == np.int64
    assert kept.tolist() == slow_nms(boxes, scores, threshold)


@FLOATS
@given(seed=st.integers(0, 1 << 32), count=st.integers(0, 60), threshold=st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_what_is_kept_is_best_first_and_far_apart(dtype, seed, count, threshold):
    random = np.random.default_rng(seed)
    corners = random.uniform(-20, 80, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0, 50, (count, 2))], 1).astype(dtype)
    scores = random.uniform(0, 1, count).astype(dtype)
    before = boxes.copy(), scores.copy()
    kept = nms(boxes, scores, threshold)
    assert len(set(kept.tolist())) == len(kept)
    assert (np.diff(scores[kept]) <= 0).all()
    overlap = iou(boxes)
    assert (overlap[np.ix_(kept, kept)] - np.eye(len(kept)) <= threshold + 1e-9).all()
    for index in set(range(count)) - set(kept.tolist()):
        better = [k for k in kept if scores[k] >= scores[index]]
        assert overlap[index, better].max() > threshold - 1e-9
    np.testing.assert_array_equal(before[0], boxes)
    np.testing.assert_array_equal(before[1], scores)


def iou(boxes: np.ndarray) -> np.ndarray:
    """(n, n) float64 intersections over unions of (n, 4) boxes, both ends included."""
    b = boxes.astype(np.float64)
    sides = np.minimum(b[:, None, 2:], b[None, :, 2:]) - np.maximum(b[:, None, :2], b[None, :, :2]) + 1
    inter = np.maximum(sides, 0).prod(2)
    area = (b[:, 2:] - b[:, :2] + 1).prod(1)
    return inter / (area[:, None] + area[None] - inter)


@FLOATS
def test_a_box_from_0_to_15_is_16_wide(dtype):
    # 8 of 16 columns shared: 8 / 24 = 1/3; without the + 1 it would be 7 / 23, 0.3043
    boxes = np.array([[0, 0, 15, 15], [8, 0, 23, 15]], dtype)
    scores = np.array([0.9, 0.8], dtype)
    assert nms(boxes, scores, 0.33).tolist() == [0]
    assert nms(boxes, scores, 0.34).tolist() == [0, 1]


@FLOATS
def test_boxes_that_share_one_column_overlap_and_neighbours_do_not(dtype):
    scores = np.array([0.9, 0.8], dtype)
    assert nms(np.array([[0, 0, 15, 15], [15, 0, 30, 15]], dtype), scores, 0).tolist() == [0]
    assert nms(np.array([[0, 0, 15, 15], [16, 0, 31, 15]], dtype), scores, 0).tolist() == [0, 1]
    assert nms(np.array([[0, 0, 15, 15], [0, 15, 15, 30]], dtype), scores, 0).tolist() == [0]
    assert nms(np.array([[0, 0, 15, 15], [0, 16, 15, 31]], dtype), scores, 0).tolist() == [0, 1]
    assert nms(np.array([[3, 3, 3, 3], [3, 3, 3, 3]], dtype), scores, 0.5).tolist() == [0]  # a single pixel


@FLOATS
def test_an_overlap_of_exactly_the_threshold_is_kept(dtype):
    boxes = np.array([[0, 0, 15, 15], [0, 8, 15, 15]], dtype)  # 128 / 256
    scores = np.array([0.5, 0.75], dtype)
    assert nms(boxes, scores, 0.5).tolist() == [1, 0]
    assert nms(boxes, scores, 0.4999).tolist() == [1]


@FLOATS
def test_of_equal_scores_the_earlier_is_better(dtype):
    boxes = np.array([[50, 50, 60, 60], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]], dtype)
    assert nms(boxes, np.full(4, 0.5, dtype), 0.5).tolist() == [0, 1]
    assert nms(boxes, np.array([0.5, 0.5, 0.75, 0.75], dtype), 0.5).tolist() == [2, 0]


def test_a_suppressed_box_suppresses_none():
    # each overlaps the next by 10 / 22; the second goes, and so the third stays
    boxes = np.array([[0, 0, 15, 0], [6, 0, 21, 0], [12, 0, 27, 0]], np.float32)
    assert nms(boxes, np.array([0.9, 0.8, 0.7], np.float32), 0.4).tolist() == [0, 2]


@FLOATS
def test_empty_input_and_a_single_box(dtype):
    kept = nms(np.zeros((0, 4), dtype), np.zeros(0, dtype), 0.3)
    assert kept.shape == (0,)
    assert kept.dtype == np.int64
    assert nms(np.array([[1, 2, 3, 4]], dtype), np.zeros(1, dtype), 0).tolist() == [0]


@FLOATS
def test_input_that_would_need_a_copy_is_refused(dtype):
    boxes, scores = np.zeros((4, 8), dtype), np.zeros(8, dtype)
    for steps in (boxes[:, ::2], boxes[:, :4], np.asfortranarray(boxes[:, :4])):
        with pytest.raises(ValueError, match="contiguous"):
            nms(steps, scores[:4].copy(), 0.3)
    with pytest.raises(ValueError, match="contiguous"):
        nms(boxes[:, :4].copy(), scores[::2], 0.3)


@FLOATS
@pytest.mark.parametrize(("boxes", "scores"), [((3, 4), (2,)), ((3, 5), (3,)), ((4, 3), (4,)), ((0, 5), (0,))])
def test_shapes_that_do_not_fit_are_refused(dtype, boxes, scores):
    with pytest.raises(ValueError, match="nms takes"):
        nms(np.zeros(boxes, dtype), np.zeros(scores, dtype), 0.3)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float16, bool])
def test_other_types_are_refused(dtype):
    with pytest.raises((TypeError, ValueError)):
        nms(np.zeros((2, 4), dtype), np.zeros(2, dtype), 0.3)
    with pytest.raises((TypeError, ValueError)):
        nms(np.zeros((2, 4), np.float32), np.zeros(2, dtype), 0.3)


def test_two_types_are_not_mixed():
    with pytest.raises((TypeError, ValueError)):
        nms(np.zeros((2, 4), np.float32), np.zeros(2, np.float64), 0.3)


def test_read_only_input_is_taken():
    boxes, scores = np.zeros((2, 4), np.float32), np.zeros(2, np.float32)
    boxes.flags.writeable = scores.flags.writeable = False
    assert nms(boxes, scores, 0.3).tolist() == [0]


def ticks_during_nms() -> tuple[float, float, list[float]]:
    """Start and end of a long call of nms in another thread, and the moments at which this thread ran."""
    count = 16_000
    corners = np.arange(count, dtype=np.float32)[:, None] * 10
    boxes = np.concatenate([corners, corners, corners + 5, corners + 5], 1)  # none overlaps: all pairs are compared
    scores = np.ones(count, np.float32)
    moments: list[float] = []
    ticks: list[float] = []

    def work() -> None:
        moments.append(time.perf_counter())
        nms(boxes, scores, 0.3)
        moments.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    thread.join()
    return moments[0], moments[1], ticks


def test_another_thread_runs_meanwhile():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(600)  # seconds: Python takes the lock from no thread, nms has to give it up by itself
    try:
        for _ in range(100):  # a busy machine may not let this thread run in time
            start, end, ticks = ticks_during_nms()
            quarter = (end - start) / 4
            if any(start + quarter < tick < end - quarter for tick in ticks):
                return
    finally:
        sys.setswitchinterval(interval)
    pytest.fail("no other thread ran during nms")
