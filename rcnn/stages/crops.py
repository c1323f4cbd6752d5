"""Crops of faces as they are stored in the table of detect.py."""

from __future__ import annotations

import cv2
import numpy as np

from ..config import config
from ..errors import InputError
from ..faces.alignment import SIZES
from ..tables.faces import MAX_CROP_BYTES
from ..video.picture import picture_size


def encode_crop(crop: np.ndarray) -> bytes:
    """An aligned face (H, W, 3) uint8, BGR, as it is stored: JPEG."""
    return cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, config.CROP.JPEG_QUALITY])[1].tobytes()


def decode_crop(data: bytes, where: str) -> np.ndarray:
    """A stored crop as (H, W, 3) uint8, BGR.

    Raises
    ------
    InputError
        If it is not an image, or its header gives another size than that of the crops.
    """
    crop = None
    if len(data) <= MAX_CROP_BYTES and picture_size(data) in SIZES:
        crop = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if crop is None or crop.shape[:2] not in SIZES:
        raise InputError(f"{where}: a crop can't be decoded; run detect.py again")
    return crop
