"""The accounts: whatever dies in whatever order, each item comes back once, in order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.workers.jobs import Death
from rcnn.workers.ledger import CLIP_DEATHS, CLIP_HANGS, GROUP_DEATHS, Ledger


def run(groups, killers, seed, workers=3, threads=2, ahead=5, outside=0.0):
    """Results, and how many groups were begun and not handed back at most; workers die of killers, or at random."""
    rng = random.Random(seed)
    ledger = Ledger(iter(groups), lambda item, reason: ("lost", item))
    hands = {worker: [] for worker in range(workers)}
    results, most = [], 0
    while True:
        for hand in hands.values():
            while len(hand) <= threads and not any(unit.alone for unit in hand):
                unit = ledger.take(not hand, ahead)
                if unit is None:
                    break
                hand.append(unit)
        results += ledger.ready()
        most = max(most, len(ledger._line))
        if ledger.finished:
            return results, most
        if not any(hands.values()):
            continue  # there is room again
        hand = rng.choice([hand for hand in hands.values() if hand])
        unit = hand[rng.randrange(min(threads, len(hand)))]
        if killers & set(unit.items) or rng.random() < outside:
            ledger.died(list(hand), threads, Death(0, "signal 9", blame=bool(killers & set(unit.items))))
            hand.clear()
        else:
            hand.remove(unit)
            ledger.done(unit, [("done", item) for item in unit.items])


@settings(max_examples=60)
@given(st.lists(st.integers(1, 5), max_size=12), st.sets(st.integers(0, 40), max_size=5), st.integers(0, 99))
def test_each_item_comes_back_once_and_only_killers_are_lost(sizes, killers, seed):
    numbers = iter(range(100))
    groups = [[next(numbers) for _ in range(size)] for size in sizes]
    results, most = run(groups, killers, seed, outside=0.2)
    assert [list(items) for items, _ in results] == groups
    for items, found in results:
        assert found == [("lost" if item in killers else "done", item) for item in items]
    assert most <= 5


def ledger_of(*groups):
    return Ledger(iter(groups), lambda item, reason: reason)


def test_a_group_is_taken_apart_and_its_clips_are_tried_alone():
    ledger = ledger_of([1, 2], [3])
    for _ in range(GROUP_DEATHS):
        ledger.died([ledger.take(True, 9)], 1, Death(0, "signal 11"))
    first = ledger.take(True, 9)
    assert (first.items, first.alone) == ([1], True)
    assert ledger.take(False, 9) is None  # the other clip waits for a worker without work
    ledger.done(first, ["one"])
    for _ in range(CLIP_DEATHS):
        ledger.died([ledger.take(True, 9)], 1, Death(0, "signal 11"))
    assert list(ledger.ready()) == [([1, 2], ["one", "killed its worker 3 times (signal 11)"])]
    assert ledger.take(True, 9).items == [3]


def test_only_the_unit_that_hung_is_blamed_and_a_clip_that_hangs_twice_is_given_up():
    ledger = ledger_of([1], [2])
    for _ in range(GROUP_DEATHS):
        hand = [ledger.take(True, 9), ledger.take(False, 9)]
        assert [list(unit.items) for unit in hand] == [[1], [2]]
        ledger.died(hand, 2, Death(0, "no progress", hung=True, unit=hand[0].number))
    assert hand[1].deaths == 0
    for _ in range(CLIP_HANGS):
        alone = ledger.take(True, 9)
        assert (alone.items, alone.alone) == ([1], True)
        ledger.died([alone], 2, Death(0, "no progress", hung=True, unit=alone.number))
    assert list(ledger.ready()) == [([1], ["hung its worker 2 times (no progress)"])]
    assert ledger.take(True, 9).items == [2]


def test_a_lost_machine_and_what_was_not_begun_count_for_nothing():
    ledger = ledger_of([1], [2])
    for _ in range(10):
        ledger.died([ledger.take(True, 9)], 1, Death(0, "its node was lost", blame=False))
    begun, waiting = ledger.take(True, 9), ledger.take(False, 9)
    ledger.died([begun, waiting], 1, Death(0, "signal 9"))
    assert (begun.deaths, waiting.deaths) == (1, 0)


def test_an_error_comes_in_its_turn_and_nothing_is_begun_after_it():
    ledger = ledger_of([1], [2], [3])
    first, second = ledger.take(True, 9), ledger.take(True, 9)
    ledger.failed(second, ValueError("two"))
    assert list(ledger.ready()) == []
    assert ledger.take(True, 9) is None
    ledger.done(first, ["one"])
    ready = ledger.ready()
    assert next(ready) == ([1], ["one"])
    with pytest.raises(ValueError, match="two"):
        next(ready)


def test_a_wrong_number_of_results_is_noticed():
    ledger = ledger_of([1, 2])
    with pytest.raises(ValueError, match="1 results of 2 items"):
        ledger.done(ledger.take(True, 9), ["one"])
