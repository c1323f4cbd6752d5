"""Clips to frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from ..config import config
from ..errors import UnreadableError
from .clock import Clock, promised_frames, promised_seconds
from .conversion import Converter
from .decoding import Decoding, Picture
from .looks import AtRate, every
from .opening import open_video
from .types import Frame, FrameItems, Frames, VideoInfo

Place = Callable[[tuple[int, ...]], np.ndarray]
Progress = Callable[[], None]
TOO_MUCH = "wants too much memory"


def read_frames(
    path: str,
    sampling: int = 1,
    rate: Fraction | int | None = None,
    place: Place | None = None,
    progress: Progress | None = None,
) -> Frames:
    """The frames of a clip that are looked at.

    Frames that the decoder flags as damaged, and those before the first key frame, count and are not given: they show
    what nobody filmed. A look by time that falls on one is taken at the next whole frame.

    Parameters
    ----------
    path : the clip, a file on the disk
    sampling : frame f, counted from 1, is looked at when f % sampling == 0
    rate : looks a second, in place of sampling: at the first frame at or after each multiple of 1/rate seconds
    place : gives an array, uint8, of the shape (h, w, 3) that it is given, for the next frame; None for new ones
    progress : called for each packet, also between looks

    Raises
    ------
    UnreadableError
        If the clip can't be opened or no whole frame can be decoded; also when the next frame is asked for.
    """
    return Frames(_read(path, sampling, rate, place or _new, progress or _nothing))


def _read(path: str, sampling: int, rate: Fraction | int | None, place: Place, progress: Progress) -> FrameItems:
    with ExitStack() as stack:
        try:
            container, stream = open_video(path)
            stack.callback(container.close)
            clock = Clock(container, stream)
            looks = every(sampling) if rate is None else AtRate(Fraction(rate), clock)
            decoding = Decoding(container, stream, clock, looks, progress)
            return (yield from _converted(container, stream, decoding, clock, place))
        except MemoryError:  # FFmpeg's, too
            raise UnreadableError(TOO_MUCH) from None
        except (av.error.FFmpegError, cv2.error) as error:
            reason = str(getattr(error, "strerror", None) or error).strip().splitlines()[0]
            raise UnreadableError(f"its {decoding.codec} video can't be converted: {reason[:120]}") from None


def _converted(
    container: InputContainer, stream: VideoStream, decoding: Decoding, clock: Clock, place: Place
) -> FrameItems:
    convert = Converter()
    promised = promised_seconds(container, stream)
    info: VideoInfo | None = None
    unseen: Picture | None = None  # the first, where it is not looked at

    def about(width: int, height: int) -> VideoInfo:
        return VideoInfo(float(promised), clock.rate, width, height, decoding.codec, promised_frames(stream))

    def look(picture: Picture) -> Frame:
        # the converted image goes before the next one is made, which then lies in the same, still cached memory
        image = convert(picture.coded, picture.aspect)
        small = _reduced(image)
        target = place(small.shape)
        np.copyto(target, small)
        return Frame(picture.number, float(clock.seconds(picture.tick)), target, image.shape[1], image.shape[0])

    for picture in decoding.pictures():
        if not picture.looked:
            unseen = unseen or (picture if info is None else None)
            continue
        frame = look(picture)
        if info is None:
            info = about(frame.width, frame.height)
            unseen = None
            yield info
        yield frame
    if info is None:
        if unseen is None:
            raise UnreadableError(_why_nothing(decoding))
        height, width = convert(unseen.coded, unseen.aspect).shape[:2]
        info = about(width, height)
        yield info
    end = clock.end
    return replace(
        info,
        seconds=float(promised if end <= promised + clock.step else end),
        rate=clock.mean_rate(decoding.number),
        read=decoding.number,
        damaged=decoding.damaged,
        read_seconds=float(end),
    )


def _reduced(image: np.ndarray) -> np.ndarray:
    """An image whose longer side is `FRAME.LONGEST` at most, in its shape."""
    scale = config.FRAME.LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _why_nothing(decoding: Decoding) -> str:
    if decoding.number:
        return f"all {decoding.number} frames of its {decoding.codec} video are damaged"
    reason = getattr(decoding.error, "strerror", None)
    return f"no frame of its {decoding.codec} video can be decoded" + (f": {reason}" if reason else "")


def _new(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.uint8)


def _nothing() -> None:
    pass
