"""Sizes that headers of pictures claim, and crops that claim too much."""

from __future__ import annotations

import random
import resource
import struct

import cv2
import numpy as np
import pytest

from rcnn.errors import InputError
from rcnn.stages.crops import decode_crop
from rcnn.video.picture import picture_size


def picture(height: int, width: int, kind: str = ".jpg", *options: int) -> bytes:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(kind, image, list(options))[1].tobytes()


def claiming(data: bytes, height: int, width: int) -> bytes:
    """A JPEG whose frame header says another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize("size", [(1, 1), (112, 112), (112, 96), (480, 888)])
@pytest.mark.parametrize("kind", [(".jpg",), (".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (".png",)])
def test_the_size_is_that_of_the_decoded_picture(kind, size):
    data = picture(*size, *kind)
    assert picture_size(data) == size == cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape[:2]


def test_comments_and_fill_bytes_before_the_frame_are_passed_over():
    data = picture(112, 96)
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 4) + b"\xff\xc0\xff\xc0"
    assert picture_size(data[:2] + comment + b"\xff\xff\xff" + data[3:]) == (112, 96)


@pytest.mark.parametrize("size", [(65000, 65000), (65535, 65535), (30000, 30000), (113, 112), (1, 1), (0, 0)])
def test_a_crop_that_claims_another_size_is_refused_before_it_is_decoded(size, monkeypatch):
    data = claiming(picture(112, 112), *size)
    assert picture_size(data) == size
    monkeypatch.setattr(cv2, "imdecode", lambda *arguments: pytest.fail("was decoded"))
    with pytest.raises(InputError, match=r"a\.mp4: a crop can't be decoded; run detect\.py again"):
        decode_crop(data, "a.mp4")


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", b"text", b"\x89PNG\r\n\x1a\n", bytes(2 << 20)]
)
def test_what_is_no_picture_has_no_size(data):
    assert picture_size(data) is None
    with pytest.raises(InputError, match="can't be decoded"):
        decode_crop(data, "a.mp4")


def test_a_chunk_that_is_longer_than_the_file_is_refused(monkeypatch):
    """OpenCV 5.0 takes 4 GB for such a file of 32 kB."""
    data = bytearray(picture(112, 96, ".png"))
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = struct.pack(">I", 0xF0000000)
    assert picture_size(bytes(data)) is None
    monkeypatch.setattr(cv2, "imdecode", lambda *arguments: pytest.fail("was decoded"))
    with pytest.raises(InputError, match="can't be decoded"):
        decode_crop(bytes(data), "a.mp4")


def test_a_bitmap_of_the_right_size_is_no_crop():
    assert picture_size(picture(112, 112, ".bmp")) is None


def test_changed_crops_are_pictures_of_the_size_or_an_input_error():
    rng, good = random.Random(0), [picture(112, 112), picture(112, 96, ".png")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decoded = 0
    for _ in range(1500):
        data = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(400)] = rng.randrange(256)
        try:
            crop = decode_crop(bytes(data), "a.mp4")
        except InputError:
            continue
        assert crop.shape in ((112, 112, 3), (112, 96, 3))
        decoded += 1
    assert 0 < decoded < 1500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB
