"""Frames: their numbers, their size, their colours, and clips that can't be read."""

import av
import cv2
import numpy as np
import pytest

from rcnn.errors import UnreadableError
from rcnn.video.frames import read_frames

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
    numbers, frames = zip(*read_frames(str(path), sampling), strict=True)
    return list(numbers), np.stack(frames)


def test_frames_count_from_one_and_are_sampled(tmp_path):
    write_clip(tmp_path / "a.mp4", 25)
    numbers, frames = read(tmp_path / "a.mp4", 3)
    assert numbers == [3, 6, 9, 12, 15, 18, 21, 24]
    assert frames.shape == (8, 480, 888, 3)
    brightness = frames[:, 240, 700, :].mean(1)
    np.testing.assert_allclose(brightness, [8 * n for n in numbers], atol=6)


def test_colours_are_bgr(tmp_path):
    write_clip(tmp_path / "a.mp4", 2)
    _, frames = read(tmp_path / "a.mp4", 1)
    blue, green, red = frames[0, 240, 200]
    assert red > 200 > 60 > max(blue, green)


def test_every_frame_at_sampling_one(tmp_path):
    write_clip(tmp_path / "a.mp4", 13)
    assert read(tmp_path / "a.mp4", 1)[0] == list(range(1, 14))


def test_a_clip_shorter_than_the_sampling_has_no_frames_and_is_readable(tmp_path):
    write_clip(tmp_path / "a.mp4", 2)
    assert list(read_frames(str(tmp_path / "a.mp4"), 3)) == []


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
