"""Workers that hang or are stopped are replaced; those that were stopped together with their driver are not."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import pytest
from jobs import Doubling, Measuring
from test_processes import alive, pids, right

from rcnn.workers import awake
from rcnn.workers.crew import PoolCrew
from rcnn.workers.life import beat
from rcnn.workers.pipeline import groups
from rcnn.workers.processes import ProcessPool
from rcnn.workers.watch import LIMITS, Limits, Watch

SOON = Limits(silent=3.0, hung=0.3, poll=0.05)  # a false alarm on a busy machine costs a test time, nothing else


def crew_of(job, limits, workers=2, threads=1):
    return PoolCrew(job, ProcessPool(job, [None] * workers, threads, limits), 2)


def pairs(crew, count=20):
    return [pair for group, results in crew.map(groups(range(count), 4)) for pair in zip(group, results, strict=True)]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_clip_that_hangs_once_is_done_again(tmp_path, capsys, threads):
    with crew_of(Doubling(str(tmp_path), hangs=((6, 1),)), SOON, threads=threads) as crew:
        assert pairs(crew) == right()
    error = capsys.readouterr().err
    assert "hangs (no progress for 0 s); it is killed and replaced" in error


def test_a_clip_that_always_hangs_is_given_up_and_its_neighbours_are_not(tmp_path):
    with crew_of(Doubling(str(tmp_path), hangs=((6, 99),)), SOON) as crew:
        found = pairs(crew)
    assert found[6] == (6, "hung its worker 2 times (no progress for 0 s)")
    assert [pair for pair in found if pair[0] != 6] == right(lost=(6,))
    assert len((tmp_path / "item-6").read_text().splitlines()) == 4  # twice in its group, twice alone
    assert not any(map(alive, pids(tmp_path)))


def test_native_code_that_keeps_the_lock_is_noticed(tmp_path, capsys):
    with crew_of(Doubling(str(tmp_path), locks=((6, 1),)), Limits(silent=3.0, poll=0.05)) as crew:
        assert pairs(crew) == right()
    assert "hangs (no sign of life for 3 s)" in capsys.readouterr().err


def test_a_stopped_worker_is_replaced_though_it_was_to_be_told_more_than_a_pipe_holds(capsys):
    with crew_of(Measuring(), Limits(silent=3.0, poll=0.05), workers=1) as crew:
        crew.start()
        (stopped,) = crew._pool.pids
        os.kill(stopped, signal.SIGSTOP)
        items = [bytes(8 << 20), bytes(1)]
        assert list(crew.map([items])) == [(items, [8 << 20, 1])]
        assert stopped not in crew._pool.pids and not alive(stopped)
    assert f"worker {stopped} hangs" in capsys.readouterr().err


def test_workers_that_slept_with_their_driver_are_kept(tmp_path, monkeypatch, capsys):
    """A laptop or container that slept, as the driver sees it: a moment later it is an hour later."""
    slept = 0.0
    monkeypatch.setattr(awake, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + slept))
    found = []
    with crew_of(Doubling(str(tmp_path), meets=((0, 2),)), Limits(poll=0.01)) as crew:
        for group, results in crew.map(groups(range(80), 4)):
            found += zip(group, results, strict=True)
            if len(found) == 40:
                first = crew._pool.pids
                for pid in first:
                    os.kill(pid, signal.SIGSTOP)
                assert crew._pool._hung() == []
                slept = 3600.0
                for _ in range(3):
                    assert crew._pool._hung() == []
                for pid in first:
                    os.kill(pid, signal.SIGCONT)
        assert crew._pool.pids == first
    assert found == right(80)
    assert capsys.readouterr().err == ""


def test_what_went_on_slowly_before_may_be_slow():
    watch = Watch(Limits(silent=10, hung=10, slower=3))
    assert watch.look(1, [1, 7, 1], 0) is None
    assert watch.look(1, [2, 7, 2], 9) is None  # a step took 9 s
    assert watch.look(1, [3, 7, 2], 18) is None
    assert watch.look(1, [4, 7, 2], 27) is None
    assert watch.look(1, [5, 7, 2], 36) is None  # 27 s
    found = watch.look(1, [6, 7, 2], 37)
    assert (found.unit, found.reason) == (7, "no progress for 27 s")


def test_who_has_nothing_to_do_does_not_hang_and_who_shows_nothing_does():
    watch = Watch(LIMITS)
    for now in range(0, 10**4, 200):
        assert watch.look(1, [now, 0, 5], now) is None
    assert watch.look(1, [now, 0, 5], now + LIMITS.silent) is None
    assert watch.look(1, [now, 0, 5], now + LIMITS.silent + 1).unit is None
    watch.forget(1)
    assert watch.look(1, [now, 0, 5], now + 10**6) is None


def test_a_beat_outside_of_workers_is_nothing():
    beat()
