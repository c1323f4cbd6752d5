"""A photograph is a clip of one frame; what moves stays a video."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from rcnn.config import config
from rcnn.errors import UnreadableError
from rcnn.video.decoder import FrameDecoder
from rcnn.video.frames import read_frames
from rcnn.video.photographs import read_photograph
from rcnn.video.types import VideoInfo

ORIENTATION = 0x0112


def picture(width: int = 64, height: int = 48) -> Image.Image:
    image = Image.new("RGB", (width, height), (200, 40, 10))
    image.paste((0, 0, 255), (0, 0, width // 2, height // 2))
    return image


def encoded(kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture().save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def decoder():
    decoder = FrameDecoder()
    yield decoder
    decoder.close()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("how", [{}, {"sampling": 7}, {"rate": Fraction(1, 9)}])
def test_a_photograph_is_one_frame_whatever_the_sampling(kind, how, tmp_path):
    path = tmp_path / "clip.mp4"  # the content decides
    path.write_bytes(encoded(kind))
    frames = read_frames(str(path), **how)
    (frame,) = frames
    assert (frame.number, frame.time) == (1, 0.0)
    assert np.array_equal(frame.image, read_photograph(path))
    assert frames.info == VideoInfo(0.0, Fraction(0), 64, 48, kind.lower(), promised=1, read=1)
    assert frames.info.is_still and frames.info.share == 1


def test_it_is_upright_and_reduced_and_comes_through_the_process(tmp_path, decoder):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = tmp_path / "turned.jpg"
    picture(4000, 1000).save(path, exif=exif, quality=95)
    frames = decoder.read_frames(str(path), rate=8)
    (frame,) = frames
    assert (frame.width, frame.height) == (1000, 4000)
    assert frame.image.shape == (config.FRAME.LONGEST, config.FRAME.LONGEST // 4, 3)
    assert frame.image[10, -10].argmax() == 0 and frame.image[-10, 10].argmax() == 2  # blue at the top right
    assert (frames.info.codec, frames.info.seconds, float(frames.info.rate)) == ("jpeg", 0.0, 0.0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_broken_photograph_says_why(kind, tmp_path, decoder):
    data = encoded(kind)
    (tmp_path / "broken.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableError, match="damaged or cut off"):
        list(decoder.read_frames(str(tmp_path / "broken.jpg")))


def test_one_that_is_too_large_is_not_decoded(tmp_path, decoder):
    file = io.BytesIO()
    Image.new("1", (33_000, 10)).save(file, "PNG")
    (tmp_path / "wide.png").write_bytes(file.getvalue())
    with pytest.raises(UnreadableError, match="33,000 x 10 pixels"):
        list(decoder.read_frames(str(tmp_path / "wide.png")))


@pytest.mark.parametrize(("kind", "count"), [("GIF", 3), ("PNG", 3)])
def test_what_moves_is_a_video(kind, count, tmp_path):
    images = [Image.new("RGB", (64, 64), (80 * number, 120, 200)) for number in range(count)]
    images[0].save(tmp_path / "moves", kind, save_all=True, append_images=images[1:], duration=200)
    frames = read_frames(str(tmp_path / "moves"))
    assert len(list(frames)) == count
    assert not frames.info.is_still


def test_a_moving_picture_that_can_not_be_decoded_as_a_video_is_a_photograph(tmp_path, monkeypatch):
    images = [Image.new("RGB", (64, 64), (80 * number, 120, 200)) for number in range(3)]
    images[0].save(tmp_path / "moves", "GIF", save_all=True, append_images=images[1:])

    def refused(path):
        raise UnreadableError("no decoder")

    monkeypatch.setattr("rcnn.video.frames.open_video", refused)
    frames = read_frames(str(tmp_path / "moves"))
    assert [frame.number for frame in frames] == [1]
    assert frames.info.is_still


def test_a_photograph_has_no_pieces(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
    with pytest.raises(UnreadableError, match="has no pieces"):
        read_frames(str(tmp_path / "a.jpg"), start=30.0)
