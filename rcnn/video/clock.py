"""When frames are shown: presentation times in seconds from the start of the file, exact."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, lcm

from av.container import InputContainer
from av.format import Flags
from av.video.stream import VideoStream

MICROSECONDS = 1_000_000  # FFmpeg's unit of a container's times (AV_TIME_BASE)
JITTER = Fraction(1, 4)  # seconds that a time may be before the last one and still count as equal; more is a restart
LEAP = 10  # seconds; a longer pause in a broadcast is a restart (ffmpeg's -dts_delta_threshold)
ROUNDED_SECONDS = Fraction(1, MICROSECONDS)  # tolerance for times that were written with six digits
FASTEST = 1000  # frames a second, more is not a rate but a unit of time
DOUBT = 10  # relative tolerance between a rate and the mean of the times
DENOMINATOR = 1001  # largest of a rate
UNKNOWN_RATE = Fraction(25)  # FFmpeg's own guess
# Containers with a length in their header. For others FFmpeg estimates it from the contents.
PROMISING = {"mov", "matroska", "avi", "flv", "asf"}


class Clock:
    """Gives each frame of a stream its time.

    Times never go backwards. If the stream restarts in the middle, as in joined broadcasts, they continue as if it had
    not; a frame without a time follows the one before it at the stream's rate.

    Parameters
    ----------
    container, stream : before the first packet is read

    Attributes
    ----------
    unit : seconds in which the container counts
    rate, step : frames per second, seconds per frame, as given by the stream
    ticks : number per second; every time is a whole number of them
    begins_anew : whether the container is one for broadcasts, which may be joined
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.unit = stream.time_base or Fraction(1, MICROSECONDS)
        self.rate = frame_rate(stream)
        self.step = 1 / self.rate
        self.begins_anew = bool(container.format.flags & Flags.ts_discont.value)  # type: ignore[operator]
        start = file_start(container, stream)
        # All times are whole numbers of ticks: sums of fractions would cost a tenth of the decoding of small videos
        self.ticks = lcm(self.unit.denominator, start.denominator, self.step.denominator, JITTER.denominator)
        self._unit, self._step, self._start = (int(time * self.ticks) for time in (self.unit, self.step, start))
        self._jitter, self._leap = int(JITTER * self.ticks), LEAP * self.ticks
        self._shift = 0
        self._first: int | None = None
        self._last: int | None = None

    @property
    def has_begun_anew(self) -> bool:
        """Whether times no longer equal `raw`."""
        return self._shift != 0

    def seconds(self, tick: int) -> Fraction:
        """Seconds from the start of the file."""
        return Fraction(tick, self.ticks)

    def raw(self, pts: int) -> int:
        """The tick of a presentation time stamp, if the stream does not restart before it."""
        return pts * self._unit - self._start

    def tick_of(self, seconds: float) -> int:
        """The first tick not before a time from the start of the file, up to decimal rounding."""
        return max(0, ceil((Fraction(seconds) - ROUNDED_SECONDS) * self.ticks))

    def stamp(self, tick: int) -> int:
        """The first presentation time stamp that is not before a tick; the inverse of `raw`."""
        return -(-(tick + self._start) // self._unit)

    @property
    def last(self) -> int | None:
        """The tick of the frame before, None before the first."""
        return self._last

    def begin(self, tick: int) -> None:
        """The span starts with the frame of this tick."""
        self._first = tick

    def end_with(self, tick: int | None) -> None:
        """The span ended with the frame of this tick."""
        self._last = tick

    def tick(self, pts: int | None) -> int:
        """The time of the next frame in the order of presentation, in ticks from the start of the file."""
        last = self._last or 0
        due = 0 if self._last is None else last + self._step
        if pts is None:
            time = due
        else:
            time = pts * self._unit - self._start + self._shift
            leaps = self.begins_anew and self._last is not None and time > last + self._leap
            if time < last - self._jitter or leaps:
                self._shift += due - time
                time = due
            time = max(time, last)
        self._last = time
        if self._first is None:
            self._first = time
        return time

    def pass_over(self, count: int) -> None:
        """Count frames that were not decoded."""
        if self._last is not None:
            self._last += count * self._step

    def mean_rate(self, frames: int) -> Fraction:
        """Frames per second, after the last frame: the stream's value, unless its frames disagree."""
        if self._first is None or self._last is None or self._last == self._first:
            return self.rate
        mean = Fraction((frames - 1) * self.ticks, self._last - self._first)
        return self.rate if abs(mean - self.rate) <= self.rate / DOUBT else mean.limit_denominator(DENOMINATOR)

    @property
    def end(self) -> Fraction:
        """The end of the last frame."""
        return Fraction(0) if self._last is None else Fraction(self._last + self._step, self.ticks)


def frame_rate(stream: VideoStream) -> Fraction:
    """Frames per second: the mean, or the codec's value in a file without times."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    if stream.start_time is None:
        rates = rates[1:] + rates[:1]
    return next((rate for rate in rates if rate and 0 < rate <= FASTEST), UNKNOWN_RATE)


def file_start(container: InputContainer, stream: VideoStream) -> Fraction:
    """The earliest time of any stream, seconds: what a player shows as 0."""
    own = None if stream.start_time is None else stream.start_time * (stream.time_base or Fraction(0))
    if container.start_time is None:
        return own or Fraction(0)
    start = Fraction(container.start_time, MICROSECONDS)
    return own if own is not None and abs(own - start) * MICROSECONDS <= 1 else start  # it was rounded


def promised_seconds(container: InputContainer, stream: VideoStream) -> Fraction:
    """Length promised by the header of the container, 0 if it has none."""
    if not PROMISING & set(container.format.name.split(",")):
        return Fraction(0)
    if stream.duration and stream.start_time is not None and stream.time_base:
        return (stream.start_time + stream.duration) * stream.time_base - file_start(container, stream)
    seconds = Fraction(container.duration or 0, MICROSECONDS)
    if "matroska" in container.format.name and seconds:  # which counts from 0, wherever the first frame is
        seconds = max(Fraction(0), seconds - file_start(container, stream))
    return seconds


def promised_frames(stream: VideoStream) -> int:
    """Number of frames promised by the container, 0 if it has none.

    The number in the header includes samples that an edit list leaves out, and empty chunks of AVI files, which repeat
    a frame.
    """
    entries = list(stream.index_entries)
    if len(entries) < stream.frames or not stream.frames:
        return stream.frames
    return sum(entry.size > 0 and not entry.is_discard for entry in entries)
