"""Appearances that go on from one piece of a film to the next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.clips.dataset import Clip
from rcnn.config import config
from rcnn.people.appearances import Appearance
from rcnn.people.joining import join_pieces

PIECES = [
    Clip(f"film_{start:03d}", "/film.mp4", "test", start=float(start), end=float(start + 30)) for start in (0, 30, 60)
]
GAP = config.APPEARANCE.GAP


def seen(piece: int, start: float, end: float, who: int = 1, cosine: float = 0.5, verdict: str = "yes", track: int = 0):
    box = np.zeros(4, np.float32)
    return PIECES[piece], Appearance(who, start, end, end - start, start, box, track, cosine, cosine, verdict)


def spans(rows) -> list[tuple[str, int, float, float]]:
    return [(clip.name, item.who, item.start, item.end) for clip, item in join_pieces(rows)]


def test_who_is_in_view_over_two_borders_appears_once():
    rows = [seen(0, 20, 30, cosine=0.4), seen(1, 30, 60, cosine=0.9, track=3), seen(2, 60.5, 70, cosine=0.6)]
    ((clip, item),) = join_pieces(rows)
    assert (item.start, item.end, item.seen) == (20, 70, 49.5)
    # the best face and all that belongs to it are of one piece
    assert (clip.name, item.track, item.time, item.cosine) == ("film_030", 3, 30, 0.9)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (seen(0, 20, 29.9 - GAP), seen(1, 30, 40)),  # away for too long
        (seen(0, 20, 30), seen(1, 30, 40, who=2)),
        (seen(0, 20, 30), seen(1, 30, 40, verdict="maybe")),
        (seen(0, 20, 30, verdict="no"), seen(1, 30, 40, verdict="no")),  # nobody knows whether they are the same
        (seen(0, 20, 25), seen(0, 25.5, 30)),  # in one piece it was decided before
        (seen(0, 0, 30), seen(2, 60, 90)),
    ],
)
def test_others_stay_two(first, second):
    assert spans([first, second]) == [(clip.name, item.who, item.start, item.end) for clip, item in (first, second)]


def test_a_gap_of_a_second_counts_as_within_a_piece():
    assert len(join_pieces([seen(0, 20, 29.5), seen(1, 29.5 + GAP, 40)])) == 1


def test_of_two_at_once_one_goes_on():
    """They may both be a maybe; the rest starts again."""
    rows = [seen(0, 20, 30, verdict="maybe"), seen(0, 25, 30, verdict="maybe", track=1)]
    assert len(join_pieces([*rows, seen(1, 30, 40, verdict="maybe")])) == 2


rows = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.floats(0, 29),
        st.floats(0.1, 1),
        st.integers(1, 2),
        st.sampled_from(["yes", "maybe", "no"]),
    ),
    max_size=12,
)


@settings(max_examples=50)
@given(rows)
def test_nothing_is_lost_and_rows_are_in_the_order_of_the_table(drawn):
    found = [
        seen(piece, 30 * piece + start, 30 * piece + start + length, who, verdict=verdict)
        for piece, start, length, who, verdict in drawn
    ]
    joined = join_pieces(found)
    assert [(clip.name, item.start, item.who) for clip, item in joined] == sorted(
        (clip.name, item.start, item.who) for clip, item in joined
    )
    for _, item in found:
        assert any(
            (other.who, other.verdict) == (item.who, item.verdict)
            and other.start <= item.start
            and item.end <= other.end
            for _, other in joined
        )
    assert sum(item.seen for _, item in joined) <= sum(item.seen for _, item in found) + 1e-9
