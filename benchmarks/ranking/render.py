"""Renders films at four levels of recording quality."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from rcnn.faces.choice import central_face
from rcnn.faces.detectors import Detector
from rcnn.faces.views import detect_frames
from rcnn.video.decoder import FrameDecoder
from rcnn.video.motion import PRESET, SAME_BYTES, Motion, frames
from rcnn.video.photographs import read_photograph

from .people import Piece, number
from .script import Film, Shot

AS_IS, LINES, DARK, TINY = LEVELS = ("as is", "240 lines", "dark", "tiny")
SIZE, SMALL = (640, 360), (426, 240)  # width and height of the frames, pixels
FPS = 12  # frames per second, as with typical recorders
CRF, ROUGH, DARK_CRF = 23, 34, 30  # x264's constant rate factor
# of a picture, 1 fills its part of the frame; log-uniform. Most faces are 30 to 150 pixels high.
ZOOM = (0.15, 1.0)
DRIFT = 0.1  # maximum relative change of the zoom
TINY_FACE = 24  # height of a face, pixels
GAIN, NOISE = 0.22, 7.0  # for "dark": brightness factor, standard deviation of the grain in grey levels
HIDDEN = 24  # sigma of an insert's blur, pixels
SIZES_FILE = "sizes.json"  # face height in each source, as a share of the picture height
USUAL_SHARE = 0.5  # if no face is found
LOOKS = 3  # frames of a video used to measure the share


class Sizes:
    """Face height in each photograph and video, as a share of the picture height; cached in a file."""

    def __init__(self, folder: Path, detector: Callable[[], Detector]) -> None:
        self._path, self._load, self._detector = folder / SIZES_FILE, detector, None
        self._known: dict[str, float] = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._decoder = FrameDecoder()

    def __call__(self, piece: Piece) -> float:
        key = f"{piece.person}/{piece.path.name}"
        if key not in self._known:
            self._known[key] = self._measure(piece)
        return self._known[key]

    def save(self) -> None:
        part = self._path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(self._known, indent=0, sort_keys=True))
        part.replace(self._path)

    def _measure(self, piece: Piece) -> float:
        self._detector = self._detector or self._load()
        images = [read_photograph(piece.path)] if piece.is_still else read_piece(self._decoder, piece, LOOKS, 1)
        shares = []
        for image, faces in zip(images, detect_frames(self._detector, images), strict=True):
            if len(faces):
                box = faces.boxes[central_face(faces, image.shape[1], image.shape[0])]
                shares.append(float(box[3] - box[1]) / image.shape[0])
        return float(np.median(shares)) if shares else USUAL_SHARE


def read_piece(decoder: FrameDecoder, piece: Piece, count: int, rate: int) -> list[np.ndarray]:
    """`count` frames of a piece of a video, no higher than a film's; the last one is repeated if the video is too
    short."""
    images: list[np.ndarray] = []
    for frame in decoder.read_frames(str(piece.path), 1, Fraction(rate), piece.start, piece.end):
        scale = min(1.0, SIZE[1] / frame.image.shape[0])
        images.append(cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        if len(images) == count:
            break
    if not images:
        raise ValueError(f"{piece.path}: has no frame from {piece.start:g} s on")
    return images + [images[-1]] * (count - len(images))


@dataclass(frozen=True)
class _View:
    """A piece in its part of the frame: its images, the part's width and height, and the motion over it."""

    images: Sequence[np.ndarray]
    size: tuple[int, int]
    motion: Motion

    def frames(self) -> Iterator[np.ndarray]:
        if len(self.images) == 1:
            yield from frames(self.images[0], self.size, self.motion)
            return
        zoom, x, y = self.motion.zoom[0], self.motion.pan_x[0], self.motion.pan_y[0]
        still = _motion(1, (zoom, zoom), (x, x), (y, y))
        for image in self.images:
            yield next(frames(image, self.size, still))


