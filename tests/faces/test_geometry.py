"""Anchors, boxes and landmarks against examples worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rcnn.cython.boxes import anchor_plane

from rcnn.config import config
from rcnn.faces.geometry import base_anchors, clip_boxes, decode_boxes, decode_landmarks


@pytest.mark.parametrize(
    ("scale", "first", "last"),
    [(32, -248, 263), (16, -120, 135), (8, -56, 71), (4, -24, 39), (2, -8, 23), (1, 0, 15)],
)
def test_base_anchors_by_hand(scale, first, last):
    anchor = base_anchors(16, (scale,))
    assert anchor.dtype == np.float32
    np.testing.assert_array_equal(anchor, [[first, first, last, last]])
    assert last - first + 1 == 16 * scale


def test_base_anchors_keep_the_order_of_the_scales():
    np.testing.assert_array_equal(base_anchors(16, (2, 1)), [[-8, -8, 23, 23], [0, 0, 15, 15]])


def test_strides_and_scales_are_those_of_the_method():
    assert config.ESSH.STRIDES == ((32, (32, 16)), (16, (8, 4)), (8, (2, 1)))
    assert config.ESSH.BASE_SIZE == 16


def test_anchor_moves_right_with_x_and_down_with_y():
    plane = anchor_plane(3, 5, 8, base_anchors(16, (2, 1)))
    assert plane.shape == (3, 5, 2, 4)
    np.testing.assert_array_equal(plane[0, 0], [[-8, -8, 23, 23], [0, 0, 15, 15]])
    np.testing.assert_array_equal(plane[1, 0, 1], [0, 8, 15, 23])
    np.testing.assert_array_equal(plane[0, 4, 1], [32, 0, 47, 15])
    np.testing.assert_array_equal(plane[2, 3, 0], [16, 8, 47, 39])


@pytest.mark.parametrize(
    ("deltas", "box"),
    [
        ((0, 0, 0, 0), (10, 20, 25, 27)),
        ((0.5, 0, 0, 0), (18, 20, 33, 27)),  # half of 16 to the right
        ((0, 0.5, 0, 0), (10, 24, 25, 31)),  # half of 8 down
        ((0, 0, np.log(2), 0), (2, 20, 33, 27)),  # 32 wide
        ((0, 0, 0, np.log(2)), (10, 16, 25, 31)),  # 16 high
        ((-0.25, 1, np.log(0.5), np.log(3)), (10, 20, 17, 43)),
    ],
)
def test_decode_boxes_by_hand(deltas, box):
    anchors = np.array([[10, 20, 25, 27]], np.float32)  # 16 wide, 8 high, centre 17.5, 23.5
    boxes = decode_boxes(anchors, np.array([deltas], np.float32))
    assert boxes.dtype == np.float32
    np.testing.assert_allclose(boxes, [box], atol=1e-4)


def test_decode_landmarks_by_hand():
    anchors = np.array([[10, 20, 25, 27]], np.float32)
    deltas = np.array([[0, 0, 1, 0, 0, 1, -0.5, -0.5, 0.25, 0.125]], np.float32)
    expected = [[[17.5, 23.5], [33.5, 23.5], [17.5, 31.5], [9.5, 19.5], [21.5, 24.5]]]
    landmarks = decode_landmarks(anchors, deltas)
    assert landmarks.dtype == np.float32
    np.testing.assert_array_equal(landmarks, expected)


corners = arrays(np.float32, (7, 2), elements=st.integers(-500, 2000).map(float))
extents = arrays(np.float32, (7, 2), elements=st.integers(1, 1000).map(float))


@settings(deadline=None)
@given(corners, extents)
def test_no_delta_gives_the_anchor_back(corner, size):
    anchors = np.concatenate([corner, corner + size - 1], 1)
    np.testing.assert_allclose(decode_boxes(anchors, np.zeros((7, 4), np.float32)), anchors, atol=1e-3)
    middle = np.repeat((corner + (size - 1) / 2)[:, None], 5, 1)
    np.testing.assert_allclose(decode_landmarks(anchors, np.zeros((7, 10), np.float32)), middle, atol=1e-3)


@settings(deadline=None)
@given(corners, extents, arrays(np.float32, (7, 4), elements=st.floats(-2, 2, width=32)))
def test_boxes_have_the_size_and_centre_that_the_deltas_say(corner, size, deltas):
    boxes = decode_boxes(np.concatenate([corner, corner + size - 1], 1), deltas).astype(np.float64)
    wanted = size * np.exp(deltas[:, 2:].astype(np.float64))
    np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2] + 1, wanted, rtol=1e-4, atol=5e-3)
    centre = corner + (size - 1) / 2 + deltas[:, :2] * size
    np.testing.assert_allclose((boxes[:, 2:] + boxes[:, :2]) / 2, centre, rtol=1e-4, atol=5e-3)


def test_clip_boxes_ends_at_the_last_pixel():
    boxes = np.array([[-5, -6, 300, 300], [10, 20, 30, 40], [150, 250, 160, 260]], np.float32)
    expected = [[0, 0, 99, 199], [10, 20, 30, 40], [99, 199, 99, 199]]
    clipped = clip_boxes(boxes, 100, 200)
    assert clipped.dtype == np.float32
    np.testing.assert_array_equal(clipped, expected)
