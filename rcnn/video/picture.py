"""Reads the header of a picture, before memory is allocated for its pixels."""

from __future__ import annotations

import struct

PNG_CHUNK_BYTES = 12  # of length, kind and checksum
JPEG_START = b"\xff\xd8"
PNG_START = b"\x89PNG\r\n\x1a\n"
ALONE = (0x01, *range(0xD0, 0xD8))  # JPEG markers without a length: TEM, RST0 to RST7
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG, DAC
SCAN, END = 0xDA, 0xD9


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Height and width in pixels that a JPEG (ITU-T T.81, B.2) or a PNG claims to have; None for anything else."""
    if data.startswith(PNG_START):
        return _png_size(data)
    return _jpeg_size(data) if data.startswith(JPEG_START) else None


def _png_size(data: bytes) -> tuple[int, int] | None:
    """None, too, where a chunk is longer than the data: OpenCV takes memory for a chunk before it reads it."""
    at = len(PNG_START)
    if data[at + 4 : at + 8] != b"IHDR" or len(data) < at + 16:
        return None
    width, height = struct.unpack(">II", data[at + 8 : at + 16])
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4].rjust(4, b"\xff"))
        at += PNG_CHUNK_BYTES + length
    return (height, width) if at == len(data) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = len(JPEG_START)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in ALONE:  # a fill byte, or a marker with nothing behind it
            at += 1 if marker == 0xFF else 2
        elif marker in FRAMES:
            if at + 9 > len(data):
                return None
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return height, width
        elif marker in (SCAN, END):
            return None
        else:
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None
