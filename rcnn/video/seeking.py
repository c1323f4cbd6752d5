"""Where to start reading for a piece of a file, so that its frames equal those of the whole file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from ..errors import UnreadableError
from .clock import LEAP, Clock
from .looks import AHEAD, BEHIND

# Containers with an index of key frames, or with the time of each packet, that never restart
SEEKABLE = {"mov", "matroska", "avi", "flv", "asf"}
HIDDEN = {"vp8"}  # codecs with packets that show nothing
HELD_BYTES = 64 << 20  # of packets after a key frame, after which no later key frame is searched for


class InexactError(Exception):
    """From this start, frames may differ from those of the whole file; none was returned yet.

    way : how to start instead
    """

    def __init__(self, way: Way) -> None:
        self.way = way


@dataclass(frozen=True)
class Way:
    """How to seek to the beginning of a piece.

    seeks : by the index of the container; otherwise its packets are read from the first, and not decoded
    earlier : whether at least one frame before the piece has to be decoded, too
    decodes : everything from the beginning of the file
    """

    seeks: bool = True
    earlier: bool = False
    decodes: bool = False


ALL = Way(seeks=False, earlier=True, decodes=True)


@dataclass(frozen=True)
class Beginning:
    """Packets from a key frame on.

    key : presentation time stamp of its packet; None at the beginning of the file
    before : that of the last frame before the key frame, as it is shown; None if there is none
    """

    packets: Iterable[Packet]
    key: int | None = None
    before: int | None = None


def read_packets(container: InputContainer, stream: VideoStream, errors: list[Exception]) -> Iterator[Packet]:
    """The packets of a stream; premature ends are added to `errors`."""
    try:
        for packet in container.demux(stream):
            if packet.size:  # an empty one would end the decoder
                yield packet
    except MemoryError:
        raise
    except IndexError:  # PyAV's, behind the last packet, where a stream appeared after the first
        return
    except av.error.FFmpegError as error:  # the rest of the file is missing
        errors.append(error)


def can_seek(container: InputContainer) -> bool:
    """Whether times do not depend on where reading starts."""
    return bool(SEEKABLE & set(container.format.name.split(",")))


class Approach:
    """The way to the last key frame that is not shown after the beginning of a piece.

    Parameters
    ----------
    container, stream, clock : before the first packet is read
    start : time stamp at which the piece begins
    way : how to go
    """

    def __init__(self, container: InputContainer, stream: VideoStream, clock: Clock, start: int, way: Way) -> None:
        self._container, self._stream, self._clock = container, stream, clock
        self._start, self._way = start, way
        codec = stream.codec_context.codec.canonical_name
        self._latest = start - 1 if way.earlier or codec in HIDDEN else start  # time stamp of the key frame
        self._times: deque[int] = deque(maxlen=2 * BEHIND)
        self._held: list[Packet] = []  # packets from the key frame on, and their bytes
        self._bytes = 0
        self._key: int | None = None
        self._last: int | None = None  # decoding time stamp
        self._leap = LEAP / clock.unit
        self._later = 0  # packets that are shown in the piece

    def begin(self, packets: Iterator[Packet], progress: Callable[[], None]) -> Beginning:
        """Read on until the key frame is known.

        Raises
        ------
        InexactError
            If another way has to be taken.
        UnreadableError
            If the file ends before the piece begins.
        """
        if self._way.seeks:
            self._seek()
        came = False
        for packet in packets:
            progress()
            came = True
            if self._take(packet):
                break
        else:
            if not self._later:
                raise self._ended(came)
        before = max((time for time in self._times if self._key is not None and time < self._key), default=None)
        if self._key is None or (before is None and self._way.seeks and self._key >= self._start):
            raise InexactError(Way(seeks=False, earlier=self._way.earlier) if self._way.seeks else ALL)
        return Beginning(chain(self._held, packets), self._key, before)

    def _seek(self) -> None:
        try:
            # a frame before the key frame is wanted, too, as it says at which frame the next look is due
            self._container.seek(self._start - 1, stream=self._stream)
        except av.error.FFmpegError:
            raise InexactError(Way(seeks=False, earlier=self._way.earlier)) from None

    def _take(self, packet: Packet) -> bool:
        """Whether all is known after this packet."""
        if packet.is_discard:  # an edit list leaves it out
            self._hold(packet)
            return False
        pts, dts = packet.pts, packet.dts
        if pts is None or self._breaks(pts, dts):
            raise InexactError(ALL)
        if packet.is_keyframe and pts <= self._latest:
            self._held.clear()
            self._key, self._bytes = pts, 0
        self._hold(packet)
        self._times.append(pts)
        if pts >= self._start:
            self._later += 1
        self._last = dts
        if self._bytes > HELD_BYTES:
            return True
        # what follows is shown after its decoding time
        return self._later > AHEAD or (self._later > 0 and dts is not None and dts >= self._start)

    def _hold(self, packet: Packet) -> None:
        if self._key is not None:
            self._held.append(packet)
            self._bytes += packet.size

    def _breaks(self, pts: int, dts: int | None) -> bool:
        """Whether times may start again here."""
        if dts is None:
            return not can_seek(self._container)
        if self._last is not None and not self._last <= dts <= self._last + self._leap:
            return self._clock.begins_anew or dts < self._last
        return self._clock.begins_anew and abs(pts - dts) > self._leap

    def _ended(self, came: bool) -> Exception:
        """What the end of the file before the piece means."""
        whole = "mov" in self._container.format.name  # is an index there
        if came or whole or not self._way.seeks:
            return UnreadableError(ends_before(self._clock.seconds(self._clock.raw(self._start))))
        return InexactError(Way(seeks=False, earlier=self._way.earlier))


def ends_before(start: Fraction) -> str:
    """The reason where a piece that begins at `start` seconds lies behind the end of what can be read."""
    return f"nothing of it can be read from {float(start):.3f} s on: the file ends before"
