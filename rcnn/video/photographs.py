"""From photographs to images: one reader for search, gendata.py, the trainers and `rcnn.read_image`."""

from __future__ import annotations

import io
import logging
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin

from ..errors import InputError, UnreadableError
from .colours import strips
from .picture import PNG_CHUNK_BYTES, PNG_START

# In the order in which they are tried: an AVIF and a HEIC may begin alike, and the reader of AVIF tells them apart.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")
WORKING = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP, JPEG 2000 and PNM"
TRANSFORMATIONS = ("irot", "imir")  # a turn and a mirror image, which the container of a HEIC or AVIF may ask for
ANIMATED = (
    "GIF",
    "PNG",
    "WEBP",
    "AVIF",
)  # formats whose further pictures are frames; in others they are pages or previews
# For listing folders in which every file must be a picture; how a file is read depends only on its content.
# fmt: off
NO_PICTURE = "is not a picture that can be read"
ENDINGS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".heic", ".heif", ".hif",
    ".tif", ".tiff", ".gif", ".bmp", ".dib", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm",
})
# fmt: on
HEAD_BYTES = 32  # of a file, to identify its format

# Phones have sensors of 200 million. Such a picture takes 1.5 GB at its peak: 7.5 bytes a pixel, 3 of them the answer.
MAX_PIXELS = 200_000_000
# Memory factor of the readers of some formats, measured on 48 million pixels; their limit is lower by this factor.
COSTLY = {"progressive": 1.4, "AVIF": 1.6, "HEIF": 1.2, "TIFF": 1.5, "WEBP": 2.2, "JPEG2000": 2.6}
TILE_PIXELS = 1 << 24  # of a TIFF's tiles, which are of one size in a small picture, too
MAX_SIDE = 32_766  # pixels: OpenCV's warps, which cut faces out, take no more
MAX_BYTES = 1 << 30  # of a file: some formats are read as a whole

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
logging.getLogger("PIL").addHandler(logging.NullHandler())  # we report problems of a file ourselves, once
_one_at_a_time = threading.Lock()  # memory for one picture; and Pillow's limit and the warnings are the process's


def is_photograph(head: bytes) -> bool:
    """Whether a file that starts with these bytes (`HEAD_BYTES` are enough) is a photograph."""
    Image.init()
    return any(accept(head) is True for accept in (Image.OPEN[name][1] for name in FORMATS) if accept is not None)


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether the file is an animation: a GIF, APNG, WebP or AVIF of several frames.

    Raises
    ------
    UnreadableError
        As `read_photograph`, except errors that only decoding shows.
    """
    return picture_kind(path)[1]


def picture_kind(path: str | os.PathLike[str]) -> tuple[str, bool]:
    """Name of a picture's format, such as jpeg, and whether it is an animation; raises like `is_animation`."""
    with _opened(path) as (image, _):
        moves = image.format in ANIMATED and bool(getattr(image, "is_animated", False))
        return (image.format or "").lower(), moves


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
        raise InputError(f"{path}: {error}; give another picture, or remove it") from None


def read_photograph(source: str | os.PathLike[str] | bytes) -> np.ndarray:
    """A photograph as it is meant to be seen.

    It is rotated upright, converted to sRGB if it has a profile, and transparent pixels get a white background. Of
    several pictures in a file it is the first, or the primary one. The format is recognised by content, never by name;
    its size is read from the header before memory is allocated for pixels.

    Parameters
    ----------
    source : path of the file, or its bytes

    Returns
    -------
    (H, W, 3) uint8, BGR.

    Raises
    ------
    UnreadableError
        If it is not a photograph, damaged, cut off, or larger than `MAX_PIXELS`, `MAX_SIDE` or `MAX_BYTES`.
    """
    with _opened(source) as (image, file), _damage(image.format):
        with _silent_libtiff(image.format):
            image.load()
        return _upright(image, _orientation(image, file))


def convert_picture(image: Image.Image) -> np.ndarray:
    """A Pillow image, converted like `read_photograph`: (H, W, 3) uint8, BGR, upright by its EXIF.

    Raises
    ------
    UnreadableError
        If it has no pixels, more than `MAX_PIXELS`, a longer side than `MAX_SIDE`, or its file is damaged.
    """
    with _damage(image.format or "picture"):
        if not all(image.size):
            raise UnreadableError(f"has {image.size[0]} x {image.size[1]} pixels")
        _check_size(image)
        image.load()
        return _upright(image, _exif_orientation(image))


def _upright(image: Image.Image, orientation: int) -> np.ndarray:
    height, width = image.size if orientation in TURNED else image.size[::-1]
    upright = np.empty((height, width, 3), np.uint8)
    stored = STORED.get(orientation, np.asarray)(upright)
    for top, strip in strips(image):
        stored[top : top + len(strip)] = strip
    return upright


