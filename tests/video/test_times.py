"""When frames are shown, and which are looked at: whatever times a file has."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from av.format import Flags
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rcnn.video.clock import JITTER, LEAP, Clock
from rcnn.video.looks import AHEAD, AtRate, Skipper

UNIT = Fraction(1, 90_000)


def clock(
    start: int | None = 0, begins_anew: bool = False, rate: Fraction = Fraction(25), unit: Fraction = UNIT
) -> Clock:
    stream = SimpleNamespace(
        time_base=unit, start_time=start, average_rate=rate, guessed_rate=rate, base_rate=rate, duration=None
    )
    flags = Flags.ts_discont.value if begins_anew else 0
    microseconds = None if start is None else round(start * UNIT * 1_000_000)
    return Clock(SimpleNamespace(format=SimpleNamespace(flags=flags, name="x"), start_time=microseconds), stream)


def times_of(ours: Clock, stamps: list[int | None]) -> list[Fraction]:
    return [ours.seconds(ours.tick(stamp)) for stamp in stamps]


stamps = st.lists(st.none() | st.integers(-(1 << 40), 1 << 40), min_size=1, max_size=60)


@settings(deadline=None)
@given(stamps, st.none() | st.integers(-(1 << 33), 1 << 33), st.booleans())
def test_times_never_go_backwards_and_never_begin_before_the_file(pts, start, begins_anew):
    ours = clock(start, begins_anew)
    times = times_of(ours, pts)
    assert times == sorted(times)
    assert times[0] >= 0
    assert ours.end == times[-1] + ours.step


def test_times_are_exact():
    ours = clock(3003, rate=Fraction(30_000, 1001))
    assert times_of(ours, [3003 * number for number in range(1, 5)]) == [Fraction(1001 * n, 30_000) for n in range(4)]


def test_frames_without_times_follow_at_the_rate():
    ours = clock(None, rate=Fraction(24_000, 1001))
    assert times_of(ours, [None] * 3) == [0, Fraction(1001, 24_000), Fraction(2002, 24_000)]


def test_a_stream_that_begins_anew_goes_on():
    ours = clock(begins_anew=True)
    stamps = [3600 * number for number in range(25)]
    leap = (LEAP + 2) * 90_000
    times = times_of(ours, [*stamps, *stamps, leap, leap + 3600])
    assert times == [Fraction(number, 25) for number in range(52)]


def test_a_pause_is_a_pause_where_nothing_begins_anew():
    ours = clock()
    assert times_of(ours, [0, 90_000 * 100]) == [0, 100]


def test_small_steps_backwards_are_none():
    ours = clock()
    assert times_of(ours, [9000, 9000 - int(JITTER * 90_000), 12_600]) == [Fraction(1, 10)] * 2 + [Fraction(14, 100)]


rates = st.fractions(min_value=Fraction(1, 10), max_value=500, max_denominator=1001)
gaps = st.lists(st.integers(1, 20_000), min_size=1, max_size=200)


@settings(deadline=None)
@given(rates, gaps)
def test_the_first_frame_at_or_after_each_multiple_is_looked_at(rate, steps):
    ours = clock()
    stamps = [int(at) for at in np.cumsum([0, *steps])]
    times = [at * UNIT for at in stamps]
    looks = AtRate(rate, ours)
    found = [number for number, stamp in enumerate(stamps) if looks(number, ours.raw(stamp))]
    slack = UNIT / 2
    due = Fraction(0)
    expected = []
    for number, time in enumerate(times):
        if time + slack >= due:
            expected.append(number)
            while due <= time + slack:
                due += 1 / rate
    assert found == expected
    assert len(found) <= len(times)


@pytest.mark.parametrize("unit", [Fraction(1, 1000), Fraction(1, 90_000)])
def test_what_a_container_rounds_makes_no_look_late(unit):
    ours = clock(unit=unit)
    looks = AtRate(Fraction(3), ours)
    ticks = [ours.raw(round(Fraction(number, 30) / unit)) for number in range(60)]
    assert [number for number, tick in enumerate(ticks) if looks(number, tick)] == [0, 10, 20, 30, 40, 50]


@settings(deadline=None)
@given(rates, gaps, st.randoms(use_true_random=False), st.integers(1, 16))
def test_what_is_skipped_is_not_looked_at_and_is_counted(rate, steps, random, reordering):
    """Packets in an order in which a decoder has to hold back up to `reordering` frames."""
    stamps = [int(at) for at in np.cumsum([0, *steps])]
    order, rest = [], list(stamps)
    while rest:
        order.append(rest.pop(random.randrange(min(len(rest), reordering))))
    ours = clock()
    skipper = Skipper(AtRate(rate, ours), ours)
    packets = [SimpleNamespace(pts=stamp, is_discard=False) for stamp in order]
    assume(all(order.index(stamp) - place <= AHEAD for place, stamp in enumerate(stamps)))  # as in real streams
    decoded = [packet.pts for packet in skipper.ahead(packets) if skipper.wants(packet) or random.random() < 0.3]
    final = AtRate(rate, ours)
    needed = [number for number, stamp in enumerate(stamps) if final(number, ours.raw(stamp))]
    assert {stamps[number] for number in needed} <= set(decoded)
    number = 0
    for stamp in sorted(decoded):
        number += len(skipper.skipped(stamp)) + 1
        assert stamps[number - 1] == stamp
    assert number + len(skipper.skipped(None)) == len(stamps)
