"""Photographs to images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError, UnreadableError

PHOTOS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


def read_photo(path: Path) -> np.ndarray:
    """The photograph in `path`, uint8 H x W x 3, BGR, turned upright as its EXIF says.

    Raises `UnreadableError` with the reason.
    """
    try:
        data = np.fromfile(path, np.uint8)
        photo = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except cv2.error as error:  # more pixels than OpenCV agrees to hold
        raise UnreadableError(" ".join(str(error).split())) from error
    if photo is None:
        raise UnreadableError("empty file" if not data.size else "not an image that OpenCV can read")
    return photo


def read_image(path: str) -> np.ndarray:
    """The photograph in a file, (H, W, 3) uint8, BGR, upright as its EXIF says.

    Raises
    ------
    InputError
        If it can't be read.
    """
    try:
        return read_photo(Path(path))
    except UnreadableError as error:
        raise InputError(f"{path}: {error}; give a JPEG, PNG or WebP") from None
