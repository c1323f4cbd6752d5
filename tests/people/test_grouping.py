"""Groups of people whom nobody knows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.faces.vectors import normalise
from rcnn.people import neighbours
from rcnn.people.grouping import GroupingSettings, group_tracks
from rcnn.people.moments import Apart, Members, Moments
from rcnn.scores.card_thresholds import CardThresholds

WIDTH = 64


def tracks(sizes: list[int], spread: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of so many tracks of each person, and whose they are; the smaller `spread`, the more alike."""
    random = np.random.default_rng(seed)
    people = np.repeat(np.arange(len(sizes)), sizes)
    centres = normalise(random.normal(size=(len(sizes), WIDTH)))
    return normalise(centres[people] + spread * normalise(random.normal(size=(len(people), WIDTH)))), people


def same(groups: np.ndarray, people: np.ndarray) -> bool:
    """Whether the groups are the people, and nobody with several tracks is left single."""
    alone = np.bincount(people)[people] == 1
    pairs = set(zip(groups[~alone].tolist(), people[~alone].tolist(), strict=True))
    return (groups[alone] == -1).all() and len(pairs) == len(set(people[~alone])) == len({group for group, _ in pairs})


def test_each_person_is_a_group_and_who_is_alone_is_in_none():
    vectors, people = tracks([5, 1, 30, 2, 1, 8])
    groups = group_tracks(vectors)
    assert groups.dtype == np.int64 and same(groups, people)
    assert sorted(set(groups.tolist())) == [-1, 0, 1, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.floats(0.3, 1.6), st.integers(0, 99))
def test_the_order_of_the_tracks_changes_nothing(sizes, spread, seed):
    vectors, _ = tracks(sizes, spread, seed)
    moments = Moments(np.arange(len(vectors)) % 3, np.arange(len(vectors)) * 0.5, np.arange(len(vectors)) * 0.5 + 0.8)
    order = np.random.default_rng(seed).permutation(len(vectors))
    assert (group_tracks(vectors[order], moments[order]) == group_tracks(vectors, moments)[order]).all()


@st.composite
def crowds(draw) -> tuple[np.ndarray, Moments, np.ndarray, np.ndarray]:
    """Tracks that are all rather alike, in a few films, with pairs that must and that can't be one person."""
    count = draw(st.integers(2, 24))
    vectors, _ = tracks([count], draw(st.floats(0.2, 1.0)), draw(st.integers(0, 99)))
    starts = np.array(draw(st.lists(st.integers(0, 12), min_size=count, max_size=count)), float)
    lengths = np.array(draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)), float)
    films = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda two: two[0] != two[1])
    must, cannot = (draw(st.lists(pair, max_size=6)) for _ in range(2))
    return vectors, Moments(films, starts, starts + lengths), np.array(must, int), np.array(cannot, int)


@settings(max_examples=60, deadline=None)
@given(crowds())
def test_no_group_has_two_tracks_of_one_moment_or_that_are_two_people(crowd):
    vectors, moments, must, cannot = crowd
    groups = group_tracks(vectors, moments, GroupingSettings(), must, cannot)
    for one in range(len(groups)):
        for other in range(one):
            if groups[one] == groups[other] >= 0 and moments.films[one] == moments.films[other]:
                later = max(moments.starts[one], moments.starts[other])
                assert later >= min(moments.ends[one], moments.ends[other])
                assert moments.starts[one] != moments.starts[other]
    assert all(groups[one] != groups[other] or groups[one] == -1 for one, other in cannot.reshape(-1, 2))


@settings(max_examples=60, deadline=None)
@given(crowds())
def test_what_must_be_one_is_one_where_nothing_forbids_it(crowd):
    vectors, _, must, _ = crowd
    groups = group_tracks(-(vectors ** np.arange(1, WIDTH + 1)) % 2 - 0.5, None, GroupingSettings(), must)
    assert all(groups[one] == groups[other] >= 0 for one, other in must.reshape(-1, 2))


