"""Pairs, thresholds and accuracy of verification."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rcnn.errors import InputError
from rcnn.scores.verification import (
    area_under_roc,
    best_threshold,
    different_pairs,
    same_pairs,
    similarities,
    thresholds_at,
    verify,
)

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=12).map(np.array)
SCORES = st.lists(st.integers(-3, 3).map(lambda value: value / 3), min_size=1, max_size=12).map(np.array)


@given(LABELS)
def test_same_pairs_are_all_of_one_person(labels):
    pairs = {tuple(pair) for pair in same_pairs(labels).tolist()}
    assert pairs == {(i, j) for i, j in combinations(range(len(labels)), 2) if labels[i] == labels[j]}


@given(LABELS, st.integers(0, 2**32))
def test_different_pairs_are_distinct_of_two_people_and_no_more_than_there_are(labels, seed):
    possible = [(i, j) for i, j in combinations(range(len(labels)), 2) if labels[i] != labels[j]]
    drawn = different_pairs(labels, len(possible), np.random.default_rng(seed))
    assert sorted(map(tuple, drawn.tolist())) == possible
    with pytest.raises(InputError, match=f"there are not {len(possible) + 1} pairs"):
        different_pairs(labels, len(possible) + 1, np.random.default_rng(seed))


@given(SCORES, SCORES)
def test_no_threshold_makes_fewer_mistakes_than_the_best(same, different):
    def mistakes(threshold: float) -> int:
        return int((same < threshold).sum() + (different >= threshold).sum())

    tried = np.unique(np.concatenate([same, different]))
    others = np.concatenate([tried, (tried[1:] + tried[:-1]) / 2, [tried[0] - 1, tried[-1] + 1]])
    assert mistakes(best_threshold(same, different)) == min(map(mistakes, others))


@given(SCORES, SCORES)
def test_the_area_is_scikit_learns(same, different):
    truth = np.repeat([1, 0], [len(same), len(different)])
    expected = roc_auc_score(truth, np.concatenate([same, different]))
    assert area_under_roc(same, different) == pytest.approx(expected)


def test_accuracy_is_judged_on_pairs_that_did_not_choose_the_threshold():
    rng = np.random.default_rng(0)
    apart = verify(rng.uniform(0.6, 1, 50), rng.uniform(-1, 0.4, 50), 10, rng)
    assert (apart.accuracy == 1).all() and apart.auc == 1
    assert ((apart.thresholds > 0.4) & (apart.thresholds < 0.61)).all()
    # scores that tell nothing: chance, not the 0.5 and more that a threshold chosen on the same pairs would give
    alike = verify(rng.normal(size=4000), rng.normal(size=4000), 10, rng)
    assert abs(alike.accuracy.mean() - 0.5) < 0.02


def test_similarity_is_the_cosine_of_the_pair():
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    np.testing.assert_allclose(similarities(vectors, np.array([[0, 1], [1, 2], [0, 2]])), [0.6, 0.8, 0], atol=1e-7)


def test_thresholds_of_a_card_are_reached_by_their_share_of_pairs():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.repeat(np.arange(200), 2)
    rates = [1e-1, 1e-2, 1e-3]
    found = thresholds_at(vectors, labels, rates)
    first, second = np.triu_indices(400, 1)
    cosines = (vectors @ vectors.T)[first, second][labels[first] != labels[second]]
    assert [float((cosines >= threshold).mean()) for threshold in found] == pytest.approx(rates, rel=0.01)
    with pytest.raises(InputError, match="too few"):
        thresholds_at(vectors, labels, [1e-5])
