"""Properties of a video, one frame of it, and the frames of a clip."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video claims to be and, after its last frame, what could be read of it.

    seconds : length, from the start of the file, or of the piece that is read, to the end of its last frame: what the
        container promises where its header says so, otherwise what was read; 0.0 before the end where nothing is
        promised, and of a photograph
    rate : frames a second; of a file with a variable rate the mean; 0 of a photograph
    width, height : of the first sampled frame, pixels; upright, of square pixels, before `FRAME.LONGEST`
        is applied
    codec : FFmpeg's name of it, as h264, hevc, av1; of a photograph that of its format, as jpeg
    promised : frames that the container promises, without those that its edit list leaves out; 0 where it says nothing,
        and of a piece
    read : frames decoded so far, sampled or not; 0 before the end
    damaged : those of them that were withheld, because the decoder flagged them as damaged or had no key frame yet
    read_seconds : end of the last frame that was decoded, seconds from the start of the file or piece; the whole
        length of a piece that was read to its end; 0.0 before the end
    """

    seconds: float
    rate: Fraction
    width: int
    height: int
    codec: str
    promised: int = 0
    read: int = 0
    damaged: int = 0
    read_seconds: float = 0.0

    @property
    def is_still(self) -> bool:
        """Whether it is a photograph."""
        return not self.rate

    @property
    def share(self) -> float:
        """Share of the promised frames, or else of the promised seconds, that was read; 1.0 if nothing was promised.

        Meaningful only after the last frame.
        """
        if self.promised:
            return min(1.0, self.read / self.promised)
        return min(1.0, self.read_seconds / self.seconds) if self.seconds else 1.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    number : counts from 1, all decoded frames of the stream, or of the piece that is read
    time : when it is shown, seconds from the start of the file
    image : (h, w, 3) uint8, BGR, upright, square pixels; the longer side is at most `FRAME.LONGEST`
    width, height : of the frame before it was reduced to that, pixels
    """

    number: int
    time: float
    image: np.ndarray
    width: int
    height: int


FrameItems = Generator[VideoInfo | Frame, None, VideoInfo]


class Frames(Iterator[Frame]):
    """The sampled frames of a clip, in presentation order.

    Parameters
    ----------
    items : gives what the video claims to be, then frames, and returns what could be read

    Attributes
    ----------
    info : what the video claims to be; after the last frame, what could be read
    """

    def __init__(self, items: FrameItems) -> None:
        self._items = items
        first = next(items)
        assert isinstance(first, VideoInfo)
        self.info = first

    def __next__(self) -> Frame:
        try:
            frame = next(self._items)
        except StopIteration as end:
            self.info = end.value or self.info  # None when it is asked once more
            raise StopIteration from None
        assert isinstance(frame, Frame)
        return frame

    def close(self) -> None:
        """Read no further."""
        self._items.close()
