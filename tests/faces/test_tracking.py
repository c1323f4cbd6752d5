"""Tracks: one person's faces through a clip, whoever else is in the frame, and across cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.faces.tracking import track_faces

WIDTH = 32


def person(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=WIDTH)
    return vector / np.linalg.norm(vector)


def seen(who: np.ndarray, turn: int, noise: float = 0.05) -> np.ndarray:
    return (who + np.random.default_rng(turn).normal(size=WIDTH) * noise).astype(np.float32) * 9


def box(x: float, size: float = 50) -> list[float]:
    return [x, 100, x + size, 100 + size]


def test_two_people_side_by_side_are_two_tracks_and_the_central_one_is_0():
    rows = [(frame, box(x + frame), seen(person(who), 10 * frame + who), who == 1)
            for frame in (3, 6, 9, 12) for who, x in ((0, 50), (1, 400))]  # fmt: skip
    frames, boxes, embeddings, central = map(np.array, zip(*rows, strict=True))
    tracks = track_faces(frames, boxes.astype(np.float32), central, embeddings)
    assert tracks.tolist() == [1, 0] * 4
    assert tracks.dtype == np.int32
    place_alone = track_faces(frames, boxes.astype(np.float32), central)
    assert place_alone.tolist() == [1, 0] * 4


def test_at_a_cut_the_likeness_decides_where_there_is_one():
    frames = np.array([3, 6, 9, 12])
    boxes = np.array([box(50), box(52), box(600, 120), box(604, 120)], np.float32)
    same = np.stack([seen(person(1), turn) for turn in range(4)])
    other = np.stack([seen(person(1 if turn < 2 else 2), turn) for turn in range(4)])
    central = np.ones(4, bool)
    assert track_faces(frames, boxes, central, same).tolist() == [0, 0, 0, 0]
    # two people that are central as often: the larger one is the main one
    assert track_faces(frames, boxes, central, other).tolist() == [1, 1, 0, 0]
    assert track_faces(frames, boxes, central).tolist() == [1, 1, 0, 0]


def test_another_person_in_the_same_place_is_another_track():
    frames, boxes = np.array([3, 6]), np.array([box(50), box(50)], np.float32)
    apart = np.stack([np.eye(WIDTH, dtype=np.float32)[0], -np.eye(WIDTH, dtype=np.float32)[0]])
    assert len(set(track_faces(frames, boxes, np.ones(2, bool), apart).tolist())) == 2
    assert len(set(track_faces(frames, boxes, np.ones(2, bool)).tolist())) == 1


def test_a_face_that_was_away_too_long_is_joined_by_its_likeness_at_the_end():
    """Two weak likenesses to the running mean, and a strong one between the pieces."""
    frames = np.array([3, 30])
    boxes = np.array([box(50), box(700)], np.float32)
    half = np.zeros((2, WIDTH), np.float32)
    half[:, 0], half[0, 1], half[1, 2] = 1, 0.8, 0.8  # cosine 0.61
    assert track_faces(frames, boxes, np.ones(2, bool), half).tolist() == [0, 0]
    half[:, 0] = 0.3  # cosine 0.12
    assert sorted(track_faces(frames, boxes, np.ones(2, bool), half).tolist()) == [0, 1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.booleans())
def test_no_frame_has_two_faces_of_a_track_and_numbers_have_no_gaps(seed, count, by_likeness):
    random = np.random.default_rng(seed)
    frames = np.sort(random.integers(1, 8, count)) * 3
    corners = random.uniform(0, 600, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(10, 200, (count, 2))], 1).astype(np.float32)
    embeddings = random.normal(size=(count, 4)).astype(np.float32) if by_likeness else None
    central = np.array([index == 0 or frames[index] != frames[index - 1] for index in range(count)])
    tracks = track_faces(frames, boxes, central, embeddings)
    pairs = list(zip(frames.tolist(), tracks.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(tracks.tolist()) == set(range(tracks.max() + 1))
    times = [central[tracks == track].sum() for track in range(tracks.max() + 1)]
    assert times == sorted(times, reverse=True)


def test_no_faces_are_no_tracks():
    nothing = track_faces(
        np.zeros(0, int), np.zeros((0, 4), np.float32), np.zeros(0, bool), np.zeros((0, 8), np.float32)
    )
    assert nothing.shape == (0,)


@pytest.mark.parametrize("embeddings", [None, np.zeros((2, WIDTH), np.float32)])
def test_embeddings_of_zeros_do_no_harm(embeddings):
    boxes = np.array([box(50), box(51)], np.float32)
    assert len(track_faces(np.array([3, 6]), boxes, np.ones(2, bool), embeddings)) == 2
