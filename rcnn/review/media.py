"""Images and videos of a run: faces, frames, ranges of files, and seconds of films converted for playback."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from ..errors import InputError, UnreadableError
from ..report.pictures import encode as encode_picture
from ..video.types import Frame
from . import moving
from .places import GONE, Places
from .pool import DecoderPool
from .run_model import RunModel
from .tracks import Place

SMALL, LARGE = 112, 320  # pixels of a face: as it is stored, and cut from its frame
AROUND = 1.0  # of a face's longer side that is shown on each side of it
FRAME_SECONDS = (0.05, 2.0)  # in which the frame at a time is searched for; the second if the first has none
BEFORE = 0.001  # seconds before a frame at which its search starts
FRAME_LONGEST = 1280  # pixels of a frame that is shown
MOST_SECONDS = 20.0  # that are played at once
WORK_SECONDS = 30.0  # that this may take
UNREADABLE, NOTHING = "the file can't be read", "there is nothing at this second"
CACHE_BYTES = 64 << 20  # of pictures and films that are kept


class NotShownError(Exception):
    """Something can't be shown; says why, in a sentence."""


@dataclass
class Media:
    """Makes images and videos, and caches the latest. Thread-safe; each call waits for a decoder.

    Parameters
    ----------
    model : of the run
    places : of its files
    """

    model: RunModel
    places: Places
    pool: DecoderPool = field(default_factory=DecoderPool)

    def __post_init__(self) -> None:
        self._kept: OrderedDict[tuple, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def face(self, place: Place, size: int) -> bytes | None:
        """The best face of a track as a JPEG; None if the run has no such track.

        Raises
        ------
        NotShownError
            If the tables that were opened no longer exist.
        """
        number = self.model.number(place)
        if size > SMALL and number is not None and self.places.path(place[0]) is not None:
            try:
                return self._kept_or(("face", *place), lambda: self._large(number))
            except NotShownError:
                pass  # the stored face is shown instead
        try:
            return self.model.faces.jpeg(place, size)
        except InputError as error:
            raise NotShownError(str(error)) from None

    def frame(self, clip: str, seconds: float) -> bytes:
        """The frame of a clip at a second, as a JPEG.

        Raises
        ------
        NotShownError
            If the file is gone, or can't be read there.
        """
        return self._kept_or(("frame", clip, seconds), lambda: _jpeg(_fit(self._image(clip, seconds), FRAME_LONGEST)))

    def play(self, clip: str, start: float, seconds: float) -> bytes:
        """Some seconds of a clip's file as MP4; raises as `frame`."""
        end = start + min(seconds, MOST_SECONDS)

        def make() -> bytes:
            try:
                with self._frames(clip, start, end, moving.RATE) as frames:
                    return moving.encode(frames, start, WORK_SECONDS)
            except UnreadableError as error:
                raise NotShownError(f"{UNREADABLE}: {error}") from None
            except moving.EmptyError:
                raise NotShownError(NOTHING) from None

        return self._kept_or(("play", clip, start, end), make)

    def _large(self, number: int) -> bytes:
        tracks = self.model.run.tracks
        image = self._image(tracks.name(number), float(tracks.time[number]))
        x, y, width, height = tracks.shares(number)
        high, wide = image.shape[:2]
        side = max(width * wide, height * high) * (1 + 2 * AROUND)
        middle = ((x + width / 2) * wide, (y + height / 2) * high)
        half = min(side, wide, high) / 2
        left, top = (
            round(min(max(at - half, 0), most - 2 * half)) for at, most in zip(middle, (wide, high), strict=True)
        )
        cut = image[top : top + max(1, int(2 * half)), left : left + max(1, int(2 * half))]
        return encode_picture(cut, LARGE)

    def _image(self, clip: str, seconds: float) -> np.ndarray:
        """(H, W, 3) uint8, BGR."""
        seen = self.places.clip(clip)
        still = seen is not None and seen.is_still
        reason = NOTHING
        for more in FRAME_SECONDS:
            start, end = (0.0, 0.0) if still else (max(seconds - BEFORE, 0.0), seconds + more)
            try:
                with self._frames(clip, start, end) as frames:
                    image = None
                    for frame in frames:  # to the end, because a stopped decoder must be started again
                        image = frame.image.copy() if image is None else image
                if image is not None:
                    return image
            except UnreadableError as error:
                reason = str(error)
        raise NotShownError(f"{UNREADABLE}: {reason}")

    @contextmanager
    def _frames(self, clip: str, start: float, end: float, rate: Fraction | None = None) -> Iterator[Iterator[Frame]]:
        path = self.places.path(clip)
        if path is None:
            raise NotShownError(self.places.why_not(clip) or GONE)
        with self.pool.decoder() as decoder:
            try:
                with closing(decoder.read_frames(path, 1, rate, start, end)) as frames:
                    yield frames
            except InputError as error:  # no decoder can be started
                raise NotShownError(str(error)) from None

    def _kept_or(self, key: tuple, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._bytes += len(made) - len(self._kept.pop(key, b""))
            self._kept[key] = made
            while self._bytes > CACHE_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return made


def _fit(image: np.ndarray, longest: int) -> np.ndarray:
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _jpeg(image: np.ndarray) -> bytes:
    return encode_picture(image, image.shape[0])
