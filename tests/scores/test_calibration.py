"""Verdicts and probabilities from cosines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.scores.calibration import CARD, IMPOSTORS, NOTHING, CardThresholds, Trials, operating_point
from rcnn.scores.probability import ISOTONIC, PLATT, STAND_IN, fit_isotonic, fit_platt, judge, reliability
from rcnn.scores.tails import threshold_of
from rcnn.scores.verdicts import VERDICTS

CARD_OF_A_MODEL = CardThresholds((1e-2, 1e-3, 1e-4), (0.25, 0.35, 0.45), "m,0")


def trials(genuine: list[float] | np.ndarray, impostor: list[float] | np.ndarray, people: int = 1) -> Trials:
    """Cosines, spread over people in turn."""
    return Trials(
        np.array(genuine, np.float32),
        np.arange(len(genuine), dtype=np.int32) % people,
        np.array(impostor, np.float32),
        np.arange(len(impostor), dtype=np.int32) % people,
    )


def drawn(impostors: int, people: int = 1, seed: int = 0) -> Trials:
    """Impostors, which are the greatest of many cosines, about 0.2, and as many genuine ones about 0.7."""
    rng = np.random.default_rng(seed)
    return trials(rng.normal(0.7, 0.1, impostors), rng.gumbel(0.2, 0.03, impostors), people)


def verdict(cosine: float, point, person: int = 0) -> str:
    (found,) = point.verdicts(np.array([cosine]), np.array([person]))
    return str(found)


@pytest.mark.parametrize("asked", [1, 10, 100])
def test_as_many_false_hits_as_asked_for_on_impostors_that_were_not_seen(asked):
    unseen = np.random.default_rng(99).gumbel(0.2, 0.03, 200_000)
    thresholds = [operating_point(trials([], drawn(500, seed=seed).impostor), 1, asked, None).yes for seed in range(20)]
    got = np.mean([1000 * (unseen >= threshold).mean() for threshold in thresholds])
    assert asked / 2 < got < asked * 1.5


def test_a_threshold_beyond_what_was_seen_is_extrapolated_and_said():
    few, many = operating_point(drawn(100), 1, 1, None), operating_point(drawn(5000), 1, 1, None)
    assert few.yes[0] > drawn(100).impostor.max()
    assert "extrapolated" in few.record()["words"]
    assert "extrapolated" not in many.record()["words"]


def test_excesses_that_fall_off_exponentially_are_reached_as_often_as_asked():
    rng = np.random.default_rng(0)
    got = [np.exp(-threshold_of(rng.exponential(size=60), 1e-3)) for _ in range(3000)]
    assert np.mean(got) == pytest.approx(1e-3, rel=0.3)  # ten values of a tail, sixteen times beyond them


def test_a_person_whom_everybody_is_like_has_a_threshold_of_their_own():
    rng = np.random.default_rng(0)
    cosines = rng.normal(0.2, 0.05, 2000)
    cosines[1::2] += 0.15
    point = operating_point(trials([], cosines, 2), 2, 1, None)
    assert point.yes[1] - point.yes[0] == pytest.approx(0.15, abs=0.02)
    seldom = np.array([0] * 1998 + [1, 1], np.int32)  # two impostors say next to nothing of a person
    lone = operating_point(Trials(cosines[:0], seldom[:0], cosines.astype(np.float32), seldom), 2, 1, None)
    assert abs(lone.yes[1] - lone.yes[0]) < 0.03


def test_a_card_decides_where_there_are_no_impostors():
    point = operating_point(trials([0.8, 0.7], []), 1, 1, CARD_OF_A_MODEL)
    assert point.record()["from"] == CARD and "m,0" in point.record()["words"]
    assert point.yes[0] == pytest.approx(0.35)
    crowd = operating_point(trials([], []), 10, 1, CARD_OF_A_MODEL)
    assert crowd.yes[0] == pytest.approx(0.45)  # ten people, ten chances
    assert operating_point(trials([], []), 100, 1, CARD_OF_A_MODEL).yes[0] == pytest.approx(0.55)
    assert operating_point(trials([], []), 1, 1, CARD_OF_A_MODEL, tracks=10).yes[0] == pytest.approx(0.45)


def test_the_card_counts_less_the_more_impostors_there_are():
    alone = operating_point(drawn(4000), 1, 1, None).yes[0]
    weights = []
    for count in (5, 100, 4000):
        point = operating_point(drawn(count), 1, 1, CARD_OF_A_MODEL)
        weights.append(point.record()["card_weight"])
    assert weights == [1.0, 0.5, pytest.approx(0.0244, abs=1e-4)]
    assert point.yes[0] == pytest.approx(alone, abs=0.01)


def test_nothing_measured_gives_no_yes_and_says_so():
    point = operating_point(trials([], []), 1, 1, None)
    assert point.record()["from"] == NOTHING
    assert [verdict(cosine, point) for cosine in (1.0, 0.5, 0.1)] == ["maybe", "maybe", "no"]
    assert point.record()["yes"] is None and 'Nothing is a "yes"' in point.record()["words"]


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(0, 60),
    people=st.integers(1, 4),
    asked=st.sampled_from([0.01, 1, 30, 1000]),
    carded=st.booleans(),
    value=st.sampled_from([None, 0.0, 1.0, -1.0]),
)
def test_verdicts_and_probabilities_are_in_order_whatever_the_trials(count, people, asked, carded, value):
    given_ = drawn(count, people)
    if value is not None:  # vectors of zeros, or clips that are all alike
        given_ = trials(np.full(count, value), np.full(count, value), people)
    point = operating_point(given_, people, asked, CARD_OF_A_MODEL if carded else None)
    assert (point.maybe <= point.yes).all()
    cosines = np.linspace(-1, 1, 21)
    for person in range(people):
        found = point.verdicts(cosines, np.full(21, person))
        assert set(found) <= set(VERDICTS)
        rank = np.array([VERDICTS.index(str(each)) for each in found])
        assert (np.diff(rank) <= 0).all()
        sure = point.probabilities(cosines, np.full(21, person))
        assert sure.dtype == np.float32 and np.isfinite(sure).all() and (np.diff(sure) >= 0).all()
    json.dumps(point.record(), allow_nan=False)


def test_impostors_that_are_all_alike_get_no_yes():
    point = operating_point(trials([1.0] * 50, [0.9] * 50), 1, 1, None)
    assert verdict(0.9, point) != "yes" and verdict(0.95, point) == "yes"


def test_few_trials_make_platts_curve_many_an_isotonic_one_too_few_a_stand_in():
    assert operating_point(drawn(9), 1, 1, None).record()["probabilities"] == STAND_IN
    assert operating_point(drawn(100), 1, 1, None).record()["probabilities"] == PLATT
    assert operating_point(drawn(1000), 1, 1, None).record()["probabilities"] == ISOTONIC
    few = operating_point(drawn(9), 1, 1, None)
    assert "too little data" in few.record()["words"] and few.record()["bins"] == []


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_probabilities_come_true(fit):
    rng = np.random.default_rng(0)
    right, wrong = rng.normal(1, 1, (2, 4000)), rng.normal(-1, 1, (2, 4000))
    curve = fit(right[0], wrong[0])
    found = judge(curve(np.concatenate([right[1], wrong[1]])), np.repeat([1, 0], 4000))
    assert found.error < 0.02
    assert sum(part["count"] for part in found.bins) == 8000
    skewed = curve(np.concatenate([right[1][:200], wrong[1]]))
    assert judge(skewed, np.repeat([1, 0], [200, 4000])).error > 0.05
    adjusted = curve.adjusted(np.concatenate([right[1][:200], wrong[1]]))
    truth = np.repeat([1, 0], [200, 4000])
    assert judge(adjusted(np.concatenate([right[1][:200], wrong[1]])), truth).error < 0.02
    assert curve.adjusted(np.zeros(0)) is curve


def test_bins_come_from_folds_that_the_curve_did_not_see():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=400)  # that say nothing
    found = reliability(scores[:200], scores[200:], np.arange(400) % 20)
    assert found is not None and found.brier == pytest.approx(0.25, abs=0.02)


def test_a_clip_more_like_another_person_is_no_right_one():
    given_ = drawn(100)
    rival = np.where(np.arange(100) < 95, 0.9, -1).astype(np.float32)
    found = operating_point(
        Trials(given_.genuine, given_.genuine_person, given_.impostor, given_.impostor_person, rival), 1, 1, None
    )
    assert found.record()["probabilities"] == STAND_IN  # five are left


def test_the_record_says_which_share_of_known_people_was_found():
    point = operating_point(drawn(300), 1, 1, None)
    cosines = np.concatenate([np.full(5, 0.7), np.full(95, 0.2)])
    assert point.record()["prior"] == 0.5
    assert point.adjusted(cosines, np.zeros(100, int)).record()["prior"] == pytest.approx(0.05, abs=0.01)
    assert point.with_prior(0.1).record()["prior"] == 0.1
    assert point.with_prior(0.1).probabilities(cosines[:1], [0]) < point.probabilities(cosines[:1], [0])


@pytest.mark.parametrize(
    ("rates", "cosines"),
    [((1e-2,), (0.2,)), ((1e-3, 1e-2), (0.2, 0.3)), ((1e-2, 1e-3), (0.3, 0.2)), ((1.5, 1e-3), (0.1, 0.2))],
)
def test_thresholds_of_a_card_that_make_no_sense_are_refused(rates, cosines):
    with pytest.raises(ValueError):
        CardThresholds(rates, cosines)


def test_impostors_of_this_run_are_named():
    assert operating_point(drawn(50), 1, 1, None).record()["from"] == IMPOSTORS
