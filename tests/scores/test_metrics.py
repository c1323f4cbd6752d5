"""MAP@100 against hand-computed values and a slow reference, and the ranking that it scores."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.scores.metrics import (
    LabelScore,
    average_precision,
    mean_average_precision,
    precision_by_rank,
    score,
)
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


@pytest.mark.parametrize("positives", [1, 99, 100, 101, 150, 400])
def test_it_is_divided_by_the_number_of_positives_however_many(positives):
    names = [f"c{i}" for i in range(positives)]
    ap, found = average_precision(names, frozenset(names))
    assert found == min(positives, 100)
    assert ap == pytest.approx(min(positives, 100) / positives)  # 1 is out of reach for more than 100
    (scored,) = score({3: names}, {3: names})
    assert scored == LabelScore(3, ap, positives, found)


def test_without_positives_there_is_no_average_precision():
    with pytest.raises(ValueError, match=r"^average precision without positives is undefined$"):
        average_precision(["a"], frozenset())


def test_labels_of_the_truth_decide_the_mean():
    scores = score({1: ["a"], 7: ["b"], 9: ["z"]}, {1: ("a",), 2: ("b",), 9: ()})
    assert [(item.label, item.ap, item.positives, item.found) for item in scores] == [(1, 1.0, 1, 1), (2, 0.0, 1, 0)]
    assert mean_average_precision(scores) == 0.5
    assert mean_average_precision([]) == 0


def slow_precision(ranked: list[str], positives: set[str], rank: int) -> float:
    return sum(name in positives for name in ranked[:rank]) / rank


labels_and_clips = st.dictionaries(st.integers(1, 6), st.lists(st.integers(0, 30), unique=True, max_size=12))


@settings(deadline=None)
@given(labels_and_clips, labels_and_clips)
def test_precision_at_each_rank_is_the_plain_mean_over_the_labels_with_clips(ranking, truth):
    ranking, truth = ({label: [f"c{i}" for i in clips] for label, clips in given.items()} for given in (ranking, truth))
    mean, best = precision_by_rank(ranking, truth)
    assert mean.shape == best.shape == (100,)
    labels = [label for label, clips in truth.items() if clips]
    for rank in range(1, 101):
        each = [slow_precision(ranking.get(label, []), set(truth[label]), rank) for label in labels]
        perfect = [slow_precision(truth[label], set(truth[label]), rank) for label in labels]
        assert mean[rank - 1] == pytest.approx(np.mean(each) if labels else 0)
        assert best[rank - 1] == pytest.approx(np.mean(perfect) if labels else 0)


def test_ranks_after_the_hundredth_do_not_count():
    names = [f"c{i}" for i in range(150)]
    mean, best = precision_by_rank({1: names}, {1: names[::-1]})
    np.testing.assert_array_equal(mean, np.ones(100))
    np.testing.assert_array_equal(best, np.ones(100))


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


def test_a_clip_is_entered_for_its_best_of_many_classes():
    """More classes than 200, of values that come several times."""
    scores = (np.random.default_rng(0).integers(0, 150, (4, 500)) / 150).astype(np.float32)
    names = [f"{number}.mp4" for number in range(len(scores))]
    ranking = Ranking(500)
    ranking.add(names, scores)
    assert ranking.result() == slow_ranking(names, scores.tolist(), 200, 100)


def test_worse_entries_are_dropped_when_more_than_so_many_have_gathered(monkeypatch):
    from rcnn.config import config

    monkeypatch.setattr("rcnn.scores.ranking.COMPACT_FACTOR", 3)
    monkeypatch.setitem(config.SUBMIT, "CLIPS_PER_LABEL", 2)
    ranking = Ranking(3)
    limit = 3 * 2 * 1000 // 2  # clips, each entered for two labels
    for start in (0, limit + 1):
        for number in range(start, start + limit + 1, limit // 4):
            batch = range(number, min(number + limit // 4, start + limit + 1))
            ranking.add([f"{clip:06d}" for clip in batch], np.full((len(batch), 3), 0.5, np.float32))
            assert len(ranking.names) == (2 if batch[-1] == start + limit else batch[-1] + 1 - start + 2 * (start > 0))
    assert ranking.result() == {label: ["000000", "000001"] for label in (1, 2)}


def test_a_ranking_holds_no_more_than_it_needs(monkeypatch):
    monkeypatch.setattr("rcnn.scores.ranking.COMPACT_FACTOR", 0.001)
    ranking = Ranking(5)
    for start in range(0, 5000, 100):
        ranking.add([f"{start + i:06d}" for i in range(100)], np.full((100, 5), 0.5, np.float32))
    assert len(ranking.names) <= 200
    assert ranking.result() == {label: [f"{i:06d}" for i in range(100)] for label in (1, 2, 3, 4)}
