"""Which frames are sampled ("looks"), and which need not be decoded for that."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from math import floor

from av.packet import Packet

from .clock import Clock

Looks = Callable[[int, int], bool]  # whether the frame with this number and tick of its clock is sampled

ROUNDED = Fraction(1, 1000)  # seconds; Matroska and FLV round to them, which must not delay a look by a frame
AHEAD = 32  # packets to read ahead of decoding: twice the frames that H.264 and HEVC may reorder
BEHIND = 4 * AHEAD  # times that are remembered
SKIPPING = {"h264", "hevc"}  # codecs that benefit: 21 to 26% of the time at 8 looks per second; others under 5%


def every(sampling: int) -> Looks:
    """Frame f, counted from 1, is sampled when f % sampling == 0."""
    return lambda number, tick: number % sampling == 0


class AtRate:
    """The first frame at or after each multiple of 1/rate seconds is sampled.

    Parameters
    ----------
    rate : sampled frames per second
    """

    def __init__(self, rate: Fraction, clock: Clock) -> None:
        self._slack = floor(min(clock.unit, ROUNDED) * clock.ticks)  # in halves of a tick
        self._of, self._in = rate.numerator, 2 * clock.ticks * rate.denominator
        self._last = -1

    def multiple(self, tick: int) -> int:
        """The last multiple of 1/rate that is not after a tick, up to the container's rounding."""
        return (2 * tick + self._slack) * self._of // self._in

    def begin_after(self, tick: int) -> None:
        """The frame before the next one has this tick."""
        self._last = self.multiple(tick)

    def __call__(self, number: int, tick: int) -> bool:
        multiple = self.multiple(tick)
        looked = multiple > self._last
        self._last = max(multiple, self._last)
        return looked


class Skipper:
    """Decides before decoding whether the frames of packets are sampled, and counts skipped frames.

    A look is due at a frame if a multiple of 1/rate is between it and the previous frame. Both are known once enough
    packets have been read that no later one can contain an earlier frame.
    """

    def __init__(self, looks: AtRate, clock: Clock) -> None:
        self._looks, self._clock = looks, clock
        self._times: list[int] = []  # presentation time stamps, ascending
        self._undecided: list[int] = []  # heap of the unneeded ones whose frames have not arrived yet

    def ahead(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The packets, delayed by the needed look-ahead."""
        window: deque[Packet] = deque()
        for packet in packets:
            window.append(packet)
            if packet.pts is not None and not packet.is_discard:
                insort(self._times, packet.pts)
            if len(window) > AHEAD:
                yield window.popleft()
                del self._times[:-BEHIND]
        yield from window

    def wants(self, packet: Packet) -> bool:
        """Whether the frame of a packet has to be decoded even if no other refers to it."""
        pts = packet.pts
        if pts is None or self._clock.has_begun_anew or packet.is_discard:
            return True
        place = bisect_left(self._times, pts)
        if not place:
            return True
        multiple, before = (self._looks.multiple(self._clock.raw(at)) for at in (pts, self._times[place - 1]))
        if multiple > before:
            return True
        heappush(self._undecided, pts)
        return False

    def skipped(self, pts: int | None) -> list[int]:
        """Times of the frames that were skipped before the one that came with this time, or up to the end for None."""
        times = []
        while self._undecided and (pts is None or self._undecided[0] <= pts):
            time = heappop(self._undecided)
            if time != pts:
                times.append(time)
        return times
