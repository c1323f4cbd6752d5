"""Pictures of faces on the page: what claims to be huge takes no memory."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest

from rcnn.report.pictures import SIDE, thumbnail

JPEG = cv2.imencode(".jpg", np.full((112, 96, 3), 90, np.uint8))[1].tobytes()

BMP = b"BM" + bytes(16) + struct.pack("<ii", 60_000, 60_000)


def png(width: int, height: int) -> bytes:
    """A PNG that claims this size, and holds some rows of black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + struct.pack(">HH", height, width) + JPEG[at + 4 :]


def test_a_crop_becomes_small():
    small = cv2.imdecode(np.frombuffer(thumbnail(JPEG), np.uint8), cv2.IMREAD_COLOR)
    assert small.shape[0] == SIDE


@pytest.mark.parametrize(
    "data",
    [
        png(60_000, 60_000), jpeg(60_000, 60_000), png(60_000, 1), jpeg(1, 60_000), png(30_000, 30_000), png(0, 112),
        jpeg(0, 0), b"", b"no picture", JPEG[:20], JPEG + bytes(1 << 20), BMP,
    ],
)  # fmt: skip
def test_what_is_no_crop_is_no_picture(data):
    tracemalloc.start()
    try:
        assert thumbnail(data) is None
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
