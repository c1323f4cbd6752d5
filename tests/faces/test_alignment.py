"""The transform that five landmarks give, and the crops that it cuts."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcnn.errors import InputError
from rcnn.faces.alignment import align_faces, similarity, target_points

points = arrays(np.float64, (5, 2), elements=st.floats(-100, 100)).filter(
    lambda p: np.linalg.svd(p - p.mean(0), compute_uv=False)[0] > 1
)


def apply(matrix: np.ndarray, source: np.ndarray) -> np.ndarray:
    return source @ matrix[:, :2].T + matrix[:, 2]


def residual(matrix: np.ndarray, source: np.ndarray, target: np.ndarray) -> float:
    return float(((apply(matrix, source) - target) ** 2).sum())


@settings(deadline=None)
@given(
    points,
    st.floats(-np.pi, np.pi),
    st.floats(0.05, 20),
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_recovers_rotation_scale_and_shift(source, angle, scale, shift):
    matrix = np.array(
        [
            [scale * np.cos(angle), -scale * np.sin(angle), shift[0]],
            [scale * np.sin(angle), scale * np.cos(angle), shift[1]],
        ]
    )
    target = apply(matrix, source)
    found = similarity(source, target)
    np.testing.assert_allclose(apply(found, source), target, atol=1e-6 * (1 + np.abs(target).max()))
    np.testing.assert_allclose(found[:, :2], matrix[:, :2], atol=1e-6 * scale)


@settings(deadline=None)
@given(points, points)
def test_is_the_least_squares_solution(source, target):
    # x' = ax - by + c, y' = bx + ay + d is linear in a, b, c, d
    found = similarity(source, target)
    rows = np.zeros((10, 4))
    rows[::2] = np.column_stack([source[:, 0], -source[:, 1], np.ones(5), np.zeros(5)])
    rows[1::2] = np.column_stack([source[:, 1], source[:, 0], np.zeros(5), np.ones(5)])
    a, b, c, d = np.linalg.lstsq(rows, target.reshape(-1), rcond=None)[0]
    least = residual(np.array([[a, -b, c], [b, a, d]]), source, target)
    assert residual(found, source, target) <= least * (1 + 1e-9) + 1e-6


@settings(deadline=None)
@given(points, points, arrays(np.float64, 4, elements=st.floats(-1, 1)))
def test_no_near_similarity_is_better(source, target, change):
    found = similarity(source, target)
    a, b, c, d = change
    for step in (1e-3, 1e-1):
        other = found + step * np.array([[a, -b, c], [b, a, d]])
        assert residual(found, source, target) <= residual(other, source, target) + 1e-6


@settings(deadline=None)
@given(points, points)
def test_never_mirrors(source, target):
    matrix = similarity(source, target)
    assert np.linalg.det(matrix[:, :2]) >= -1e-12
    np.testing.assert_allclose(matrix[0, 0], matrix[1, 1], atol=1e-9 * (1 + abs(matrix[0, 0])))
    np.testing.assert_allclose(matrix[0, 1], -matrix[1, 0], atol=1e-9 * (1 + abs(matrix[0, 1])))


def test_does_not_mirror_mirrored_points():
    target = target_points().astype(np.float64)
    mirrored = target * (-1, 1)
    matrix = similarity(mirrored, target)
    assert np.linalg.det(matrix[:, :2]) > 0
    assert residual(matrix, mirrored, target) > 100


@settings(deadline=None)
@given(points, points)
def test_single_precision_is_worked_out_in_double(source, target):
    source, target = source.astype(np.float32), target.astype(np.float32)
    expected = similarity(source.astype(np.float64), target.astype(np.float64))
    np.testing.assert_array_equal(similarity(source, target), expected)
    np.testing.assert_array_equal(similarity(source.tolist(), target.tolist()), expected)


def test_points_that_coincide_give_a_finite_transform():
    matrix = similarity(np.full((5, 2), 7.0), target_points())
    assert np.isfinite(matrix).all()
    np.testing.assert_array_equal(matrix[:, :2], 0)


def test_target_points_are_the_published_ones():
    wide, narrow = target_points((112, 112)), target_points((112, 96))
    expected = [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
    assert wide.dtype == narrow.dtype == np.float32
    np.testing.assert_allclose(wide, expected, rtol=1e-6)
    np.testing.assert_allclose(wide - narrow, np.tile([8.0, 0.0], (5, 1)), atol=1e-5)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(3).integers(1, 256, (112, 112, 3), np.uint8)


def test_landmarks_in_place_give_the_image_back(picture):
    crops = align_faces(picture, target_points()[None])
    assert crops.shape == (1, 112, 112, 3)
    np.testing.assert_array_equal(crops[0], picture)


def test_narrow_crop_is_the_middle_of_the_wide_one(picture):
    crops = align_faces(picture, target_points()[None], (112, 96))
    np.testing.assert_array_equal(crops[0], picture[:, 8:104])


def test_shift_and_black_border(picture):
    crops = align_faces(picture, (target_points() + np.array([-20, 10]))[None])
    np.testing.assert_array_equal(crops[0, :102, 20:], picture[10:, :92])
    assert not crops[0, 102:].any()
    assert not crops[0, :, :20].any()


def test_landmarks_come_to_lie_on_the_target():
    image = np.zeros((300, 500, 3), np.uint8)  # not square: x and y can't be swapped
    turn = np.array([[0.0, -2.0, 440.0], [2.0, 0.0, 20.0]])  # a quarter turn, twice as large
    landmarks = apply(turn, target_points().astype(np.float64))
    for index, (x, y) in enumerate(np.rint(landmarks).astype(int)):
        cv2.circle(image, (int(x), int(y)), 4, (0, 0, 50 * (index + 1)), -1)
    crop = align_faces(image, landmarks[None])[0]
    for index, (x, y) in enumerate(np.rint(target_points()).astype(int)):
        assert crop[y, x, 2] == 50 * (index + 1)


def test_one_crop_a_face_in_order(picture):
    many = np.stack([target_points(), target_points() + 5, target_points() - 9])
    crops = align_faces(picture, many)
    for crop, landmarks in zip(crops, many, strict=True):
        np.testing.assert_array_equal(crop, align_faces(picture, [landmarks])[0])
    assert align_faces(picture, many[:0], (112, 96)).shape == (0, 112, 96, 3)


@pytest.mark.parametrize("size", [(96, 112), (96, 96), (112, 128), (224, 224)])
def test_other_sizes_are_refused(picture, size):
    with pytest.raises(InputError, match=rf"{size[0]},{size[1]}.*112,112 or 112,96"):
        align_faces(picture, target_points()[None], size)


@pytest.mark.parametrize("angle", [0, 25])
@pytest.mark.parametrize("times", [2.3, 3.0, 7.5, 12.0])
def test_a_large_face_is_reduced_by_the_mean_of_its_pixels(times, angle):
    """A face many times as large as its crop: fine stripes become grey, and a coarse pattern stays where it is."""
    size = int(150 * times)
    y, x = np.mgrid[:size, :size]
    stripes = np.repeat((255 * (x % 2)).astype(np.uint8)[..., None], 3, 2)
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = (target_points() - 56) @ rotation.T * times + size / 2
    (crop,) = align_faces(stripes, [points])
    assert abs(crop[20:90, 20:90].astype(int) - 127).max() < 127 / int(times) + 8
    waves = 127 + 100 * np.sin(x / (6 * times)) * np.cos(y / (9 * times))
    (crop,) = align_faces(np.repeat(waves.round().astype(np.uint8)[..., None], 3, 2), [points])
    v, u = np.mgrid[20:90, 20:90]
    where = (np.stack([u, v], -1) - 56) @ rotation.T * times + size / 2
    expected = 127 + 100 * np.sin(where[..., 0] / (6 * times)) * np.cos(where[..., 1] / (9 * times))
    assert abs(crop[20:90, 20:90, 0] - expected).max() < 4


def test_a_large_face_beyond_the_border_is_black_there():
    image = np.full((800, 800, 3), 200, np.uint8)
    (crop,) = align_faces(image, [(target_points() - 56) * 6 + [0, 400]])
    assert (crop[:, :50] == 0).all() and (crop[10:100, 60:] == 200).all()
