"""MAP@100 against hand-computed values and a slow reference, and the ranking that it scores."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.scores.metrics import average_precision, mean_average_precision, precision_by_rank, score
from rcnn.scores.ranking import Ranking


def test_average_precision_by_hand():
    # found at ranks 1, 3 and 4 of five positives: (1/1 + 2/3 + 3/4) / 5
    ranked = ["a", "x", "b", "c", "y"]
    ap, found = average_precision(ranked, frozenset("abcde"))
    assert ap == pytest.approx((1 + 2 / 3 + 3 / 4) / 5)
    assert found == 3


def test_a_clip_that_is_ranked_twice_is_refused():
    with pytest.raises(ValueError, match="'b' is ranked twice"):
        average_precision(["a", "b", "b"], frozenset("ab"))
    with pytest.raises(ValueError, match="'b' is ranked twice"):
        precision_by_rank({1: ["b", "a", "b"]}, {1: ["a"]})
    assert average_precision([f"x{i}" for i in range(100)] + ["x1"], frozenset("a")) == (0, 0)


@pytest.mark.parametrize("names", [["a", "a"], ["b", "a"]])
def test_a_clip_that_is_entered_twice_or_too_late_is_refused(names):
    with pytest.raises(ValueError, match="once each, sorted by name"):
        Ranking(3).add(names, np.ones((2, 3)))
    ranking = Ranking(3)
    ranking.add(names[:1], np.ones((1, 3)))
    with pytest.raises(ValueError, match="once each, sorted by name"):
        ranking.add(names[1:], np.ones((1, 3)))


def test_only_the_first_hundred_count():
    ranked = [f"x{i}" for i in range(100)] + ["a"]
    assert average_precision(ranked, frozenset("a")) == (0, 0)
    assert average_precision(ranked[1:], frozenset("a"))[0] == pytest.approx(1 / 100)


@given(st.permutations([f"c{i}" for i in range(12)]), st.sets(st.integers(0, 15), min_size=1))
def test_average_precision_is_the_formula(ranked, positives):
    truth = frozenset(f"c{i}" for i in positives)
    total = 0.0
    for rank in range(1, len(ranked) + 1):
        if ranked[rank - 1] in truth:
            total += len(truth & set(ranked[:rank])) / rank
    assert average_precision(ranked, truth)[0] == pytest.approx(total / len(truth))


def test_labels_of_the_truth_decide_the_mean():
    scores = score({1: ["a"], 7: ["b"], 9: ["z"]}, {1: ("a",), 2: ("b",), 9: ()})
    assert [(item.label, item.ap, item.positives, item.found) for item in scores] == [(1, 1.0, 1, 1), (2, 0.0, 1, 0)]
    assert mean_average_precision(scores) == 0.5


def slow_ranking(names, scores, per_clip, per_label):
    entries: dict[int, list[tuple[float, str]]] = {}
    for name, row in zip(names, scores, strict=True):
        people = sorted(range(1, len(row)), key=lambda label: (-row[label], label))[:per_clip]
        for label in people:
            if row[label] > 0:
                entries.setdefault(label, []).append((-row[label], name))
    return {label: [name for _, name in sorted(clips)[:per_label]] for label, clips in sorted(entries.items())}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 9), st.integers(1, 4), st.integers(1, 6))
def test_ranking_is_the_plain_one_with_ties_and_in_any_batches(seed, clips, classes, per_clip, per_label):
    from rcnn.config import config
    from rcnn.scores import ranking

    generator = np.random.default_rng(seed)
    scores = (generator.integers(0, 4, (clips, classes)) / 4).astype(np.float32)  # many ties, many zeros
    names = [f"clip{i:03d}" for i in range(clips)]
    before = dict(config.SUBMIT), ranking.COMPACT_FACTOR
    try:
        config.SUBMIT.CLASSES_PER_CLIP, config.SUBMIT.CLIPS_PER_LABEL = per_clip, per_label
        ranking.COMPACT_FACTOR = 0.01  # drop the worse entries often
        found = Ranking(classes)
        at = 0
        while at < clips:
            step = random.Random(seed + at).randint(1, 20)
            found.add(names[at : at + step], scores[at : at + step])
            at += step
        result = found.result()
    finally:
        config.SUBMIT.update(before[0])
        ranking.COMPACT_FACTOR = before[1]
    assert result == slow_ranking(names, scores.tolist(), per_clip, per_label)
    assert list(result) == sorted(result)
    assert 0 not in result


def test_a_ranking_holds_no_more_than_it_needs(monkeypatch):
    monkeypatch.setattr("rcnn.scores.ranking.COMPACT_FACTOR", 0.001)
    ranking = Ranking(5)
    for start in range(0, 5000, 100):
        ranking.add([f"{start + i:06d}" for i in range(100)], np.full((100, 5), 0.5, np.float32))
    assert len(ranking.names) <= 200
    assert ranking.result() == {label: [f"{i:06d}" for i in range(100)] for label in (1, 2, 3, 4)}
