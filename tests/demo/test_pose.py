"""Heads that turn: where landmarks go, and that `sources` is the inverse of `posed`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.demo.canvas import MIDDLE, SIZE, displacement, landmarks, mirrored
from rcnn.demo.light import Light, shading
from rcnn.demo.pose import HEAD, NECK, Pose, posed, rotation, sources

ANGLES = st.floats(-0.4, 0.4)
POSES = st.builds(
    Pose,
    ANGLES,
    st.floats(-0.2, 0.2),
    st.floats(-0.2, 0.2),
    st.floats(-1, 2),
    st.floats(-0.6, 1.4),
    st.floats(-0.8, 1.5),
)


def test_mean_face_is_symmetric() -> None:
    assert landmarks() == pytest.approx(mirrored(landmarks()), abs=1e-4)
    assert landmarks()[2, 0] == pytest.approx(MIDDLE)


def test_pose_at_rest_moves_nothing() -> None:
    assert posed(landmarks(), Pose()) == pytest.approx(landmarks(), abs=1e-6)


@given(pose=POSES)
def test_rotation_is_one(pose: Pose) -> None:
    assert rotation(pose) @ rotation(pose).T == pytest.approx(np.eye(3), abs=1e-12)


@given(yaw=st.floats(0.05, 0.45))
def test_yaw_moves_the_nose_beyond_the_eyes_and_narrows_their_distance(yaw: float) -> None:
    points = posed(landmarks(), Pose(yaw=yaw))
    nose = points[2, 0] - points[:2, 0].mean()
    assert nose > 5 * yaw
    assert np.ptp(points[:2, 0]) < np.ptp(landmarks()[:2, 0])
    assert mirrored(posed(landmarks(), Pose(yaw=-yaw))) == pytest.approx(points, abs=1e-3)


@given(pitch=st.floats(0.05, 0.3))
def test_pitch_moves_the_nose_down_towards_the_mouth(pitch: float) -> None:
    points, rest = posed(landmarks(), Pose(pitch=pitch)), landmarks()
    assert points[2, 1] - points[:2, 1].mean() > rest[2, 1] - rest[:2, 1].mean()


@given(roll=st.floats(-0.4, 0.4))
def test_roll_turns_the_line_of_the_eyes(roll: float) -> None:
    left, right = posed(landmarks(), Pose(roll=roll))[:2]
    assert np.arctan2(right[1] - left[1], right[0] - left[0]) == pytest.approx(roll, abs=0.02)


def test_smile_draws_the_corners_of_the_mouth_apart_and_up() -> None:
    rest, points = landmarks(), posed(landmarks(), Pose(smile=2))
    assert np.ptp(points[3:, 0]) > np.ptp(rest[3:, 0]) + 1
    assert (points[3:, 1] < rest[3:, 1] - 1).all()
    assert points[:2] == pytest.approx(rest[:2], abs=0.1)


@given(pose=POSES)
def test_body_stands_still(pose: Pose) -> None:
    body = np.array([[x, y] for x in (20.0, 64.0, 110.0) for y in (NECK[1] + 1, 160.0)])
    assert posed(body, pose) == pytest.approx(body, abs=0.2)


@settings(max_examples=30)
@given(pose=POSES)
def test_sources_are_where_the_points_come_from(pose: Pose) -> None:
    y, x = np.mgrid[30:110:4, 30:100:4].astype(np.float32)
    goal = np.dstack([x, y])
    error = np.abs(posed(sources(pose, goal), pose) - goal)
    assert np.quantile(error, 0.99) < 0.35 and error.max() < 1.5


@given(st.lists(st.floats(-3, 3), min_size=10, max_size=10))
def test_displacement_has_the_shifts_at_the_landmarks(values: list[float]) -> None:
    origin = np.rint(landmarks())
    shifts = np.array(values).reshape(5, 2)
    field = displacement(origin, shifts)
    at = origin.astype(int)
    assert field[at[:, 1], at[:, 0]] == pytest.approx(shifts, abs=1e-3)
    assert np.abs(field[0, 0]).max() < 1 and field.shape == (SIZE, SIZE, 2)


@given(side=st.floats(0.2, 1.2), strength=st.floats(0.1, 0.6))
def test_light_from_the_right_brightens_the_right_cheek(side: float, strength: float) -> None:
    left, middle, right = shading(Light(side, 0, strength), np.array([[45.0, 70], HEAD, [83.0, 70]]))
    assert (right > left).all()
    assert middle == pytest.approx(1, abs=1e-5)
    mirrored_light = shading(Light(-side, 0, strength), np.array([[45.0, 70]]))[0]
    assert mirrored_light == pytest.approx(right, abs=1e-5)


def test_gain_and_warmth_are_of_all_that_is_lit() -> None:
    blue, _, red = shading(Light(gain=1.1, warmth=0.1), np.array(HEAD))
    assert red > 1.1 > blue
