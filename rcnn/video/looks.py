"""Which frames are looked at, and which need not be decoded for that."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from math import floor

from av.packet import Packet

from .clock import Clock

Looks = Callable[[int, int], bool]  # whether the frame with this number and tick of its clock is looked at

ROUNDED = Fraction(1, 1000)  # seconds; Matroska and FLV round to them, which must not make a look late by a frame
AHEAD = 32  # packets that are known before one is decoded: twice the frames that H.264 and HEVC may reorder
BEHIND = 4 * AHEAD  # times that are remembered
SKIPPING = {"h264", "hevc"}  # codecs that gain by it: 21 to 26% of the time at 8 looks a second; others under 5%


def every(sampling: int) -> Looks:
    """Frame f, counted from 1, is looked at when f % sampling == 0."""
    return lambda number, tick: number % sampling == 0


class AtRate:
    """The first frame at or after each multiple of 1/rate seconds is looked at.

    Parameters
    ----------
    rate : looks a second
    """

    def __init__(self, rate: Fraction, clock: Clock) -> None:
        self._slack = floor(min(clock.unit, ROUNDED) * clock.ticks)  # in halves of a tick
        self._of, self._in = rate.numerator, 2 * clock.ticks * rate.denominator
        self._last = -1

    def multiple(self, tick: int) -> int:
        """The last multiple of 1/rate that is not after a tick, but for what the container has rounded."""
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
    """Knows of packets before they are decoded whether their frames are looked at, and counts frames that were skipped.

    A look is due at a frame when a multiple of 1/rate lies between it and the frame before it. Both are known when so
    many packets ahead are known that no frame before it can be among later ones.
    """

    def __init__(self, looks: AtRate, clock: Clock) -> None:
        self._looks, self._clock = looks, clock
        self._times: list[int] = []  # presentation time stamps, ascending
        self._undecided: list[int] = []  # heap of those that were not wanted, of which no frame came yet

    def ahead(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The packets, as many behind those that are read as it needs to know."""
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
