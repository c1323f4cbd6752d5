"""From a video stream to intact pictures with their numbers and times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from .aspects import Aspects
from .clock import Clock
from .deinterlacing import Deinterlacer
from .looks import SKIPPING, AtRate, Looks, Skipper
from .seeking import ALL, Approach, Beginning, InexactError, Way, read_packets

PREDICTED = {PictureType.P, PictureType.B, PictureType.S, PictureType.SP}
# Their decoders themselves withhold frames that refer to unread ones; other decoders show grey blocks
CAREFUL = {"h264", "hevc", "vvc"}
REFRESHED = 100  # frames after which a stream without key frames has refreshed its whole picture


@dataclass(frozen=True)
class Span:
    """The part of a file to read: frames from `start` on and before `end`.

    start, end : ticks of a clock; `end` None for all up to the end of the file
    way : how to seek there
    """

    start: int = 0
    end: int | None = None
    way: Way = ALL


WHOLE = Span()


class Picture(NamedTuple):
    """An intact, progressive picture as coded.

    aspect : width by height of its pixels
    number : counts from 1, all decoded frames of the span; 0 for one before it
    tick : of its clock, from the start of the file
    looked : whether it is sampled
    """

    coded: VideoFrame
    aspect: Fraction
    number: int
    tick: int
    looked: bool


class Decoding:
    """One pass over a stream, or over a span of it.

    Parameters
    ----------
    container, stream : before the first packet is read
    looks : which frames are sampled
    progress : called for each packet

    Attributes
    ----------
    number : frames decoded so far, including those skipped because they are neither sampled nor referred to
    damaged : those of them that were withheld
    errors : what went wrong
    ended : whether the end of the span was reached before that of the file
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        clock: Clock,
        looks: Looks,
        progress: Callable[[], None],
        span: Span = WHOLE,
    ) -> None:
        self._container, self._stream, self._clock = container, stream, clock
        self._looks, self._progress = looks, progress
        self.codec: str = stream.codec_context.codec.canonical_name
        self.number = self.damaged = 0
        self.errors: list[Exception] = []
        self.ended = False
        self._span = span
        self._start = clock.stamp(span.start)  # presentation time stamps of the span
        self._end = None if span.end is None else clock.stamp(span.end)
        self._key: int | None = None  # time stamp of the key frame that decoding started with, until it arrives
        self._previous: VideoFrame | None = None
        self._deinterlacer: Deinterlacer[Picture] | None = None
        self._skipper: Skipper | None = None
        if isinstance(looks, AtRate) and self.codec in SKIPPING and not clock.begins_anew:
            self._skipper = Skipper(looks, clock)
        self._skips = self._founded = self._shown = False
        self._torn: set[int | None] = set()  # presentation time stamps of incomplete packets
        self._aspects = Aspects(stream)

    def pictures(self) -> Iterator[Picture]:
        """The first picture and all sampled ones, except damaged ones, in presentation order, deinterlaced."""
        for picture in self._decoded():
            if self._deinterlacer is None:
                yield picture
            else:
                yield from map(_replaced, self._deinterlacer.push(picture.coded, picture))
        if self._deinterlacer is not None:
            yield from map(_replaced, self._deinterlacer.flush())

    def _decoded(self) -> Iterator[Picture]:
        beginning = self._begin()
        packets = beginning.packets
        if self._skipper is not None:
            packets = self._skipper.ahead(packets)
        context = self._stream.codec_context
        for packet in packets:
            self._progress()
            if self._skipper is not None:
                skips = self._skips and not self._skipper.wants(packet)
                context.skip_frame = "NONREF" if skips else "DEFAULT"
            yield from self._pictures_of(packet)
            if self.ended or self._is_last(packet):
                break
        yield from self._pictures_of(None)
        if self._key is not None:  # its key frame is missing
            raise InexactError(ALL)
        if self._skipper is not None and not self.ended:
            self._count(self._skipper.skipped(None))

    def _begin(self) -> Beginning:
        packets = read_packets(self._container, self._stream, self.errors)
        if self._span.way.decodes:
            return Beginning(packets)
        approach = Approach(self._container, self._stream, self._clock, self._start, self._span.way)
        beginning = approach.begin(packets, self._progress)
        self._key = beginning.key
        if beginning.before is not None and isinstance(self._looks, AtRate):
            self._looks.begin_after(self._clock.raw(beginning.before))
        return beginning

    def _is_last(self, packet: Packet) -> bool:
        """Whether no later packet is shown in the span, and this one is shown after it: a neighbour of the last."""
        if self._end is None or packet.dts is None or self._clock.begins_anew:
            return False
        return packet.dts >= self._end

    def _pictures_of(self, packet: Packet | None) -> Iterator[Picture]:
        try:
            coded = self._stream.codec_context.decode(packet)
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            self.errors.append(error)
            return
        if packet is not None:
            if packet.is_keyframe:
                self._aspects.notice(packet.pts)
            if packet.is_corrupt and not self._clock.begins_anew:  # broadcasts say it of whole packets at each gap, too
                self._torn.add(packet.pts)
        for picture in coded:
            if self.ended:
                return
            pts = picture.pts
            if self._key is not None and self._leads(picture):
                continue
            interlaced = picture.interlaced_frame
            if self._skipper is not None:
                self._skips = not interlaced  # a field's neighbours are needed
                if pts is not None:
                    self._count(self._skipper.skipped(pts if self._end is None else min(pts, self._end - 1)))
            last = self._clock.last
            tick = self._clock.tick(pts)
            aspect = self._aspects.of(pts)
            before = tick < self._span.start
            if self._span.end is not None and tick >= self._span.end:
                self._clock.end_with(last)
                self.ended = True
            elif not before:
                if not self.number:
                    self._clock.begin(tick)
                self.number += 1
            whole = self._is_whole(picture)
            if not whole:
                self.damaged += not before and not self.ended
                continue
            if interlaced and self._deinterlacer is None:
                self._deinterlace(before)
            looked = not self.ended and self._looks(self.number, tick) and not before
            self._previous = picture
            if looked or not self._shown or self._deinterlacer is not None:
                self._shown = True
                yield Picture(picture, aspect, self.number, tick, looked)

    def _leads(self, picture: VideoFrame) -> bool:
        """Whether a frame refers to unread ones: it is shown before the key frame that decoding started with.

        Raises
        ------
        InexactError
            If the key frame is not intact.
        """
        assert self._key is not None
        if picture.pts is None:
            raise InexactError(ALL)
        if picture.pts < self._key:
            return True
        if picture.pts != self._key or picture.is_corrupt:
            raise InexactError(ALL)
        self._key = None
        return False

    def _deinterlace(self, before: bool) -> None:
        """From here on fields are separated, which needs the previous frame."""
        self._deinterlacer = Deinterlacer()
        if self._previous is not None:
            self._deinterlacer.begin(self._previous)
        elif not (before or self._span.way.earlier):
            raise InexactError(replace(self._span.way, earlier=True))

    def _count(self, skipped: list[int]) -> None:
        if skipped:
            self.number += sum(self._start <= pts and (self._end is None or pts < self._end) for pts in skipped)
            self._clock.pass_over(len(skipped))

    def _is_whole(self, picture: VideoFrame) -> bool:
        if not self._founded:
            begins = picture.key_frame or picture.pict_type not in PREDICTED
            self._founded = begins or self.codec in CAREFUL or self.number > REFRESHED
        torn = False
        if self._torn:
            torn = picture.pts in self._torn
            self._torn.discard(picture.pts)
        return self._founded and not torn and not picture.is_corrupt


def _replaced(deinterlaced: tuple[VideoFrame, Picture]) -> Picture:
    coded, picture = deinterlaced
    return picture._replace(coded=coded)
