"""Groups of unknown tracks at the desk: second detections of a face are in none, unless somebody says so. 0.5 s."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rcnn.review import unknown
from rcnn.review.groups import SINGLE

PEOPLE = 3


@pytest.fixture
def group(monkeypatch):
    """Groups some tracks of three people, four each, in films of their own; the last of each is a double."""
    monkeypatch.setattr(unknown, "card_of", lambda features: None)
    random = np.random.default_rng(0)
    own = np.linalg.qr(random.normal(size=(32, PEOPLE)))[0].T
    vectors = np.repeat(own, 4, axis=0) + random.normal(0, 0.02, (4 * PEOPLE, 32))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    count = len(vectors)
    tracks = SimpleNamespace(
        film=np.arange(count, dtype=np.int32), shown=np.zeros(count), ends=np.arange(count + 1), vectors=vectors,
        double=np.arange(count) % 4 == 3,
    )  # fmt: skip
    return unknown.tracks_to_groups(SimpleNamespace(tracks=tracks, features=None))


def test_a_double_is_in_no_group(group):
    found = group(np.arange(12), [], []).reshape(PEOPLE, 4)
    assert (found[:, 3] == SINGLE).all()
    assert (found[:, :3] == found[:, :1]).all() and len(set(found[:, 0])) == PEOPLE


def test_some_tracks_alone(group):
    found = group(np.array([0, 3, 1, 4, 7, 5]), [], [])
    assert found[1] == found[4] == SINGLE
    assert found[0] == found[2] and found[3] == found[5] and found[0] != found[3]


def test_who_joins_a_double_knows_better(group):
    found = group(np.arange(12), [(0, 3)], [])
    assert found[3] == found[0] != SINGLE
    assert found[7] == SINGLE


def test_two_that_are_two_stay_apart(group):
    found = group(np.arange(12), [], [(0, 1)])
    assert found[0] != found[1]
