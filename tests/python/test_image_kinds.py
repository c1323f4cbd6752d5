"""An image is the same in whatever way it is given: path, bytes, PIL image, array; what is none says what to do."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from rcnn import ArgumentError, InputError
from rcnn.python.images import as_bgr
from rcnn.video.photographs import read_photograph

PIXELS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(5, 9), st.just(3)))
ORIENTATION = 0x0112  # EXIF's tag


def png(array: np.ndarray) -> bytes:
    """Of an array (H, W, 3), BGR."""
    return cv2.imencode(".png", array)[1].tobytes()


@given(PIXELS)
@settings(max_examples=15)
def test_every_way_gives_the_same_pixels(bgr: np.ndarray):
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    alpha = np.full((*bgr.shape[:2], 1), 255, np.uint8)
    data = png(bgr)
    given_ways = [
        (bgr, "bgr"), (rgb, "rgb"), (bgr[..., ::-1], "RGB"), (np.dstack([rgb, alpha]), "rgb"), (data, None),
        (bytearray(data), None), (memoryview(data), None), (Image.fromarray(rgb), None),
        (Image.fromarray(np.dstack([rgb, alpha])), None), (np.asfortranarray(bgr), "bgr"), (data, "rgb"),
    ]  # fmt: skip
    for image, colour in given_ways:
        found = as_bgr(image, colour)
        assert found.dtype == np.uint8 and found.flags.c_contiguous
        np.testing.assert_array_equal(found, bgr)


def test_a_file_is_read_by_a_text_and_by_a_path(tmp_path: Path):
    bgr = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    path = tmp_path / "ä photo.jpg"  # content decides, not the name
    path.write_bytes(png(bgr))
    for image in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(as_bgr(image), bgr)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(as_bgr(picture), bgr)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(5, 9))))
@settings(max_examples=10)
def test_grey_needs_no_order_of_colours(grey: np.ndarray):
    wanted = np.dstack([grey] * 3)
    for image in (grey, grey[..., None], Image.fromarray(grey), png(grey)):
        np.testing.assert_array_equal(as_bgr(image), wanted)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(5, 9), st.just(4))))
@settings(max_examples=10)
def test_white_is_behind_what_can_be_seen_through(rgba: np.ndarray):
    share = rgba[..., 3:] / 255
    wanted = (rgba[..., :3] * share + 255 * (1 - share))[..., ::-1]
    for image, colour in ((rgba, "rgb"), (Image.fromarray(rgba), None)):
        assert np.abs(as_bgr(image, colour) - wanted).max() <= 1  # rounded


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pil_image_is_turned_as_its_exif_says(orientation: int):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    pixels = np.random.default_rng(orientation).integers(0, 256, (6, 9, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    upright = read_photograph(file.getvalue())
    with Image.open(file) as picture:
        np.testing.assert_array_equal(as_bgr(picture), upright)
        assert picture.size == (9, 6)  # the caller's is as it was
        np.testing.assert_array_equal(as_bgr(picture.convert("RGBA")), upright)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"]
)
def test_a_pil_image_of_any_mode_is_taken(mode: str):
    assert as_bgr(Image.new(mode, (7, 5))).shape == (5, 7, 3)


ONE = np.zeros((8, 8, 3), np.uint8)
BAD = [
    (ONE, None, r'^colour: .*"bgr".*"rgb"'),
    (ONE, "gbr", r'^colour: is \'gbr\'; give "bgr" or "rgb"'),
    (ONE, 3, r"^colour: is 3"),
    (ONE[:0], "bgr", r"^image: is an array 0x8x3, which has no pixels"),
    (np.zeros((0, 0, 3), np.uint8), "bgr", r"0x0x3"),
    (np.zeros((0, 0), np.uint8), None, r"0x0"),
    (np.zeros((8, 8, 2), np.uint8), "bgr", r"8x8x2; give height x width x 3"),
    (np.zeros((3, 8, 8), np.uint8), "rgb", r"planes first; give image\.transpose\(1, 2, 0\)"),
    (np.zeros((2, 8, 8, 3), np.uint8), "rgb", r"several images.*get_many"),
    (np.zeros(5, np.uint8), None, r"an array 5;"),
    (np.array(7, np.uint8), None, r"a single number"),
    (np.zeros((1, 40000, 3), np.uint8), "rgb", r"32,766"),
    (ONE.astype(np.float32) + 0.5, "bgr", r"of float32 from 0\.5 to 0\.5; give \(image \* 255\)\.round\(\)"),
    (ONE + 200.0, "bgr", r"of float64 .*give \(image\)\.round\(\)"),
    (ONE - 1.0, "bgr", r"as a network is fed"),
    (ONE * np.nan, "bgr", r"NaN"),
    (ONE.astype(np.uint16), "bgr", r"uint16; give \(image >> 8\)"),
    (ONE.astype(np.int64), "bgr", r"int64; give uint8"),
    (ONE.astype(bool), "bgr", r"bool; give uint8"),
    (ONE.astype(object), "bgr", r"object; give uint8"),
    (None, None, r"^image: is None; cv2\.imread"),
    (7, None, r"an object of type int; give a path"),
    ([ONE], "bgr", r"a list; get_many"),
    ({}, None, r"type dict"),
    (io.BytesIO(b"x"), None, r"image\.read\(\)"),
    (b"", None, r"empty file"),
    (b"hello, no picture at all", None, r"is not a picture that can be read"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, None, r"^image: is damaged"),
    ("", None, r"is not a path"),
    ("missing.jpg", None, r"^image missing\.jpg: No such file.*check the path"),
    ("zero\0byte", None, r"null byte|null character"),
    ("https://example.com/a.jpg", None, r"is a URL, which is not fetched"),
    (Path("missing.jpg"), None, r"^image missing\.jpg: No such file"),
    (Image.new("RGB", (0, 0)), None, r"has 0 x 0 pixels"),
]  # fmt: skip


@pytest.mark.parametrize(("image", "colour", "said"), BAD, ids=range(len(BAD)))
def test_what_is_no_image_says_so_in_a_line(image: object, colour: str | None, said: str):
    with pytest.raises(ArgumentError, match=said) as caught:
        as_bgr(image, colour)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value) and "--" not in str(caught.value)


def test_a_folder_a_video_and_a_cut_off_photograph_are_refused(tmp_path: Path):
    with pytest.raises(ArgumentError, match="is a folder; give one photograph"):
        as_bgr(tmp_path)
    film = tmp_path / "film.jpg"
    writer = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    (tmp_path / "a.mp4").rename(film)
    with pytest.raises(ArgumentError, match=r"film\.jpg: is not a picture .*find_in_video and find_people"):
        as_bgr(film)
    whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))[1].tobytes()
    with pytest.raises(ArgumentError, match="is damaged or cut off"):
        as_bgr(whole[: len(whole) // 2])
    torn = Image.open(io.BytesIO(whole[: len(whole) // 2]))  # Pillow reads the pixels when they are asked for
    with pytest.raises(ArgumentError, match="is damaged or cut off"):
        as_bgr(torn)


def test_a_message_names_the_argument_that_it_is_of():
    with pytest.raises(ArgumentError, match=r"^images\[3\]: is None"):
        as_bgr(None, name="images[3]")
