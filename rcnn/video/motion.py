"""One clip from one file: a video as it is, or a photograph that a camera pans and zooms over.

Focus and brightness vary from clip to clip.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableError
from .decoder import FrameDecoder
from .photographs import HEAD_BYTES, is_animation, is_photograph, read_photograph
from .types import VideoInfo

FPS = 25  # frames a second
SECONDS = (1.0, 2.0)  # length of a clip
ZOOM = (1.0, 1.6)  # 1 is the photograph fitted into the frame
PAN = 0.12  # largest way of the photograph's centre from the frame's, as a share of the frame's side
KEPT = 0.6  # share of the photograph's sides, around its centre, that never leaves the frame
BLUR = (0.0, 1.5)  # sigma in pixels of the frame
GAIN = (0.7, 1.3)  # brightness is multiplied by this
CRF = (20, 34)  # x264's constant rate factor: 18 looks like the original, 40 is blocks
PRESET = "veryfast"  # x264's speed; slower ones save bytes that nobody needs here
SAME_BYTES = "cpu-independent=1"  # without it x264 encodes the same frames now and then to other bytes
BACKDROP_SHRINK = 16  # the copy behind the photograph has this many times fewer pixels a side,
BACKDROP_BLUR = 2.0  # and this sigma in its pixels: no detector finds the face in it

Image = NDArray[np.uint8]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Motion:
    """How the camera moves over a photograph. A pair is (first frame, last frame), even steps between."""

    frames: int  # number of frames
    crf: int  # x264's constant rate factor
    zoom: Pair  # 1 is the photograph fitted into the frame
    pan_x: Pair  # -1..1, a share of the largest way to the left or right
    pan_y: Pair  # -1..1, a share of the largest way up or down
    blur: Pair  # Gaussian sigma, pixels of the frame
    gain: Pair  # factor of the brightness


def make_clip(source: Path, target: Path, size: tuple[int, int], seed: int, copy: bool) -> None:
    """Make the clip `target` from the photograph or video `source`, whose content says which it is.

    A photograph becomes an mp4 of `size` (width, height) pixels, with camera moves determined by `seed`. A video is
    linked to, or copied, whatever its container: FFmpeg goes by content, so the extension .mp4 does no harm. An
    animation is a video if the decoder can read it, else a photograph. Raises `UnreadableError` if `source` can't be
    read, OSError if `target` can't be written.
    """
    if _is_still(source):
        write_clip(target, read_photograph(source), size, draw_motion(seed))
        return
    check_video(source)
    if copy:
        shutil.copyfile(source, target)
    else:
        target.symlink_to(source.resolve())


def _is_still(source: Path) -> bool:
    try:
        with source.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    if not is_photograph(head):
        return False
    return not is_animation(source) or check_video(source).is_still


def draw_motion(seed: int) -> Motion:
    """The motion that belongs to `seed`, the same on every machine."""
    # random.Random, not numpy: its random() is promised to give the same numbers in every version
    rng = random.Random(seed)

    def pair(low: float, high: float) -> Pair:
        return rng.uniform(low, high), rng.uniform(low, high)

    return Motion(
        frames=round(FPS * rng.uniform(*SECONDS)),
        crf=round(rng.uniform(*CRF)),
        zoom=pair(*ZOOM),
        pan_x=pair(-1, 1),
        pan_y=pair(-1, 1),
        blur=pair(*BLUR),
        gain=pair(*GAIN),
    )


def frames(photo: Image, size: tuple[int, int], motion: Motion) -> Iterator[Image]:
    """The frames that a camera sees which moves over a photograph.

    Parameters
    ----------
    photo : uint8, h x w x 3, BGR, any size
    size : width and height of a frame, pixels
    motion : how the camera moves

    Yields
    ------
    `motion.frames` arrays, uint8, height x width x 3, BGR. The photograph keeps its aspect ratio; what it
    leaves free shows a blurred copy of itself. The middle of the photograph (`KEPT` of its width and height)
    is inside every frame.
    """
    fitted = min(size[0] / photo.shape[1], size[1] / photo.shape[0])
    full = np.array(photo.shape[1::-1]) * fitted  # pixels of the frame at zoom 1: width, height
    # One good resize to the largest size wanted; the bilinear steps after it then only shrink a little.
    source = _resize(photo, full * max(motion.zoom))
    backdrop = _backdrop(photo, size)
    for step in np.linspace(0.0, 1.0, motion.frames):
        zoom, pan_x, pan_y, blur, gain = (
            first + (last - first) * step
            for first, last in (motion.zoom, motion.pan_x, motion.pan_y, motion.blur, motion.gain)
        )
        shown = full * zoom
        room = np.minimum(np.array(size) * PAN, (size - KEPT * shown) / 2)
        centre = np.array(size) / 2 + room * (pan_x, pan_y)
        frame = _paste(source, backdrop, shown, centre)
        if blur > 0:
            frame = cv2.GaussianBlur(frame, (0, 0), blur)
        yield cv2.convertScaleAbs(frame, alpha=gain)


def write_clip(path: Path, photo: Image, size: tuple[int, int], motion: Motion) -> None:
    """Write the clip of `frames`; `size` is (width, height) in pixels, both even. See `write_video`."""
    write_video(path, frames(photo, size, motion), size, motion.crf)


def write_video(path: Path, images: Iterable[Image], size: tuple[int, int], crf: int) -> None:
    """Write frames as H.264 in mp4, `FPS` frames a second; the same bytes for the same input.

    Parameters
    ----------
    images : height x width x 3, uint8, BGR
    size : width and height, both even
    crf : x264's constant rate factor

    Raises
    ------
    OSError
        If `path` cannot be written.
    """
    try:
        with av.open(str(path), "w", format="mp4") as container:
            options = {"crf": str(crf), "preset": PRESET, "x264-params": SAME_BYTES}
            stream = container.add_stream("libx264", rate=FPS, options=options)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1  # x264's decisions depend on the number of threads
            for image in images:
                # not by FFmpeg: how it rounds depends on where in memory the rows begin
                planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
            container.mux(stream.encode(None))
    except av.error.FFmpegError as error:  # not all of them are OSErrors
        raise OSError(error.errno, error.strerror, str(path)) from error


def check_video(path: Path) -> VideoInfo:
    """What the video in `path` claims to be; raises `UnreadableError` unless a frame of it can be decoded."""
    frames = _decoder().read_frames(str(path))
    frames.close()
    return frames.info


@cache
def _decoder() -> FrameDecoder:
    return FrameDecoder()


def _resize(image: Image, size: NDArray[np.float64]) -> Image:
    """`image` with `size` (width, height), rounded, at least one pixel."""
    width, height = (max(1, round(float(side))) for side in size)
    shrinks = width < image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _backdrop(photo: Image, size: tuple[int, int]) -> Image:
    """The photograph stretched over the whole frame, so blurred that no face is left in it."""
    small = cv2.resize(photo, tuple(max(1, side // BACKDROP_SHRINK) for side in size), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), BACKDROP_BLUR), size, interpolation=cv2.INTER_CUBIC)


def _paste(source: Image, backdrop: Image, shown: NDArray[np.float64], centre: NDArray[np.float64]) -> Image:
    """`source` over a copy of `backdrop`, `shown` (width, height) pixels large around `centre` (x, y)."""
    scale = shown / source.shape[1::-1]
    # OpenCV counts from the middle of a pixel, hence the halves
    offset = centre - shown / 2 + scale / 2 - 0.5
    matrix = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]]])
    size = backdrop.shape[1::-1]
    return cv2.warpAffine(
        source, matrix, size, dst=backdrop.copy(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
