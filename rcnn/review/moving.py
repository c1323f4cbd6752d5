"""Seconds of a film as a video that every browser plays: decoded in a sandboxed process, then encoded again."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from ..video.types import Frame

RATE = Fraction(25)  # frames a second at most
LONGEST = 854  # pixels of the longer side
CODEC, PROFILE = "libx264", {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
PIXELS = "yuv420p"
TICKS = 90_000  # a second
GROUP = 25  # frames from one key frame to the next
MOVFLAGS = "frag_keyframe+empty_moov+default_base_moof"  # playable before it is complete


class EmptyError(Exception):
    """There is no frame."""


def encode(frames: Iterable[Frame], start: float, most: float) -> bytes:
    """Frames as fragmented MP4 with H.264, without sound, whose time 0 is `start` of the film.

    Parameters
    ----------
    frames : in order, at least one
    start : seconds of the film
    most : seconds of work, after which encoding stops with the frames so far

    Raises
    ------
    EmptyError
        If there is no frame.
    """
    file = io.BytesIO()
    deadline = time.monotonic() + most
    with av.open(file, "w", format="mp4", options={"movflags": MOVFLAGS}) as container:
        stream: VideoStream | None = None
        last = -1
        for image, seconds in _until(frames, deadline):
            if stream is None:
                size = image.shape[1], image.shape[0]
                stream = _stream(container, *size)
            if (image.shape[1], image.shape[0]) != size:  # a film may change it on its way
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            last = max(last + 1, round((seconds - start) * TICKS))
            picture.pts, picture.time_base = last, Fraction(1, TICKS)
            container.mux(stream.encode(picture))
        if stream is None:
            raise EmptyError
        container.mux(stream.encode())
    return file.getvalue()


def _stream(container: OutputContainer, width: int, height: int) -> VideoStream:
    stream: VideoStream = container.add_stream(CODEC, rate=RATE, options=PROFILE)  # type: ignore[assignment]
    stream.width, stream.height, stream.pix_fmt = width, height, PIXELS
    stream.codec_context.time_base = Fraction(1, TICKS)
    stream.codec_context.gop_size = GROUP
    return stream


def _until(frames: Iterable[Frame], deadline: float) -> Iterator[tuple[np.ndarray, float]]:
    for frame in frames:
        yield even(frame.image), frame.time
        if time.monotonic() > deadline:
            break


def even(image: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 made no larger than `LONGEST`, with even sides, as H.264 requires."""
    scale = min(1.0, LONGEST / max(image.shape[:2]))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (image.shape[1], image.shape[0]))
    if (height, width) == image.shape[:2]:
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
