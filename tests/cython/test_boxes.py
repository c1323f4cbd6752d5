"""Overlaps and anchors against slow ones written here, and against numbers worked by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rcnn.cython.boxes import anchor_plane, overlaps

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SIDES = st.tuples(st.integers(-20, 20), st.integers(-20, 20), st.integers(0, 20), st.integers(0, 20))
BOXES = st.lists(SIDES.map(lambda s: (s[0], s[1], s[0] + s[2], s[1] + s[3])), max_size=6)


def slow_overlap(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Intersection over union of two boxes of whole pixels, both ends included."""
    columns = len(set(range(a[0], a[2] + 1)) & set(range(b[0], b[2] + 1)))
    rows = len(set(range(a[1], a[3] + 1)) & set(range(b[1], b[3] + 1)))
    areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
    return float(Fraction(columns * rows, sum(areas) - columns * rows))


@FLOATS
@given(boxes=BOXES, queries=BOXES)
@settings(deadline=None)
def test_overlaps_are_counted_pixels(dtype, boxes, queries):
    found = overlaps(np.array(boxes, dtype).reshape(-1, 4), np.array(queries, dtype).reshape(-1, 4))
    assert found.dtype == dtype
    expected = np.array([[slow_overlap(a, b) for b in queries] for a in boxes]).reshape(len(boxes), len(queries))
    np.testing.assert_array_equal(found, expected.astype(dtype))


@FLOATS
@given(seed=st.integers(0, 1 << 32), n=st.integers(0, 8), k=st.integers(0, 8))
@settings(deadline=None, max_examples=40)
def test_overlaps_of_any_boxes(dtype, seed, n, k):
    random = np.random.default_rng(seed)
    boxes, queries = (
        np.concatenate([c, c + random.uniform(0, 60, (len(c), 2))], 1).astype(dtype)
        for c in (random.uniform(-50, 900, (n, 2)), random.uniform(-50, 900, (k, 2)))
    )
    found = overlaps(boxes, queries)
    assert found.shape == (n, k)
    b, q = boxes[:, None].astype(np.float64), queries[None].astype(np.float64)
    inter = np.maximum(np.minimum(b[..., 2:], q[..., 2:]) - np.maximum(b[..., :2], q[..., :2]) + 1, 0).prod(2)
    areas = (b[..., 2:] - b[..., :2] + 1).prod(2) + (q[..., 2:] - q[..., :2] + 1).prod(2)
    np.testing.assert_allclose(found, inter / (areas - inter), rtol=1e-6, atol=0)
    np.testing.assert_array_equal(overlaps(queries, boxes), found.T)


@FLOATS
def test_overlaps_by_hand(dtype):
    boxes = np.array([[0, 0, 15, 15], [8, 8, 23, 23], [15, 0, 30, 15], [16, 0, 31, 15], [4, 4, 11, 11]], dtype)
    expected = [
        1,
        64 / (256 + 256 - 64),  # 8 x 8 pixels shared
        16 / (256 + 256 - 16),  # one column of 16 pixels
        0,  # neighbours
        64 / 256,  # 8 x 8 inside 16 x 16
    ]
    np.testing.assert_array_equal(overlaps(boxes[:1], boxes), np.array([expected], dtype))
    np.testing.assert_array_equal(overlaps(boxes, boxes[:1]), np.array([expected], dtype).T)


@FLOATS
def test_anchor_plane_by_hand(dtype):
    base = np.array([[0, 0, 15, 15], [-8, -8, 23, 23]], dtype)
    plane = anchor_plane(2, 3, 8, base)
    assert plane.dtype == dtype
    expected = [
        [
            [[0, 0, 15, 15], [-8, -8, 23, 23]],
            [[8, 0, 23, 15], [0, -8, 31, 23]],
            [[16, 0, 31, 15], [8, -8, 39, 23]],
        ],
        [
            [[0, 8, 15, 23], [-8, 0, 23, 31]],
            [[8, 8, 23, 23], [0, 0, 31, 31]],
            [[16, 8, 31, 23], [8, 0, 39, 31]],
        ],
    ]
    np.testing.assert_array_equal(plane, np.array(expected, dtype))


@FLOATS
@given(
    height=st.integers(0, 6), width=st.integers(0, 6), stride=st.integers(1, 64), seed=st.integers(0, 99),
    count=st.integers(0, 4),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_anchor_plane_is_the_base_moved(dtype, height, width, stride, seed, count):
    base = np.random.default_rng(seed).integers(-300, 300, (count, 4)).astype(dtype)
    plane = anchor_plane(height, width, stride, base)
    assert plane.shape == (height, width, count, 4)
    y, x = np.mgrid[:height, :width] * stride
    np.testing.assert_array_equal(plane, base + np.stack([x, y, x, y], -1)[:, :, None])


@FLOATS
def test_empty_input(dtype):
    none, one = np.zeros((0, 4), dtype), np.zeros((1, 4), dtype)
    assert overlaps(none, one).shape == (0, 1)
    assert overlaps(one, none).shape == (1, 0)
    assert overlaps(none, none).dtype == dtype


@FLOATS
def test_input_that_would_need_a_copy_is_refused(dtype):
    wide, fine = np.zeros((4, 8), dtype), np.zeros((4, 4), dtype)
    for steps in (wide[:, ::2], wide[:, :4], np.asfortranarray(wide[:, :4]), fine[::2], fine[::-1]):
        with pytest.raises(ValueError, match="contiguous"):
            overlaps(steps, fine)
        with pytest.raises(ValueError, match="contiguous"):
            overlaps(fine, steps)
        with pytest.raises(ValueError, match="contiguous"):
            anchor_plane(1, 1, 8, steps)


@FLOATS
def test_shapes_that_do_not_fit_are_refused(dtype):
    fine = np.zeros((2, 4), dtype)
    for shape in ((2, 5), (4, 2), (0, 3)):
        with pytest.raises(ValueError, match="overlaps takes boxes of 4 columns"):
            overlaps(np.zeros(shape, dtype), fine)
        with pytest.raises(ValueError, match="overlaps takes boxes of 4 columns"):
            overlaps(fine, np.zeros(shape, dtype))
        with pytest.raises(ValueError, match="anchor_plane takes"):
            anchor_plane(1, 1, 8, np.zeros(shape, dtype))
    with pytest.raises((TypeError, ValueError)):
        overlaps(np.zeros(4, dtype), fine)


@pytest.mark.parametrize(("height", "width", "stride"), [(-1, 1, 8), (1, -1, 8), (1, 1, 0), (1, 1, -8)])
def test_anchor_planes_of_no_size_or_stride_are_refused(height, width, stride):
    with pytest.raises(ValueError, match="anchor_plane takes"):
        anchor_plane(height, width, stride, np.zeros((1, 4), np.float32))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float16, bool])
def test_other_types_are_refused(dtype):
    odd = np.zeros((2, 4), dtype)
    with pytest.raises((TypeError, ValueError)):
        overlaps(odd, odd)
    with pytest.raises((TypeError, ValueError)):
        overlaps(np.zeros((2, 4), np.float32), odd)
    with pytest.raises((TypeError, ValueError)):
        anchor_plane(1, 1, 8, odd)


def test_two_types_are_not_mixed():
    with pytest.raises((TypeError, ValueError)):
        overlaps(np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float64))


def test_read_only_input_is_taken():
    boxes = np.zeros((2, 4), np.float32)
    boxes.flags.writeable = False
    assert overlaps(boxes, boxes).tolist() == [[1, 1], [1, 1]]
    assert anchor_plane(1, 1, 8, boxes).shape == (1, 1, 2, 4)
