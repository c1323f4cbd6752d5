"""Tracks to appearances: joined, parted, at most one of each person at a time; starts and ends half a look wider."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.dataset import Clip
from rcnn.people.appearances import Appearance, TrackMatches, find_appearances, seconds_of_look
from rcnn.tables.faces import ClipFaces

LOOK = 0.125
CLIP = Clip("a.mp4", "", "test")
PERSON, OTHER = 7, 3


def clip(*tracks: list[int]) -> ClipFaces:
    """Faces of tracks, each seen at some looks, in the order of the frames; quality and box tell the face."""
    faces = sorted((look, track) for track, looks in enumerate(tracks) for look in looks)
    looks, owners = (np.array(column) for column in zip(*faces, strict=True))
    count = len(faces)
    return ClipFaces(
        CLIP,
        (looks + 1).astype(np.int32),
        looks * LOOK,
        np.ones(count, np.float32),
        (looks % 10 + 1).astype(np.float32),
        np.stack([looks, owners, looks + 1, owners + 1], 1).astype(np.float32),
        np.zeros((count, 5, 2), np.float32),
        [b""] * count,
        owners.astype(np.int32),
    )


def matches(*rows: tuple[int, float, str]) -> TrackMatches:
    """Person, cosine and verdict of each track."""
    people, cosines, verdicts = zip(*rows, strict=True)
    cosines = np.array(cosines, np.float32)
    return TrackMatches(np.arange(len(rows), dtype=np.int32), np.array(people, np.int32), cosines, cosines, verdicts)


def found(faces: ClipFaces, *rows: tuple[int, float, str], seconds: float = 100.0) -> list[Appearance]:
    return find_appearances(faces, matches(*rows), LOOK, seconds)


def spans(items: list[Appearance]) -> list[tuple[float, float, str]]:
    return [(item.start, item.end, item.verdict) for item in items]


def test_a_track_is_an_appearance_half_a_look_wider():
    (item,) = found(clip([8, 9, 10]), (PERSON, 0.9, "yes"))
    assert (item.start, item.end) == (8 * LOOK - LOOK / 2, 10 * LOOK + LOOK / 2)
    assert item.seen == 3 * LOOK and item.who == PERSON and item.track == 0
    assert item.time == 9 * LOOK and item.box.tolist() == [9, 0, 10, 1]  # of quality 10


def test_it_lies_within_the_clip():
    (item,) = found(clip([0, 1, 2]), (PERSON, 0.9, "yes"), seconds=0.3)
    assert (item.start, item.end) == (0.0, 0.3) and item.seen == 0.3
    (item,) = found(clip([0, 1, 2]), (PERSON, 0.9, "yes"), seconds=0.0)  # not known
    assert item.end == 2.5 * LOOK


def test_tracks_are_joined_over_a_second_and_no_more():
    joined = found(clip([0, 1], [10, 11]), (PERSON, 0.7, "yes"), (PERSON, 0.9, "yes"))
    assert spans(joined) == [(0.0, 11.5 * LOOK, "yes")]
    assert joined[0].track == 1 and joined[0].cosine == pytest.approx(0.9) and joined[0].seen == 4 * LOOK
    assert joined[0].time == 11 * LOOK or joined[0].time == 10 * LOOK  # of track 1, though track 0 may have better ones
    parted = found(clip([0, 1], [11, 12]), (PERSON, 0.9, "yes"), (PERSON, 0.7, "yes"))
    assert spans(parted) == [(0.0, 1.5 * LOOK, "yes"), (10.5 * LOOK, 12.5 * LOOK, "yes")]


def test_a_yes_is_not_made_longer_by_what_may_be_somebody_else():
    items = found(clip([0, 1], [2, 3], [4, 5]), (PERSON, 0.9, "yes"), (PERSON, 0.5, "maybe"), (PERSON, 0.9, "yes"))
    assert spans(items) == [(0.0, 5.5 * LOOK, "yes"), (1.5 * LOOK, 3.5 * LOOK, "maybe")]


def test_one_track_with_a_long_gap_is_two_appearances():
    assert spans(found(clip([0, 20]), (PERSON, 0.9, "yes"))) == [
        (0.0, LOOK / 2, "yes"),
        (19.5 * LOOK, 20.5 * LOOK, "yes"),
    ]


def test_nobody_is_in_two_places_at_once():
    items = found(clip([0, 1, 2, 3], [2, 3, 4]), (PERSON, 0.8, "yes"), (PERSON, 0.9, "yes"))
    assert spans(items) == [(0.0, 3.5 * LOOK, "maybe"), (1.5 * LOOK, 4.5 * LOOK, "yes")]
    assert [item.track for item in items] == [0, 1]
    two = found(clip([0, 1, 2, 3], [2, 3, 4]), (PERSON, 0.8, "yes"), (OTHER, 0.9, "yes"))
    assert [(item.who, item.verdict) for item in two] == [(PERSON, "yes"), (OTHER, "yes")]


def test_a_track_beside_one_that_is_not_the_person_after_all_keeps_its_verdict():
    """The second overlaps the best, the third only the second."""
    items = found(clip([0, 1], [1, 2], [2, 3]), (PERSON, 0.9, "yes"), (PERSON, 0.8, "yes"), (PERSON, 0.7, "yes"))
    assert spans(items) == [(0.0, 3.5 * LOOK, "yes"), (0.5 * LOOK, 2.5 * LOOK, "maybe")]


def test_a_no_is_joined_with_nothing():
    items = found(clip([0, 1], [2, 3], [4]), (PERSON, 0.9, "yes"), (PERSON, 0.1, "no"), (PERSON, 0.2, "no"))
    assert [item.verdict for item in items] == ["yes", "no", "no"]


def test_a_track_without_a_vector_does_not_count():
    faces = clip([0, 1], [5, 6])
    (item,) = find_appearances(faces, matches((PERSON, 0.9, "yes")), LOOK, 9.0)
    assert item.end == 1.5 * LOOK


@given(
    st.lists(st.sets(st.integers(0, 60), min_size=1), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from([PERSON, OTHER]), st.floats(-1, 1, width=16)), min_size=5, max_size=5),
)
def test_every_face_is_in_one_appearance_and_no_person_is_twice_a_yes(looks, likes):
    faces = clip(*map(sorted, looks))
    rows = [(who, cosine, "yes" if cosine > 0.5 else "maybe" if cosine > 0 else "no") for who, cosine in likes]
    items = found(faces, *rows[: len(looks)], seconds=61 * LOOK)
    assert [(item.start, item.who) for item in items] == sorted((item.start, item.who) for item in items)
    seen = 0
    for item in items:
        assert 0 <= item.start <= item.time <= item.end <= 61 * LOOK and 0 < item.seen <= item.end - item.start + 1e-9
        seen += sum(item.start <= time <= item.end for time in faces.times)
    assert seen >= len(faces)
    for who in (PERSON, OTHER):
        sure = [item for item in items if item.who == who and item.verdict == "yes"]
        assert all(one.end < other.start for one, other in pairwise(sure))


@pytest.mark.parametrize(
    ("intervals", "looks", "seconds", "frames", "look"),
    [
        ((0.125, 0.03125), 80, 10.0, 250, 0.125),
        ((0.125, 0.04), 250, 10.0, 250, 0.04),  # the second, closer look
        ((0.12, 0.04), 83, 10.0, 250, 0.12),
        ((0.125, 0.04), 40, 10.0, 250, 0.125),  # of half a clip
        ((0.12,), 1, 0.04, 1, 0.0),  # a photograph
        ((0.0, 0.0), 9, 1.0, 25, 0.0),
        ((0.125, 0.04), 9, 0.0, 25, 0.125),
    ],
)
def test_seconds_of_a_look(intervals, looks, seconds, frames, look):
    assert seconds_of_look(intervals, looks, seconds, frames) == look
