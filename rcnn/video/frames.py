"""From clips to frames."""

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
from .decoding import WHOLE, Decoding, Picture, Span
from .looks import AtRate, every
from .opening import open_video
from .seeking import ALL, InexactError, Way, can_seek, ends_before
from .stills import read_still, still_kind
from .types import Frame, FrameItems, Frames, VideoInfo

Place = Callable[[tuple[int, ...]], np.ndarray]
Progress = Callable[[], None]
FrameMaker = Callable[[np.ndarray, int, float], Frame]  # of an image, its number and its time
TOO_MUCH = "needs too much memory"


def read_frames(
    path: str,
    sampling: int = 1,
    rate: Fraction | int | None = None,
    start: float = 0.0,
    end: float = 0.0,
    place: Place | None = None,
    progress: Progress | None = None,
) -> Frames:
    """The sampled frames of a clip, or of a piece of it.

    With sampling by time, pieces that cover a file give the sampled frames of the whole file, each once, with the same
    pixels: reading starts at the key frame at or before `start` if the container gives its exact position, and
    otherwise at the first. Frames that the decoder flags as damaged, and those before the first key frame, are counted
    but not returned: they show artefacts. If sampling by time falls on one, the next intact frame is used. A
    photograph, recognised by content, is one upright frame, which is always sampled.

    Parameters
    ----------
    path : the clip, a file on disk
    sampling : frame f, counted from 1 in the piece, is sampled when f % sampling == 0
    rate : sampled frames per second, instead of sampling: the first frame at or after each multiple of 1/rate seconds
    start, end : seconds of the file; frames with start <= time < end count, up to the end of the file for an end of 0
    place : returns a uint8 array of the given shape (h, w, 3) for the next frame; None for new arrays
    progress : called for each packet, also between sampled frames

    Raises
    ------
    UnreadableError
        If the clip can't be opened, no whole frame of the piece can be decoded, or the file ends before the piece; also
        when the next frame is asked for.
    """
    return Frames(_read(path, sampling, rate, (start, end), place or _new, progress or _nothing))


def _read(
    path: str,
    sampling: int,
    rate: Fraction | int | None,
    piece: tuple[float, float],
    place: Place,
    progress: Progress,
) -> FrameItems:
    def frame_of(image: np.ndarray, number: int, time: float) -> Frame:
        small = _reduced(image)
        target = place(small.shape)
        np.copyto(target, small)
        return Frame(number, time, target, image.shape[1], image.shape[0])

    kind, moves = still_kind(path)
    video = _read_video(path, sampling, rate, piece, frame_of, progress)
    if moves:
        try:
            yield next(video)
        except UnreadableError:  # FFmpeg can't read all animations
            if piece[0] > 0:
                raise
            moves = False
    if kind and not moves:
        if piece[0] > 0:
            raise UnreadableError("is a photograph, which has no pieces")
        return (yield from read_still(path, kind, frame_of))
    return (yield from video)


def _read_video(
    path: str,
    sampling: int,
    rate: Fraction | int | None,
    piece: tuple[float, float],
    frame_of: FrameMaker,
    progress: Progress,
) -> FrameItems:
    way = Way() if piece[0] > 0 else ALL
    while True:
        with ExitStack() as stack:
            try:
                container, stream = open_video(path)
                stack.callback(container.close)
                clock = Clock(container, stream)
                looks = every(sampling) if rate is None else AtRate(Fraction(rate), clock)
                span = _span(clock, piece, way if can_seek(container) else replace(way, seeks=False))
                decoding = Decoding(container, stream, clock, looks, progress, span)
                return (yield from _converted(container, stream, decoding, clock, span, frame_of))
            except InexactError as error:
                way = error.way
            except MemoryError:  # FFmpeg's, too
                raise UnreadableError(TOO_MUCH) from None
            except (av.error.FFmpegError, cv2.error) as error:
                reason = str(getattr(error, "strerror", None) or error).strip().splitlines()[0]
                raise UnreadableError(f"its {decoding.codec} video can't be converted: {reason[:120]}") from None


def _span(clock: Clock, piece: tuple[float, float], way: Way) -> Span:
    start, end = piece
    return Span(clock.tick_of(start), clock.tick_of(end) if end else None, way) if start or end else WHOLE


def _converted(
    container: InputContainer, stream: VideoStream, decoding: Decoding, clock: Clock, span: Span, frame_of: FrameMaker
) -> FrameItems:
    convert = Converter()
    start = clock.seconds(span.start)
    promised = promised_seconds(container, stream)
    if promised and span is not WHOLE:
        stop = promised if span.end is None else min(promised, clock.seconds(span.end))
        promised = max(Fraction(0), stop - start)
    info: VideoInfo | None = None
    unseen: Picture | None = None  # the first, if it is not sampled

    def about(width: int, height: int) -> VideoInfo:
        # no container gives the number of frames of a part of a file
        count = promised_frames(stream) if span is WHOLE else 0
        return VideoInfo(float(promised), clock.rate, width, height, decoding.codec, count)

    def look(picture: Picture) -> Frame:
        # the converted image is freed before the next one is made, which then reuses the same, still cached memory
        image = convert(picture.coded, picture.aspect)
        return frame_of(image, picture.number, float(clock.seconds(picture.tick)))

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
        if unseen is None or not (decoding.number or decoding.ended):
            raise UnreadableError(_why_nothing(decoding, start))
        height, width = convert(unseen.coded, unseen.aspect).shape[:2]
        info = about(width, height)
        yield info
    end = clock.end - start
    if decoding.ended:
        assert span.end is not None
        end = promised = clock.seconds(span.end) - start
    return replace(
        info,
        seconds=float(promised if end <= promised + clock.step else end),
        rate=clock.mean_rate(decoding.number),
        read=decoding.number,
        damaged=decoding.damaged,
        read_seconds=float(end),
    )


def _reduced(image: np.ndarray) -> np.ndarray:
    """An image whose longer side is at most `FRAME.LONGEST`, with its aspect ratio."""
    scale = config.FRAME.LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _why_nothing(decoding: Decoding, start: Fraction) -> str:
    if decoding.number:
        return f"all {decoding.number} frames of its {decoding.codec} video are damaged"
    if start:
        return ends_before(start)
    reason = getattr(next(iter(decoding.errors), None), "strerror", None)
    return f"no frame of its {decoding.codec} video can be decoded" + (f": {reason}" if reason else "")


def _new(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.uint8)


def _nothing() -> None:
    pass
