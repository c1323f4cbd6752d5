"""Converts pictures of any Pillow mode to 8-bit sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageCms

STRIP_PIXELS = 1 << 20  # converted at a time, so that only the picture itself is in memory as a whole
WHITE = (255, 255, 255)  # background of transparent pixels
DEEP = ("I", "F")  # first letter of the modes of grey with more than 8 bits
PROFILED = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # mode that a colour profile (ICC.1, 7.2.6) belongs to


def strips(image: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
    """First row, and (rows, W, 3) uint8, BGR, of strips from top to bottom."""
    width, height = image.size
    rows = max(1, STRIP_PIXELS // width)
    convert = _deep_converter(image) if image.mode.startswith(DEEP) else _converter(image)
    for top in range(0, height, rows):
        whole = rows >= height
        yield top, convert(image if whole else image.crop((0, top, width, min(height, top + rows))))


def _converter(image: Image.Image) -> Callable[[Image.Image], np.ndarray]:
    transform = _transform(image.info.get("icc_profile"))

    def convert(strip: Image.Image) -> np.ndarray:
        if strip.has_transparency_data:
            seen = strip.convert("RGBA")
            strip = Image.new("RGB", strip.size, WHITE)
            strip.paste(seen, mask=seen)
        elif strip.mode not in PROFILED.values():
            strip = strip.convert("L" if strip.mode == "1" else "RGB")
        if transform is not None and transform.input_mode == strip.mode:
            strip = transform.apply(strip)
        elif strip.mode != "RGB":
            strip = strip.convert("RGB")
        return np.frombuffer(strip.tobytes("raw", "BGR"), np.uint8).reshape(*strip.size[::-1], 3)

    return convert


def _deep_converter(image: Image.Image) -> Callable[[Image.Image], np.ndarray]:
    """For grey of 16 or 32 bits: integers are scaled by the largest value of that many bits, floats by 1."""
    full = float(np.iinfo(np.uint16).max)
    if image.mode in ("I", "F"):
        low, high = np.asarray(image.getextrema(), np.float64)
        if image.mode == "F":
            full = 1.0 if high <= 1 else 255.0
        elif high > full or low < 0:
            full = float(np.iinfo(np.int32).max)

    def convert(strip: Image.Image) -> np.ndarray:
        grey = np.nan_to_num(np.asarray(strip, np.float32)) * np.float32(255 / full)
        return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, 2)

    return convert


def _transform(profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """From the colours of an ICC profile to sRGB; None if there is nothing to do, or the profile is damaged."""
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = PROFILED.get(source.profile.xcolor_space)
        if mode is None or (mode == "RGB" and "sRGB" in (source.profile.profile_description or "")):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
