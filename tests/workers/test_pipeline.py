"""Work on threads: the order of results, how far it runs ahead, and what becomes of errors."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE, wait_for

from rcnn.workers.pipeline import cores, groups, ordered_map


@given(st.lists(st.integers()), st.integers(1, 7))
def test_groups_are_the_items_cut_into_pieces(items, size):
    cut = list(groups(items, size))
    assert [item for group in cut for item in group] == items
    assert all(len(group) == size for group in cut[:-1])
    assert all(cut)


@given(st.lists(st.floats(0, 0.003), max_size=20), st.integers(1, 4), st.integers(1, 9))
def test_results_come_in_the_order_of_the_items(pauses, workers, ahead):
    def wait(item: tuple[int, float]) -> int:
        time.sleep(item[1])
        return item[0]

    assert list(ordered_map(wait, enumerate(pauses), workers, ahead)) == list(range(len(pauses)))


@pytest.mark.parametrize("ahead", [1, 3, 8])
def test_no_more_is_begun_than_allowed(ahead):
    begun = []
    results = ordered_map(lambda item: begun.append(item) or item, range(100), 4, ahead)
    for taken, result in enumerate(results):
        assert result == taken
        assert len(begun) <= taken + ahead
        if taken == 20:
            time.sleep(0.05)  # time to run ahead, if anything would
            assert len(begun) <= taken + ahead


def test_workers_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=PATIENCE)
    assert list(ordered_map(lambda item: meeting.wait() >= 0, range(6), 3, 6)) == [True] * 6


def test_an_error_comes_in_its_turn_and_ends_the_work():
    begun = []

    def step(item: int) -> int:
        begun.append(item)
        if item == 5:
            raise ValueError("five")
        return item

    results = ordered_map(step, range(1000), 2, 4)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)
    assert len(begun) <= 5 + 4


def test_leaving_early_stops_the_threads():
    before = threading.active_count()
    for result in ordered_map(lambda item: item, range(1000), 4, 8):
        if result == 3:
            break
    del result
    wait_for(lambda: threading.active_count() <= before, "the end of the threads")


def test_there_is_a_core():
    assert cores() >= 1
