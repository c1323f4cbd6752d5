"""Frame rates as exact fractions, times as frame numbers, and rates with a timecode."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

NTSC = 1001  # 29.97 is 30000/1001: SMPTE ST 12-1
DROP_RATES = frozenset({Fraction(30000, NTSC), Fraction(60000, NTSC)})  # rates with drop-frame timecode, ST 12-1
TIMECODE_RATES = sorted(  # without 47.952: OpenTimelineIO restarts its day too early
    [*map(Fraction, (24, 25, 30, 48, 50, 60)), *(Fraction(rate * 1000, NTSC) for rate in (24, 30, 60))]
)
UNKNOWN_RATE = Fraction(25)  # of a video without a rate
HALF = Fraction(1, 2)
SNAP = Fraction(1, 20)  # of a frame: tolerance, because Matroska rounds times to milliseconds


@lru_cache(maxsize=4096)
def source_rate(fps: float, seconds: float) -> Fraction:
    """Frames per second as a fraction.

    Whole and half rates and n/1001 are exact. Any other rate is taken as a measured mean: it is replaced by the nearest
    common rate if both give the same number of frames, within half a frame, over the whole length; else kept.

    Parameters
    ----------
    fps : 0 if unknown
    seconds : length of the video, 0 if unknown
    """
    if fps <= 0:
        return UNKNOWN_RATE
    mean = Fraction(fps).limit_denominator(NTSC)
    if mean and mean.denominator in (1, 2, NTSC) and float(mean) == fps:
        return mean
    nearest = min([*TIMECODE_RATES, Fraction(max(1, round(fps)))], key=lambda rate: abs(rate - Fraction(fps)))
    if abs(nearest - Fraction(fps)) * max(Fraction(1), Fraction(seconds)) < HALF:
        return nearest
    return mean or UNKNOWN_RATE


@lru_cache(maxsize=4096)
def timecode_rate(rate: Fraction) -> Fraction:
    """The timecode rate for a video of any rate.

    The smallest multiple of the rate (15: 30), else its largest divisor (120: 60), else the nearest.
    """
    finer = (known for known in TIMECODE_RATES if (known / rate).denominator == 1)
    coarser = (known for known in reversed(TIMECODE_RATES) if (rate / known).denominator == 1)
    nearest = min(TIMECODE_RATES, key=lambda known: abs(known - rate))
    return next(finer, next(coarser, nearest))


def frame_range(start: float, end: float, rate: Fraction) -> tuple[int, int]:
    """First frame, counted from 0, and number of frames, at least 1, that cover the time from start to end.

    The start is rounded down and the end up; times within `SNAP` of a frame boundary are rounded to it.
    """
    first = max(0, floor(Fraction(start) * rate + SNAP))
    return first, max(1, ceil(Fraction(end) * rate - SNAP) - first)


def frame_at(time: float, rate: Fraction) -> int:
    """The frame shown at a time, counted from 0."""
    return max(0, floor(Fraction(time) * rate + SNAP))


def rate_name(rate: Fraction) -> str:
    """In common notation: 25, 29.97, 23.976."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")
