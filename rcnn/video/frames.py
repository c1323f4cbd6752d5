"""Clips to frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from ..config import config
from ..errors import UnreadableError

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # a broken clip is reported by us, once


def read_frames(
    path: str, sampling: int, place: Callable[[], np.ndarray] | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Sampled frames of a clip.

    Parameters
    ----------
    path : the clip
    sampling : frame f, counted from 1, is kept when f % sampling == 0
    place : gives the array (480, 888, 3) uint8 that the next frame is to be put into; None for new ones

    Yields
    ------
    The number of the frame, and (480, 888, 3) uint8, BGR.

    Raises
    ------
    UnreadableError
        If the clip can't be opened or not one frame can be decoded.
    """
    if not os.path.isfile(path):
        raise UnreadableError("is no file")
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise UnreadableError("is empty")
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}") from None
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise UnreadableError("can't be opened as a video")
        size = (config.FRAME.WIDTH, config.FRAME.HEIGHT)
        number = 0
        while capture.grab():
            number += 1
            if number % sampling:
                continue  # decoded, but never converted to BGR
            good, frame = capture.retrieve()
            if not good or frame is None:
                continue
            yield number, cv2.resize(frame, size, dst=None if place is None else place())
        if not number:
            raise UnreadableError("no frame can be decoded")
    except cv2.error as error:
        raise UnreadableError(f"decoding failed: {str(error).strip().splitlines()[0][:120]}") from None
    finally:
        capture.release()
