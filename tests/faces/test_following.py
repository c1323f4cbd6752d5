"""Faces between two frames on which the detector ran."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.faces.following import follow_faces, verified
from rcnn.faces.types import POINTS, Faces

SIDE = 40.0


def faces(*corners: tuple[float, float], score: float = 0.9) -> Faces:
    """Square faces with these upper left corners, and their landmarks inside."""
    low = np.array(corners, np.float32).reshape(-1, 2)
    points = low[:, None] + np.linspace(5, 35, POINTS, dtype=np.float32)[:, None]
    return Faces(np.concatenate([low, low + SIDE], 1), np.full(len(low), score, np.float32), points)


def test_a_face_moves_in_a_straight_line():
    between = follow_faces(faces((0, 100)), faces((8, 96), score=0.6), 3)
    assert [each.boxes[0].tolist() for each in between] == [
        [2 * turn, 100 - turn, 2 * turn + SIDE, 140 - turn] for turn in (1, 2, 3)
    ]
    assert [each.landmarks[0, 0].tolist() for each in between] == [[5 + 2 * turn, 105 - turn] for turn in (1, 2, 3)]
    assert {float(each.scores[0]) for each in between} == {float(np.float32(0.6))}


def test_two_faces_keep_apart_whatever_their_order():
    (middle,) = follow_faces(faces((0, 0), (200, 0)), faces((204, 0), (4, 0)), 1)
    assert middle.boxes[:, 0].tolist() == [2, 202]


def test_an_empty_scene_stays_empty():
    assert [len(each) for each in follow_faces(Faces.none(), Faces.none(), 2)] == [0, 0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (faces((0, 0)), Faces.none()),
        (Faces.none(), faces((0, 0))),
        (faces((0, 0), (200, 0)), faces((0, 0))),
        (faces((0, 0)), faces((30, 0))),  # too far
        (faces((0, 0), (200, 0)), faces((0, 0), (4, 0))),  # both are nearest to one
    ],
)
def test_other_faces_need_the_detector(before, after):
    assert follow_faces(before, after, 3) is None


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6, unique=True), st.integers(1, 8), st.randoms())
@settings(max_examples=50, deadline=None)
def test_faces_between_lie_between(places, count, random):
    before = [(100.0 * place, 50.0) for place in places]
    after = [(x + random.uniform(-6, 6), y + random.uniform(-6, 6)) for x, y in before]
    between = follow_faces(faces(*before), faces(*random.sample(after, len(after))), count)
    assert len(between) == count
    low, high = (np.sort([before, after], 0)[row].astype(np.float32) for row in (0, 1))
    for each in between:
        assert (each.boxes[:, :2] >= low - 1e-3).all() and (each.boxes[:, :2] <= high + 1e-3).all()
        np.testing.assert_allclose(each.boxes[:, 2:] - each.boxes[:, :2], SIDE, atol=1e-3)


def test_a_followed_face_must_resemble_a_face_before_and_one_after():
    one, other = np.eye(2, dtype=np.float32)
    turns = np.array([0, 0, 1, 2, 4, 5, 6])
    followed = np.array([False, False, True, True, True, False, False])
    unit = np.stack([one, other, one, -one, one, other, one])
    # a followed face of one between frames with both and with the other alone, one of nobody, and the first again
    assert verified(unit, turns, followed).tolist() == [True, True, False, False, False, True, True]
    unit[5] = one
    assert verified(unit, turns, followed).tolist() == [True, True, True, False, True, True, True]