def test_where_must_and_cannot_are_said_of_the_same_cannot_wins():
    vectors, _ = tracks([3])
    groups = group_tracks(vectors, must=[(0, 1), (1, 2)], cannot=[(2, 0)])
    assert groups[0] != groups[2] and groups[1] in (groups[0], groups[2])


def test_two_of_one_moment_are_two_groups_and_the_rest_joins_whom_it_is_like():
    vectors, people = tracks([6, 6], 0.4)
    twins = normalise(vectors + 2 * vectors[0])  # now all are alike
    moments = Moments(np.array([0, 1, 2, 3, 4, 5] * 2), np.zeros(12), np.ones(12))
    assert len(set(group_tracks(twins).tolist())) == 1
    assert same(group_tracks(twins, moments), people)


def test_the_surest_group_comes_first():
    vectors, people = tracks([4, 4, 4])
    centres = np.stack([normalise(vectors[people == person].sum(0)) for person in range(3)])
    near = normalise(vectors + np.array([0.2, 3.0, 1.0])[people, None] * centres[people])
    groups = group_tracks(near)
    assert [groups[people == person].tolist() for person in (1, 2, 0)] == [[0] * 4, [1] * 4, [2] * 4]


def test_many_tracks_are_grouped_by_an_index_as_few_are_by_comparing_all(monkeypatch):
    vectors, people = tracks([7] * 40, 0.6)
    exact = group_tracks(vectors)
    monkeypatch.setattr(neighbours, "EXACT", 60)
    monkeypatch.setattr(neighbours, "ROWS_A_LIST", 50)
    assert same(exact, people)
    indexed = group_tracks(vectors)
    assert (indexed == exact).all()
    import faiss

    threads = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(1)
        alone = group_tracks(vectors)
        faiss.omp_set_num_threads(2)
        assert (alone == group_tracks(vectors)).all()
    finally:
        faiss.omp_set_num_threads(threads)


def test_vectors_of_16_bits_in_a_file_do(tmp_path):
    vectors, people = tracks([3, 4, 1])
    mapped = np.memmap(tmp_path / "vectors", np.float16, "w+", shape=vectors.shape)
    mapped[:] = vectors
    assert same(group_tracks(mapped), people)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few(count):
    vectors, _ = tracks([2])
    assert group_tracks(vectors[:count]).tolist() == [[], [-1], [0, 0]][count]


def test_zero_vectors_are_alone():
    assert group_tracks(np.zeros((3, WIDTH), np.float32)).tolist() == [-1, -1, -1]


def test_what_does_not_fit_is_refused():
    vectors, _ = tracks([2])
    with pytest.raises(ValueError, match="moments of 3 tracks"):
        group_tracks(vectors, Moments.unknown(3))
    for pairs in ([(0, 2)], [(0, 0)], [(-1, 0)]):
        with pytest.raises(ValueError, match="pair of 2 tracks"):
            group_tracks(vectors, must=pairs)
    with pytest.raises(ValueError, match="1 starts"):
        Moments(np.zeros(2), np.zeros(1), np.zeros(2))


def test_more_tracks_need_to_be_more_alike():
    card = CardThresholds((1e-2, 1e-3, 1e-4), (0.234, 0.319, 0.393))
    alike = [GroupingSettings.of(card, count).alike for count in (10, 1000, 100_000, 27_000_000)]
    assert alike == sorted(alike) and 0.234 <= alike[0] < alike[-1] < 0.75
    assert GroupingSettings.of(card, 500).alike == pytest.approx(0.393, abs=1e-3)
    assert GroupingSettings.of(None, 500) == GroupingSettings()


def test_moments_that_only_touch_are_no_conflict():
    moments = Moments(np.zeros(3, int), np.array([0.0, 1.0, 1.5]), np.array([1.0, 2.0, 3.0]))
    apart = Apart(moments, np.zeros((0, 2), np.int64))
    assert apart.conflicts(np.zeros(2, int), np.array([0, 1])).tolist() == []
    assert apart.conflicts(np.array([0, 0, 0]), np.arange(3)).tolist() == [0]
    members = Members(np.arange(3), 3)
    assert apart.forbidden(np.array([0, 1]), np.array([1, 2]), members).tolist() == [False, True]
