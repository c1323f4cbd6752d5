"""benchmarks/scheduling.py: the simulated crew loses nothing and is never faster than arithmetic allows."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.scale import Plan, size
from benchmarks.scheduling import START_SECONDS, Setting, service_times, simulate


@given(
    st.integers(1, 9), st.integers(1, 60), st.integers(1, 5), st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.01]),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_every_group_is_written_once(workers, groups, ahead, slow, deaths, ordered, seed):
    setting = Setting(workers, groups, ahead, slow=slow, deaths=deaths, ordered=ordered, seed=seed)
    outcome = simulate(setting)
    assert outcome.written == groups
    assert outcome.again == 0 or deaths
    assert outcome.seconds >= START_SECONDS + service_times(groups, seed).sum() / workers - 1e-6
    assert 0 < outcome.busy <= 1


def test_one_worker_takes_the_sum():
    outcome = simulate(Setting(1, 50, write=0.0))
    assert outcome.seconds == pytest.approx(START_SECONDS + service_times(50, 0).sum())


def test_a_slow_driver_is_what_the_run_takes():
    outcome = simulate(Setting(64, 500, write=1.0))
    assert outcome.seconds >= 500


def test_room_ahead_helps_against_a_straggler():
    seconds = [simulate(Setting(16, 960, ahead, slow=1 / 16)).seconds for ahead in (2, 4, 16)]
    assert seconds == sorted(seconds, reverse=True) and seconds[0] > 1.5 * seconds[-1]


def test_a_plan_grows_with_its_data_set():
    one, many = Plan(1), Plan(1000)
    assert many.gpu_hours == pytest.approx(1000 * one.gpu_hours)
    assert one.stage_bytes()["predict: scores of all classes"] == pytest.approx(172_835 * 4_935 * 4)
    assert size(3.41e9) == "3.41 GB" and size(2e18) == "2e+03 PB"
