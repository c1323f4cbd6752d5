"""Photographs as clips of one frame."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .photographs import HEAD_BYTES, is_photograph, picture_kind, read_photograph
from .types import Frame, FrameItems, VideoInfo


def still_kind(path: str) -> tuple[str, bool]:
    """Name of the format of a photograph, by its content, and whether it is an animation; an empty name for any other
    file.

    Raises
    ------
    UnreadableError
        If it says that it is a photograph, and can't be opened as one.
    """
    if not os.path.isfile(path):
        return "", False
    with suppress(OSError), open(path, "rb") as file:  # whoever opens it as a video says why it can't be
        if is_photograph(file.read(HEAD_BYTES)):
            return picture_kind(path)
    return "", False


def read_still(path: str, codec: str, frame_of: Callable[[np.ndarray, int, float], Frame]) -> FrameItems:
    """The one frame of a photograph, upright.

    Parameters
    ----------
    codec : name of its format
    frame_of : makes the frame of an image, its number and its time
    """
    frame = frame_of(read_photograph(path), 1, 0.0)
    info = VideoInfo(0.0, Fraction(0), frame.width, frame.height, codec, promised=1)
    yield info
    yield frame
    return replace(info, read=1)
