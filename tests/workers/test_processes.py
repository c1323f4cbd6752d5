"""Worker processes: results, deaths, starts that fail, ends that leave nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from jobs import Doubling
from patience import PATIENCE, wait_for

from rcnn.errors import InputError
from rcnn.workers import Plan, open_crew
from rcnn.workers.pipeline import groups

DRIVER = """
import sys
sys.path[:0] = sys.argv[1:3]
from jobs import Doubling
from rcnn.workers import Plan, open_crew
from rcnn.errors import run_script
from rcnn.workers.pipeline import groups
from rcnn.workers.signals import until_stopped
def main():
    with open_crew(Doubling(sys.argv[3], seconds=0.05), Plan(-1, workers=2), 2) as crew:
        for group, _ in until_stopped(crew.map(groups(range(10**9), 2))):
            print(group, flush=True)
run_script(main, resumes=True)
"""


def doubled(job, count=20, workers=2):
    with open_crew(job, Plan(-1, workers=workers), 2) as crew:
        return [
            pair for group, results in crew.map(groups(range(count), 4)) for pair in zip(group, results, strict=True)
        ]


def right(count=20, lost=()):
    return [(item, 2 * item) for item in range(count) if item not in lost]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def pids(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("pid-")) for path in folder.glob("pid-*")]


def test_results_come_in_order_from_several_processes(tmp_path):
    assert doubled(Doubling(str(tmp_path), seconds=0.005, meets=((0, 2),))) == right()
    assert len(pids(tmp_path)) == 2
    assert os.getpid() not in pids(tmp_path)
    assert not any(map(alive, pids(tmp_path)))


def test_a_worker_that_is_killed_costs_nothing_but_time(tmp_path):
    job = Doubling(str(tmp_path), seconds=0.01, meets=((0, 2), (79, 4)))
    found = []
    with open_crew(job, Plan(-1, workers=2), 2) as crew:
        for group, results in crew.map(groups(range(80), 4)):
            found += zip(group, results, strict=True)
            if len(found) in (12, 40):
                os.kill(crew._pool.pids[0], signal.SIGKILL)
    assert found == right(80)
    assert len(pids(tmp_path)) == 4


def test_a_clip_that_always_kills_is_given_up_and_its_neighbours_are_not(tmp_path):
    found = doubled(Doubling(str(tmp_path), kills=((6, 99), (7, 2))))
    assert found[6] == (6, "killed its worker 3 times (signal 9)")
    assert [pair for pair in found if pair[0] != 6] == right(lost=(6,))
    assert len((tmp_path / "item-6").read_text().splitlines()) == 5  # twice in its group, three times alone


def test_an_error_of_the_step_comes_in_its_turn(tmp_path):
    got = []
    with (
        pytest.raises(InputError, match="-1: is not a number"),
        open_crew(Doubling(str(tmp_path)), Plan(-1, workers=2), 2) as crew,
    ):
        for group, _ in crew.map(iter([[0, 1], [2], [-1], [3]])):
            got.append(group)
    assert got == [[0, 1], [2]]


def test_a_job_that_can_not_be_built_is_one_line(tmp_path):
    with pytest.raises(InputError, match="model: is broken; fix it"):
        doubled(Doubling(str(tmp_path), start="fail"))


def test_workers_that_die_at_their_start_are_not_started_for_ever(tmp_path):
    with pytest.raises(InputError, match=r"died 3 times before it could start \(signal 9\)"):
        doubled(Doubling(str(tmp_path), start="die"), workers=1)


def test_a_machine_on_which_everything_dies_ends_the_run(tmp_path):
    with pytest.raises(InputError, match="30 workers died in a row"):
        doubled(Doubling(str(tmp_path), kills=tuple((item, 99) for item in range(40))), count=40)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nobody_is_left_when_the_driver_ends(tmp_path, number, code):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *map(str, Path(__file__).parents[:2]), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert driver.stdout.readline() == b"[0, 1]\n"
    wait_for(lambda: len(pids(tmp_path)) == 2)
    driver.send_signal(number)
    error = driver.communicate(timeout=PATIENCE)[1]
    assert driver.returncode == code
    assert b"Traceback" not in error
    wait_for(lambda: not any(map(alive, pids(tmp_path))), "the end of the workers")


def test_flags_that_do_not_go_together(tmp_path):
    job = Doubling(str(tmp_path))
    with pytest.raises(InputError, match="--decoders: are Ray actors"):
        open_crew(job, Plan(-1, workers=2, decoders=1), 2)
    with pytest.raises(InputError, match="Ray assigns the GPUs"):
        open_crew(job, Plan((0, 1), ray="local"), 2)


def test_workers_are_dealt_over_the_devices():
    assert Plan((0, 2)).devices == [0, 2]
    assert Plan((0, 2), workers=5).devices == [0, 2, 0, 2, 0]
    assert Plan(None, workers=2).devices == [None, None]
    assert Plan(3).in_process and not Plan(3, workers=1).in_process and not Plan((3,)).in_process