@contextmanager
def _opened(source: str | os.PathLike[str] | bytes) -> Iterator[tuple[ImageFile.ImageFile, IO[bytes]]]:
    """The picture, whose pixels are not decoded yet, and its file."""
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # Pillow's, of odd tags and of many pixels
        stack.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = (
            MAX_PIXELS  # it refuses twice as many itself, before a reader allocates memory at opening
        )
        file = stack.enter_context(io.BytesIO(source) if isinstance(source, bytes) else _open(source))
        head = file.read(HEAD_BYTES)
        if not head:
            raise UnreadableError("empty file")
        if not is_photograph(head):
            raise UnreadableError(f"{NO_PICTURE} ({WORKING} can)")
        if head.startswith(PNG_START):
            _check_chunks(file)
        with _damage("picture"):
            image = stack.enter_context(Image.open(file, formats=FORMATS))
            _check_size(image)
        yield image, file


def _check_chunks(file: IO[bytes]) -> None:
    """Refuse a PNG that ends within a chunk: its reader stops once it has the pixels."""
    end = file.seek(0, os.SEEK_END)
    at = len(PNG_START)
    while file.seek(at) < end:
        header = file.read(8)
        at += PNG_CHUNK_BYTES + int.from_bytes(header[:4], "big")
        if header[4:] == b"IEND":
            break
    if at > end:
        raise UnreadableError("is damaged or cut off (PNG: a part of it is longer than the file)")


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    kind = "progressive" if image.info.get("progressive") else image.format or ""
    pixels = int(MAX_PIXELS / COSTLY.get(kind, 1))
    if width * height > pixels or max(width, height) > MAX_SIDE:
        raise _too_large(f"{width:,} x {height:,}", pixels)
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # a tile may extend over the edge, and is decoded as a whole
        across, down = (image.tag_v2.get(tag, 1) for tag in (TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH))
        if across * down > max(2 * width * height, TILE_PIXELS):
            raise UnreadableError("is damaged (TIFF: its tiles are larger than it is)")


def _too_large(size: str, pixels: int = MAX_PIXELS) -> UnreadableError:
    return UnreadableError(
        f"has {size} pixels; the limit for this format is {pixels // 1_000_000} million, and {MAX_SIDE:,} per side"
    )


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would block
            raise UnreadableError("is a folder" if stat.S_ISDIR(status.st_mode) else "is not an ordinary file")
        if status.st_size > MAX_BYTES:
            raise UnreadableError(f"is {status.st_size:,} bytes large; the limit is {MAX_BYTES:,}")
        return Path(path).open("rb")
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    except ValueError as error:  # a zero byte in the path
        raise UnreadableError(str(error)) from None


@contextmanager
def _damage(what: str | None) -> Iterator[None]:
    """Any exception in this block means a damaged file.

    Pillow's readers raise OSError, SyntaxError, ValueError, KeyError, struct.error, zlib.error, RuntimeError and a
    dozen others for files that are not what they say.
    """
    try:
        yield
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError(f"needs more memory than is available ({what})") from None
    except Image.DecompressionBombError:
        raise _too_large(f"more than {2 * MAX_PIXELS // 1_000_000} million") from None
    except Image.UnidentifiedImageError:
        raise UnreadableError("is damaged, or of a rare kind: its header can't be read") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UnreadableError(f"is damaged or cut off ({what}: {reason or type(error).__name__})") from None


@contextmanager
def _silent_libtiff(what: str | None) -> Iterator[None]:
    """It writes to file descriptor 2 about damage, which we report ourselves, in one line."""
    with ExitStack() as stack:
        if what == "TIFF":
            with suppress(OSError):  # nobody listens
                listening = os.dup(2)
                stack.callback(os.close, listening)
                stack.callback(os.dup2, listening, 2)
                with open(os.devnull, "wb") as nothing:
                    os.dup2(nothing.fileno(), 2)
        yield


def _orientation(image: ImageFile.ImageFile, file: IO[bytes]) -> int:
    """How the decoded picture must be rotated, EXIF's 1 to 8; 1 if its reader has rotated it."""
    if image.format == "HEIF":  # libheif has followed the container
        return _exif_alone(file)
    if image.format == "AVIF":
        image.info.pop("xmp", None)  # its reader says in EXIF what the container says
    orientation = _exif_orientation(image)
    return _exif_alone(file) if image.format == "AVIF" and orientation == 1 else orientation


def _exif_orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # as in `_damage`; but what EXIF says is not worth the picture
        return 1
    return orientation if orientation in STORED else 1


def _exif_alone(file: IO[bytes]) -> int:
    """EXIF's orientation of a HEIC or AVIF whose container has no rotation; else 1.

    MIAF (ISO/IEC 23000-22, 7.3.10.1) requires it in the container. Phones write it to both, and it applies once; but
    some phones and converters write it only to EXIF.
    """
    file.seek(0)
    try:
        container = pillow_heif.open_heif(file)
        primary = container[container.primary_index]
        turns = any(name in TRANSFORMATIONS for name, *_ in primary._c_image.transformations)
    except (OSError, ValueError, RuntimeError, EOFError):  # of a kind that libavif alone can read
        return 1
    return 1 if turns else pillow_heif.set_orientation(dict(primary.info)) or 1
