"""Photographs to images: one reader for search, gendata.py, the trainers and `rcnn.read_image`."""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageCms, ImageFile

from ..errors import InputError, UnreadableError

# In the order in which they are tried: an AVIF and a HEIC may begin alike, and the reader of AVIF tells them apart.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")
WORKING = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP, JPEG 2000 and PNM"
CONTAINED = ("AVIF", "HEIF")  # whose container says how the picture is turned, whatever its EXIF says
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # whose further pictures are frames; those of others are pages or previews
# By which folders are listed where every file in them must be a picture; how a file is read hangs on its content alone.
ENDINGS = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .avif .heic .heif .hif .tif .tiff .gif .bmp .dib .jp2 .j2k .jpx "
    ".ppm .pgm .pbm .pnm".split()
)
HEAD_BYTES = 32  # of a file, that tell its format

# Phones have sensors of 200 million; such a picture takes 1.5 GB at its peak, 7.5 bytes a pixel, half of them the answer.
MAX_PIXELS = 200_000_000
# How many times that the readers of some formats take, measured on 48 million pixels; so many times fewer are read.
COSTLY = {"progressive": 1.4, "AVIF": 1.6, "HEIF": 1.2, "TIFF": 1.1, "WEBP": 2.2, "JPEG2000": 2.6}
MAX_SIDE = 32_766  # pixels: OpenCV's warps, which cut faces out, take no more
MAX_BYTES = 1 << 30  # of a file: some formats are read whole
STRIP_PIXELS = 1 << 20  # converted at once, so that only the decoded picture and the answer lie in memory whole

WHITE = (255, 255, 255)  # is behind what can be seen through
DEEP = ("I", "F")  # first letter of the modes of grey with more than 8 bits
PROFILED = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # mode that a colour profile of a kind belongs to
# What turns the upright picture back into the one stored, by the number that EXIF (CIPA DC-008, 4.6.5) gives its
# orientation. All are views, so writing through one turns a picture for nothing.
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, -1),
}
TURNED = (5, 6, 7, 8)  # orientations whose upright picture has width and height exchanged

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
_one_at_a_time = threading.Lock()  # memory for one picture; and Pillow's limit and the warnings are the process's


