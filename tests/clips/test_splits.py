"""Splits hang on each item alone: what joins moves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.dataset import TEST, TRAIN, VAL
from rcnn.clips.splits import Shares, read_splits, split_items, write_splits

People = list[dict[str, float]]
Pair = tuple[float, float]
SHARES = Shares(seed=0, val=0.25, test=0.25)
shares = st.tuples(st.floats(0, 0.9), st.floats(0.01, 0.9)).filter(lambda two: sum(two) < 1)


@st.composite
def people(draw: st.DrawFn) -> People:
    """A few people with up to eight items each, at least two, and a share of 0 to 1 of each item."""
    counts = draw(st.lists(st.integers(2, 8), min_size=1, max_size=5))
    share = st.floats(0, 1, exclude_max=True)
    return [{f"{person}/{item}": draw(share) for item in range(count)} for person, count in enumerate(counts)]


def part(draw: st.DrawFn, everybody: People) -> People:
    """Some of the people, each with some of the items, two at least."""
    chosen = []
    for mine in everybody:
        kept = draw(st.sets(st.sampled_from(sorted(mine))))
        if len(kept) >= 2:
            chosen.append({item: u for item, u in mine.items() if item in kept})
    return chosen


@st.composite
def grown(draw: st.DrawFn) -> list[People]:
    """A folder of people as it grows, in up to four steps."""
    steps = [draw(people())]
    for _ in range(draw(st.integers(1, 3))):
        steps.append(part(draw, steps[-1]))
    return [step for step in reversed(steps) if step]


@given(steps=grown(), two=shares)
def test_what_joins_moves_nothing_that_is_recorded(steps: list[People], two: Pair) -> None:
    kept: dict[str, str] = {}
    for step in steps:
        splits = split_items(step, kept, Shares(0, *two))
        assert {item: splits[item] for item in kept} == kept
        for mine in step:
            assert TRAIN in {splits[item] for item in mine}
        assert TEST in splits.values()
        assert splits.keys() == {item for mine in step for item in mine}
        kept = splits


@given(steps=grown(), two=shares)
def test_without_a_record_only_what_was_forced_may_move(steps: list[People], two: Pair) -> None:
    own = Shares(0, *two)
    before: dict[str, str] = {}
    for step in steps:
        splits = split_items(step, {}, own)
        hashes = {item: u for mine in step for item, u in mine.items()}
        moved = {item for item in before if splits[item] != before[item]}
        assert all(own.of(hashes[item]) in (before[item], splits[item]) for item in moved)
        forced = {item for item in splits if splits[item] != own.of(hashes[item])}
        assert len(forced) <= len(step) + 1, "one of each person to train, one of all to test"
        for item in moved - forced:
            assert before[item] != own.of(hashes[item]), "it goes back to where its hash puts it"
        before = splits


@given(everybody=people(), two=shares)
def test_the_order_of_people_and_items_means_nothing(everybody: People, two: Pair) -> None:
    turned = [dict(reversed(mine.items())) for mine in reversed(everybody)]
    assert split_items(everybody, {}, Shares(0, *two)) == split_items(turned, {}, Shares(0, *two))


def test_shares_are_kept_on_average() -> None:
    many = {str(number): (number + 0.5) / 1000 for number in range(1000)}
    splits = list(split_items([many], {}, Shares(0, val=0.2, test=0.3)).values())
    assert [splits.count(split) for split in (TEST, VAL, TRAIN)] == [300, 200, 500]


def test_the_forced_items_are_the_nearest() -> None:
    assert split_items([{"a": 0.1, "b": 0.2, "c": 0.3}], {}, SHARES) == {"a": TEST, "b": TEST, "c": TRAIN}
    assert split_items([{"a": 0.6, "b": 0.7}, {"c": 0.55}], {}, SHARES) == {"a": TEST, "b": TRAIN, "c": TRAIN}
    assert split_items([{"a": 0.3, "b": 0.9}], {}, SHARES) == {"a": TEST, "b": TRAIN}


def test_a_recorded_item_is_never_forced() -> None:
    kept = {"a": TEST, "b": VAL}
    assert split_items([{"a": 0.9, "b": 0.8}], kept, SHARES) == kept, "nothing trains rather than that one moves"
    assert split_items([{"a": 0.9, "b": 0.8, "c": 0.1}], kept, SHARES) == {**kept, "c": TRAIN}


def write_lists(root: Path) -> None:
    (root / "gt_v2").mkdir(parents=True)
    (root / "gt_v2/train_v2.txt").write_text("IQIYI_VID_TRAIN_aa.mp4 1\n")
    (root / "gt_v2/val_v2.txt").write_text("1 IQIYI_VID_VAL_bb.mp4\n")
    (root / "gt_v2/test_v2.txt").write_text("1 IQIYI_VID_TEST_cc.mp4 IQIYI_VID_TEST_dd.mp4\n")
    (root / "gt_v2/IQIYI_VID.txt").write_text("IQIYI_VID_TEST_stranger.mp4\n")


RECORDED = {"aa": TRAIN, "bb": VAL, "cc": TEST, "dd": TEST}


@pytest.mark.parametrize("where", [".", ".making"])
def test_splits_of_an_earlier_data_set_are_read(tmp_path: Path, where: str) -> None:
    assert read_splits(tmp_path, SHARES) == {}
    write_lists(tmp_path / where)
    assert read_splits(tmp_path, SHARES) == RECORDED, "strangers have no label, and are not among them"
    write_splits(tmp_path / where, SHARES)
    assert read_splits(tmp_path, SHARES) == RECORDED
    for other in (Shares(1, 0.25, 0.25), Shares(0, 0.2, 0.25), Shares(0, 0.25, 0.2)):
        assert read_splits(tmp_path, other) == {}


@pytest.mark.parametrize("text", ["", "[", "{}", "[" * 10000])
def test_a_damaged_record_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    write_lists(tmp_path)
    (tmp_path / "gt_v2/splits.json").write_text(text)
    assert read_splits(tmp_path, SHARES) == {}
    (tmp_path / "gt_v2/splits.json").unlink()
    (tmp_path / "gt_v2/train_v2.txt").write_text("one two three\n")
    assert read_splits(tmp_path, SHARES) == {}
    assert "all items get new splits" in capsys.readouterr().out
