"""What the header of a picture says, before memory is taken for its pixels."""

from __future__ import annotations

import struct

JPEG_START = b"\xff\xd8"
PNG_START = b"\x89PNG\r\n\x1a\n"
ALONE = (0x01, *range(0xD0, 0xD8))  # JPEG markers without a length: TEM, RST0 to RST7
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG, DAC
SCAN, END = 0xDA, 0xD9


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Height and width in pixels that a JPEG (ITU-T T.81, B.2) or a PNG claims to have; None for anything else."""
    if data.startswith(PNG_START):
        if len(data) < 24 or data[12:16] != b"IHDR":
            return None
        width, height = struct.unpack(">II", data[16:24])
        return height, width
    return _jpeg_size(data) if data.startswith(JPEG_START) else None


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
