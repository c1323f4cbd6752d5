"""Converts all kinds of images to the arrays that detectors need."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, UnreadableError
from ..files.text import printable
from .checks import check_choice, kind_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    Image = str | os.PathLike[str] | bytes | Picture | np.ndarray

BGR, RGB = "bgr", "rgb"
WANTED = "give a path, the bytes of a file, a PIL image, or an array with colour"
STATE_COLOUR = 'colour: give the order of colours in the array: colour="bgr" (OpenCV) or colour="rgb" (others)'
MAX_SIDE = 32_766  # pixels, as of photographs
OPAQUE = 255


def as_bgr(image: Image, colour: str | None = None, name: str = "image") -> np.ndarray:
    """An image as (H, W, 3) uint8, BGR, upright.

    Parameters
    ----------
    image : path of a photograph; its bytes; a PIL image of any mode, which is turned as its EXIF says; or an array of
        uint8: (H, W, 3) or (H, W, 4) in the order that `colour` says, or (H, W) or (H, W, 1), which are grey. White is
        behind what can be seen through.
    colour : "bgr" or "rgb", the order of an array; not used for others
    name : of the argument, for messages

    Raises
    ------
    ArgumentError
        If it is none of these, can't be read, or an array comes without its order.
    """
    if colour is not None:
        colour = check_choice(colour, "colour", (BGR, RGB))
    if isinstance(image, np.ndarray):
        return _of_array(image, colour, name)
    try:
        if isinstance(image, str | os.PathLike):
            return _of_file(image)
        if isinstance(image, bytes | bytearray | memoryview):
            return _of_bytes(bytes(image))
        if type(image).__module__.startswith("PIL."):
            from ..video.photographs import convert_picture

            return convert_picture(image)
    except UnreadableError as error:
        where = f" {printable(str(os.fspath(image)))}" if isinstance(image, str | os.PathLike) else ""
        raise ArgumentError(f"{name}{where}: {error}{_next(str(error))}") from None
    raise ArgumentError(f"{name}: is {kind_of(image)}; {_instead(image)}")


def _of_file(path: str | os.PathLike[str]) -> np.ndarray:
    from ..video.photographs import read_photograph

    text = os.fspath(path)
    if isinstance(text, bytes) or not text:
        raise UnreadableError("is not a path; give it as a str or a Path")
    if "://" in text:
        raise UnreadableError("is a URL, which is not fetched; give the bytes that are there")
    return read_photograph(path)


def _of_bytes(data: bytes) -> np.ndarray:
    from ..video.photographs import read_photograph

    return read_photograph(data)


def _next(reason: str) -> str:
    """What to do next, for the reasons that a reader of photographs has."""
    from ..video.photographs import NO_PICTURE

    if reason == "is a folder":
        return "; give one photograph; get_many takes a list of them, find_people a folder"
    if NO_PICTURE in reason:
        return "; if it is a video, find_in_video and find_people read it"
    if reason == os.strerror(2):
        return "; check the path, which is relative to the folder that Python runs in"
    return ""


def _instead(image: Any) -> str:
    if image is None:
        return "cv2.imread gives None for a file that it can't read; give the path in its place"
    if isinstance(image, list | tuple):
        return f"get_many takes several images; here {WANTED}"
    if hasattr(image, "read"):
        return "give the bytes of the file, as image.read() gives them"
    if hasattr(image, "detach"):
        return 'a tensor is given as image.permute(1, 2, 0).cpu().numpy() of uint8, with colour="rgb"'
    return WANTED


def _of_array(array: np.ndarray, colour: str | None, name: str) -> np.ndarray:
    shape = "x".join(map(str, array.shape)) or "a single number"
    if array.ndim == 4:
        raise ArgumentError(f"{name}: is an array {shape}, several images; give one of them, or all to get_many")
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        raise ArgumentError(f"{name}: is an array {shape}, planes first; give {name}.transpose(1, 2, 0)")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ArgumentError(f"{name}: is an array {shape}; give height x width x 3, or x 4 with alpha, or a grey one")
    if not array.size:
        raise ArgumentError(f"{name}: is an array {shape}, which has no pixels; was the crop outside of its picture?")
    if max(array.shape[:2]) > MAX_SIDE:
        raise ArgumentError(f"{name}: is an array {shape}; a side has {MAX_SIDE:,} pixels at most; make it smaller")
    if array.dtype != np.uint8:
        raise ArgumentError(f"{name}: is an array {shape} of {array.dtype}{_as_uint8(array, name)}")
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if colour is None:
        raise ArgumentError(STATE_COLOUR)
    pixels = _over_white(array) if array.shape[2] == 4 else array
    return np.ascontiguousarray(pixels[..., ::-1] if colour == RGB else pixels)


def _as_uint8(array: np.ndarray, name: str) -> str:
    """How an array of another kind becomes one of uint8."""
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            return " with NaN or infinity in it; give uint8, 0 to 255"
        low, high = float(array.min()), float(array.max())
        if low < 0:
            return f" from {low:.3g} to {high:.3g}, as a network is fed; give the picture itself, uint8 of 0 to 255"
        times = " * 255" if high <= 1 else ""
        return f" from {low:.3g} to {high:.3g}; give ({name}{times}).round().clip(0, 255).astype('uint8')"
    if array.dtype == np.uint16:
        return f"; give ({name} >> 8).astype('uint8')"
    return "; give uint8, 0 to 255"


def _over_white(array: np.ndarray) -> np.ndarray:
    """(H, W, 4) with alpha last, on white."""
    alpha = array[..., 3:].astype(np.uint16)
    mixed = array[..., :3] * alpha + OPAQUE * (OPAQUE - alpha) + OPAQUE // 2
    return (mixed // OPAQUE).astype(np.uint8)