def is_photograph(head: bytes) -> bool:
    """Whether a file that begins with these bytes (`HEAD_BYTES` are enough) says that it is a photograph."""
    Image.init()
    return any(accept(head) is True for accept in (Image.OPEN[name][1] for name in FORMATS) if accept is not None)


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether the file is a picture that moves: a GIF, APNG, WebP or AVIF of several frames.

    Raises
    ------
    UnreadableError
        As `read_photograph`, but for what only decoding shows.
    """
    with _opened(path) as image:
        return image.format in ANIMATED and bool(getattr(image, "is_animated", False))


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """The photograph in a file, (H, W, 3) uint8, BGR, upright. See `read_photograph`.

    Raises
    ------
    InputError
        If it can't be read.
    """
    try:
        return read_photograph(path)
    except UnreadableError as error:
        raise InputError(f"{path}: {error}; give another picture, or take it away") from None


def read_photograph(source: str | os.PathLike[str] | bytes) -> np.ndarray:
    """A photograph as it is meant to be seen.

    It is turned upright, its colours are sRGB where it has a profile, and white is behind what can be seen through. Of
    several pictures in a file it is the first, or the one that the file names. The content decides the format, never
    the name; its size is asked of the header before memory is taken for pixels.

    Parameters
    ----------
    source : path of the file, or its bytes

    Returns
    -------
    (H, W, 3) uint8, BGR.

    Raises
    ------
    UnreadableError
        If it is no photograph, damaged, cut off, or larger than `MAX_PIXELS`, `MAX_SIDE` or `MAX_BYTES`.
    """
    with _opened(source) as image:
        with _damage(image.format):
            image.load()
            orientation = _orientation(image)
        height, width = image.size if orientation in TURNED else image.size[::-1]
        upright = np.empty((height, width, 3), np.uint8)
        stored = STORED.get(orientation, np.asarray)(upright)
        with _damage(image.format):
            for top, strip in _strips(image):
                stored[top : top + len(strip)] = strip
    return upright


@contextmanager
def _opened(source: str | os.PathLike[str] | bytes) -> Iterator[ImageFile.ImageFile]:
    """The picture, whose pixels are not decoded yet."""
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # Pillow's, of odd tags and of many pixels
        stack.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # it refuses twice as many itself, before a reader takes memory at opening
        file = stack.enter_context(io.BytesIO(source) if isinstance(source, bytes) else _open(source))
        head = file.read(HEAD_BYTES)
        if not head:
            raise UnreadableError("empty file")
        if not is_photograph(head):
            raise UnreadableError(f"is no photograph that can be read ({WORKING} can)")
        with _damage("picture"):
            image = stack.enter_context(Image.open(file, formats=FORMATS))
        _check_size(image)
        yield image


def _check_size(image: ImageFile.ImageFile) -> None:
    width, height = image.size
    kind = "progressive" if image.info.get("progressive") else image.format or ""
    pixels = int(MAX_PIXELS / COSTLY.get(kind, 1))
    if width * height > pixels or max(width, height) > MAX_SIDE:
        raise _too_large(f"{width:,} x {height:,}", pixels)


def _too_large(size: str, pixels: int = MAX_PIXELS) -> UnreadableError:
    return UnreadableError(
        f"has {size} pixels; of such a file {pixels // 1_000_000} million are read at most, and {MAX_SIDE:,} a side: "
        "make it smaller"
    )


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
            raise UnreadableError("is a folder" if stat.S_ISDIR(status.st_mode) else "is no ordinary file")
        if status.st_size > MAX_BYTES:
            raise UnreadableError(f"is {status.st_size:,} bytes large; {MAX_BYTES:,} are read at most")
        return Path(path).open("rb")
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    except ValueError as error:  # a zero byte in the path
        raise UnreadableError(str(error)) from None


@contextmanager
def _damage(what: str | None) -> Iterator[None]:
    """Whatever goes wrong in here is damage of the file.

    Pillow's readers raise OSError, SyntaxError, ValueError, KeyError, struct.error, zlib.error, RuntimeError and a
    dozen others for files that are not what they say.
    """
    try:
        yield
    except MemoryError:
        raise UnreadableError(f"takes more memory than there is ({what})") from None
    except Image.DecompressionBombError:
        raise _too_large(f"more than {2 * MAX_PIXELS // 1_000_000} million") from None
    except Image.UnidentifiedImageError:
        raise UnreadableError("is damaged, or of a rare kind: its header can't be read") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UnreadableError(f"is damaged or cut off ({what}: {reason or type(error).__name__})") from None


def _orientation(image: ImageFile.ImageFile) -> int:
    """How the decoded picture must be turned, EXIF's 1 to 8; 1 where its reader has turned it."""
    if image.format == "HEIF":
        return 1  # libheif applies irot and imir
    if image.format in CONTAINED:
        image.info.pop("xmp", None)  # what the container says (MIAF, ISO/IEC 23000-22, 7.3.10.1) counts alone
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _strips(image: Image.Image) -> Iterator[tuple[int, np.ndarray]]:
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
            strip = ImageCms.applyTransform(strip, transform)
        elif strip.mode != "RGB":
            strip = strip.convert("RGB")
        return np.frombuffer(strip.tobytes("raw", "BGR"), np.uint8).reshape(*strip.size[::-1], 3)

    return convert


def _deep_converter(image: Image.Image) -> Callable[[Image.Image], np.ndarray]:
    """For grey of 16 or 32 bits: a number is a share of the largest that so many bits can hold; a float one of 1."""
    low, high = (float(value) for value in image.getextrema())
    if image.mode == "F":
        full = 1.0 if high <= 1 else 255.0
    elif image.mode == "I" and (high > np.iinfo(np.uint16).max or low < 0):
        full = float(np.iinfo(np.int32).max)
    else:
        full = float(np.iinfo(np.uint16).max)

    def convert(strip: Image.Image) -> np.ndarray:
        grey = np.nan_to_num(np.asarray(strip, np.float32)) * np.float32(255 / full)
        return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, 2)

    return convert


def _transform(profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """From the colours of an ICC profile to sRGB; None where there is nothing to do, or the profile is damaged."""
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
