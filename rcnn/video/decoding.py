"""A video stream to whole pictures with their numbers and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from .clock import Clock
from .deinterlacing import Deinterlacer
from .looks import SKIPPING, AtRate, Looks, Skipper

PREDICTED = {PictureType.P, PictureType.B, PictureType.S, PictureType.SP}
# Their decoders hold back by themselves what refers to frames that were not read; those of others show grey blocks
CAREFUL = {"h264", "hevc", "vvc"}
REFRESHED = 100  # frames after which a stream without any key frame has renewed its picture piece by piece


class Picture(NamedTuple):
    """A whole picture as it was coded, of one moment.

    aspect : width by height of its pixels
    number : counts from 1, all decoded frames of the stream
    tick : of its clock, from the start of the file
    looked : whether it is looked at
    """

    coded: VideoFrame
    aspect: Fraction
    number: int
    tick: int
    looked: bool


class Decoding:
    """One pass over a stream.

    Parameters
    ----------
    container, stream : before the first packet is read
    looks : which frames are looked at
    progress : called for each packet

    Attributes
    ----------
    number : frames that were decoded so far, and those that were skipped because nobody looks at them or refers to them
    damaged : those of them that were withheld
    error : the first thing that went wrong, or None
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        clock: Clock,
        looks: Looks,
        progress: Callable[[], None],
    ) -> None:
        self._container, self._stream, self._clock = container, stream, clock
        self._looks, self._progress = looks, progress
        self.codec: str = stream.codec_context.codec.canonical_name
        self.number = self.damaged = 0
        self.error: Exception | None = None
        self._deinterlacer: Deinterlacer[Picture] | None = None
        self._skipper: Skipper | None = None
        if isinstance(looks, AtRate) and self.codec in SKIPPING and not clock.begins_anew:
            self._skipper = Skipper(looks, clock)
        self._skips = self._founded = self._shown = False
        self._torn: set[int | None] = set()  # presentation time stamps of packets of which a part is missing
        self._aspects = Aspects(stream)

    def pictures(self) -> Iterator[Picture]:
        """The first picture and all that are looked at, except damaged ones, as they are shown, none interlaced."""
        for picture in self._decoded():
            if self._deinterlacer is None:
                yield picture
            else:
                yield from map(_replaced, self._deinterlacer.push(picture.coded, picture))
        if self._deinterlacer is not None:
            yield from map(_replaced, self._deinterlacer.flush())

    def _decoded(self) -> Iterator[Picture]:
        packets: Iterable[Packet] = self._packets()
        if self._skipper is not None:
            packets = self._skipper.ahead(packets)
        context = self._stream.codec_context
        for packet in packets:
            self._progress()
            if self._skipper is not None:
                skips = self._skips and not self._skipper.wants(packet)
                context.skip_frame = "NONREF" if skips else "DEFAULT"
            yield from self._pictures_of(packet)
        yield from self._pictures_of(None)
        if self._skipper is not None:
            self._count(self._skipper.skipped(None))

    def _packets(self) -> Iterator[Packet]:
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:  # an empty one would end the decoder
                    yield packet
        except MemoryError:
            raise
        except av.error.FFmpegError as error:  # the rest of the file is missing
            self.error = self.error or error

    def _pictures_of(self, packet: Packet | None) -> Iterator[Picture]:
        try:
            coded = self._stream.codec_context.decode(packet)
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            self.error = self.error or error
            return
        if packet is not None:
            if packet.is_keyframe:
                self._aspects.notice(packet.pts)
            if packet.is_corrupt and not self._clock.begins_anew:  # broadcasts say it of whole packets at each gap, too
                self._torn.add(packet.pts)
        for picture in coded:
            pts = picture.pts
            interlaced = picture.interlaced_frame
            if self._skipper is not None:
                self._skips = not interlaced  # a field's neighbours are needed
                if pts is not None:
                    self._count(self._skipper.skipped(pts))
            self.number += 1
            tick = self._clock.tick(pts)
            aspect = self._aspects.of(pts)
            if not self._is_whole(picture):
                self.damaged += 1
                continue
            if interlaced and self._deinterlacer is None:
                self._deinterlacer = Deinterlacer()
            looked = self._looks(self.number, tick)
            if looked or not self._shown or self._deinterlacer is not None:
                self._shown = True
                yield Picture(picture, aspect, self.number, tick, looked)

    def _count(self, skipped: int) -> None:
        self.number += skipped
        self._clock.pass_over(skipped)

    def _is_whole(self, picture: VideoFrame) -> bool:
        if not self._founded:
            begins = picture.key_frame or picture.pict_type not in PREDICTED
            self._founded = begins or self.codec in CAREFUL or self.number > REFRESHED
        torn = False
        if self._torn:
            torn = picture.pts in self._torn
            self._torn.discard(picture.pts)
        return self._founded and not torn and not picture.is_corrupt


class Aspects:
    """The shape of the pixels of each picture: the container's word, or else the stream's, which may change.

    A decoder tells its latest, while pictures of the time before are still to come.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._context = stream.codec_context
        coded = self._context.sample_aspect_ratio
        self._fixed = stream.sample_aspect_ratio != coded
        self._now = self._last = stream.sample_aspect_ratio or Fraction(1)
        self._since: int | None = None

    def notice(self, pts: int | None) -> None:
        """A packet with this presentation time stamp was decoded."""
        latest = self._context.sample_aspect_ratio or Fraction(1)
        if not self._fixed and latest != self._last:
            self._last, self._since = latest, pts

    def of(self, pts: int | None) -> Fraction:
        """Width by height of a pixel of the picture with this time stamp, the next in the order of presentation."""
        if self._now is not self._last and (pts is None or self._since is None or pts >= self._since):
            self._now = self._last
        return self._now


def _replaced(deinterlaced: tuple[VideoFrame, Picture]) -> Picture:
    coded, picture = deinterlaced
    return picture._replace(coded=coded)
