"""Frames: their numbers, their size, their colours, and clips that can't be read."""

import os
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from rcnn.config import config
from rcnn.errors import UnreadableError
from rcnn.video.frames import read_frames
from rcnn.video.types import VideoInfo

WIDTH, HEIGHT = 320, 180


def write_clip(path, frames: int) -> None:
    """Frame f is grey of brightness 8 * f, with a red left half."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(1, frames + 1):
            image = np.full((HEIGHT, WIDTH, 3), 8 * number, np.uint8)
            image[:, : WIDTH // 2] = (0, 0, 255)  # BGR
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def read(path, sampling: int) -> tuple[list[int], np.ndarray]:
    frames = list(read_frames(str(path), sampling))
    return [frame.number for frame in frames], np.stack([frame.image for frame in frames])


def test_frames_count_from_one_and_are_sampled(tmp_path):
    write_clip(tmp_path / "a.mp4", 25)
    numbers, frames = read(tmp_path / "a.mp4", 3)
    assert numbers == [3, 6, 9, 12, 15, 18, 21, 24]
    assert frames.shape == (8, HEIGHT, WIDTH, 3)
    brightness = frames[:, HEIGHT // 2, 250, :].mean(1)
    np.testing.assert_allclose(brightness, [8 * n for n in numbers], atol=6)


def test_colours_are_bgr(tmp_path):
    write_clip(tmp_path / "a.mp4", 2)
    _, frames = read(tmp_path / "a.mp4", 1)
    blue, green, red = frames[0, HEIGHT // 2, 72]
    assert red > 200 > 60 > max(blue, green)


def test_every_frame_at_sampling_one(tmp_path):
    write_clip(tmp_path / "a.mp4", 13)
    assert read(tmp_path / "a.mp4", 1)[0] == list(range(1, 14))


def test_a_clip_shorter_than_the_sampling_has_no_frames_and_is_readable(tmp_path):
    write_clip(tmp_path / "a.mp4", 2)
    frames = read_frames(str(tmp_path / "a.mp4"), 3)
    assert list(frames) == []
    assert (frames.info.width, frames.info.height, frames.info.read) == (WIDTH, HEIGHT, 2)


def test_what_a_clip_is_is_known_before_its_frames(tmp_path):
    write_clip(tmp_path / "a.mp4", 13)
    frames = read_frames(str(tmp_path / "a.mp4"), 5)
    assert frames.info == VideoInfo(0.52, Fraction(25), WIDTH, HEIGHT, "h264", promised=13)
    assert [frame.time for frame in frames] == [4 / 25, 9 / 25]
    assert frames.info == VideoInfo(0.52, Fraction(25), WIDTH, HEIGHT, "h264", 13, read=13, read_seconds=0.52)
    assert frames.info.share == 1


def test_frames_go_where_they_are_put(tmp_path):
    write_clip(tmp_path / "a.mp4", 3)
    places = []

    def place(shape):
        places.append(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
        return places[-1]

    pattern = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    plain = list(read_frames(str(tmp_path / "a.mp4")))
    for frame, expected in zip(read_frames(str(tmp_path / "a.mp4"), place=place), plain, strict=True):
        assert frame.image is places[-1]
        assert np.array_equal(frame.image, expected.image)
        assert np.mean(frame.image == pattern) < 0.05


def test_the_longer_side_is_reduced(tmp_path, monkeypatch):
    monkeypatch.setattr(config.FRAME, "LONGEST", 100)
    write_clip(tmp_path / "a.mp4", 1)
    (frame,) = read_frames(str(tmp_path / "a.mp4"))
    assert frame.image.shape == (56, 100, 3)
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)


def test_a_name_with_a_colon_or_without_sense_in_utf_8_is_a_name(tmp_path):
    for name in (b"12:30.mp4", b"http:x.mp4", b"n\xff\xfe.mp4", b"%03d.mp4"):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        write_clip(tmp_path / "a.mp4", 2)
        os.rename(tmp_path / "a.mp4", path)
        assert len(list(read_frames(path))) == 2
        assert len(list(read_frames(os.path.relpath(path)))) == 2


def test_progress_is_reported_between_looks(tmp_path):
    write_clip(tmp_path / "a.mp4", 25)
    reports = []
    assert not list(read_frames(str(tmp_path / "a.mp4"), 1000, progress=lambda: reports.append(1)))
    assert len(reports) == 25


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder", "picture"])
def test_bad_clips_say_why(tmp_path, kind):
    path = tmp_path / "bad.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a video " * 100)
    elif kind == "truncated":
        write_clip(tmp_path / "whole.mp4", 25)
        path.write_bytes((tmp_path / "whole.mp4").read_bytes()[:600])
    elif kind == "folder":
        path.mkdir()
    elif kind == "picture":
        cv2.imwrite(str(tmp_path / "x.png"), np.zeros((4, 4, 3), np.uint8))
        path.write_bytes((tmp_path / "x.png").read_bytes()[:50])
    with pytest.raises(UnreadableError) as caught:
        list(read_frames(str(path), 1))
    assert str(caught.value)


def rebuilt(path, old: bytes, new: bytes) -> None:
    """Change bytes that occur in a file."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def test_a_codec_that_nobody_knows_is_named(tmp_path):
    write_clip(tmp_path / "a.mp4", 2)
    rebuilt(tmp_path / "a.mp4", b"avc1", b"zzzz")
    with pytest.raises(UnreadableError, match=r"^codec zzzz has no decoder$"):
        read_frames(str(tmp_path / "a.mp4"))


def test_a_recording_that_was_never_ended_says_so(tmp_path):
    write_clip(tmp_path / "a.mp4", 25)
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(UnreadableError, match=r"its index \(moov atom\) is missing"):
        read_frames(str(tmp_path / "a.mp4"))


def test_a_stream_without_one_good_packet_names_its_codec(tmp_path):
    write_clip(tmp_path / "a.mp4", 5)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    body = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[body:end] = bytes(end - body)
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(UnreadableError, match="no frame of its h264 video can be decoded"):
        list(read_frames(str(tmp_path / "a.mp4")))


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(UnreadableError, match="has no video stream, only audio"):
        read_frames(str(tmp_path / "a.m4a"))


def test_a_playlist_opens_no_other_file(tmp_path):
    write_clip(tmp_path / "a.ts", 25)
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "a.ts", "#EXT-X-ENDLIST", ""]
    assert len(list(read_frames(str(tmp_path / "a.ts")))) == 25
    (tmp_path / "a.m3u8").write_text("\n".join(lines))
    with pytest.raises(UnreadableError, match="it is a playlist"):
        read_frames(str(tmp_path / "a.m3u8"))
    (tmp_path / "a.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path / 'a.ts'}\n")
    with pytest.raises(UnreadableError):
        read_frames(str(tmp_path / "a.mp4"))