def _motion(count: int, zoom: tuple[float, float], x: tuple[float, float], y: tuple[float, float]) -> Motion:
    return Motion(count, CRF, zoom, x, y, (0.0, 0.0), (1.0, 1.0))


def _views(shot: Shot, images: Sequence[Sequence[np.ndarray]], sizes: Sizes, tiny: bool, seed: int) -> list[_View]:
    rng = random.Random(seed)
    part = SIZE[0] // len(shot.pieces), SIZE[1]
    views = []
    for piece, shown in zip(shot.pieces, images, strict=True):
        zoom = ZOOM[0] * (ZOOM[1] / ZOOM[0]) ** rng.random()
        ends = [zoom * rng.uniform(1 - DRIFT, 1 + DRIFT) for _ in range(2)]
        if tiny:
            height, width = shown[0].shape[:2]
            fitted = height * min(part[0] / width, part[1] / height)
            ends = [TINY_FACE / (sizes(piece) * fitted)] * 2
        pan = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(2)]
        views.append(_View(shown, part, _motion(round(shot.seconds * FPS), (ends[0], ends[1]), *pan)))
    return views


def _shot_frames(shot: Shot, views: Sequence[_View]) -> Iterator[np.ndarray]:
    for parts in zip(*(view.frames() for view in views), strict=True):
        image = np.hstack(parts)
        yield cv2.GaussianBlur(image, (0, 0), HIDDEN) if shot.insert else image


class _Grain:
    """Noise that is drawn once and shifted randomly per frame: looks the same, and is ten times as fast."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        noise = self._rng.standard_normal((SIZE[1], SIZE[0], 3), np.float32) * NOISE
        self._grain = np.rint(noise).astype(np.int16)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        shifted = np.roll(self._grain, tuple(self._rng.integers(0, SIZE[::-1])), (0, 1))
        return np.clip(cv2.convertScaleAbs(image, alpha=GAIN) + shifted, 0, 255).astype(np.uint8)


class _Writer:
    """Writes a film as H.264 in mp4, atomically."""

    def __init__(self, path: Path, size: tuple[int, int], crf: int) -> None:
        self._path, self._part, self._size = path, path.with_suffix(".part"), size
        self._container = av.open(str(self._part), "w", format="mp4")
        options = {"crf": str(crf), "preset": PRESET, "x264-params": SAME_BYTES}
        self._stream = self._container.add_stream("libx264", rate=FPS, options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1

    def add(self, image: np.ndarray) -> None:
        if image.shape[1::-1] != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._part.replace(self._path)


def render(film: Film, targets: dict[str, Path], sizes: Sizes) -> None:
    """Write a film at some levels, unless all its files exist; the levels share work where possible."""
    left = {level: path for level, path in targets.items() if not path.exists()}
    if not left:
        return
    decoder, grain = FrameDecoder(), _Grain(number("grain", film.name) % 2**32)
    with ExitStack() as stack:
        writers = {}
        for level, path in left.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            crf = {LINES: ROUGH, DARK: DARK_CRF}.get(level, CRF)
            writers[level] = _Writer(path, SMALL if level == LINES else SIZE, crf)
            stack.callback(path.with_suffix(".part").unlink, missing_ok=True)
        for index, shot in enumerate(film.shots):
            count = round(shot.seconds * FPS)
            images = [
                [read_photograph(piece.path)] if piece.is_still else read_piece(decoder, piece, count, FPS)
                for piece in shot.pieces
            ]
            seed = number("view", film.name, index)
            if left.keys() - {TINY}:
                for image in _shot_frames(shot, _views(shot, images, sizes, False, seed)):
                    for level in writers.keys() - {TINY}:
                        writers[level].add(grain(image) if level == DARK else image)
            if TINY in left:
                for image in _shot_frames(shot, _views(shot, images, sizes, True, seed)):
                    writers[TINY].add(image)
        for writer in writers.values():
            writer.close()
