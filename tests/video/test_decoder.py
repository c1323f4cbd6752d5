"""Clips that break their decoder, and the same frames as without a process."""

from __future__ import annotations

import os
import signal
import struct
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcnn.config import config
from rcnn.errors import UnreadableError
from rcnn.video.decoder import FrameDecoder
from rcnn.video.frames import read_frames
from rcnn.video.messages import SLOTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def clip(folder) -> Path:
    """Eleven frames that differ, under a name that shells and protocols stumble over."""
    path = folder / "a 'clip' \"of\" \n ünï 人.mp4"
    plain = folder / "plain.mp4"
    write_clip(plain, [20 * number for number in range(11)])
    plain.rename(path)
    return path


def write_clip(path: Path, greys: list[int]) -> None:
    """A clip of plain frames."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    for grey in greys:
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()


@pytest.fixture
def frames():
    decoder = FrameDecoder(stall_seconds=20)
    yield decoder
    decoder.close()


@pytest.mark.parametrize("sampling", [1, 3, 20])
def test_it_gives_what_read_frames_gives_clip_after_clip(sampling, clip, frames):
    for _ in range(2):
        plain, ours = read_frames(str(clip), sampling), frames.read_frames(str(clip), sampling)
        assert ours.info == plain.info
        for expected, found in zip(plain, ours, strict=True):
            assert replace(found, image=None) == replace(expected, image=None)
            assert np.array_equal(found.image, expected.image)
        assert ours.info == plain.info and ours.info.read == 11


def test_a_frame_stays_as_it_is_until_the_next_is_asked_for(folder, frames):
    path = folder / "long.mp4"
    count = 2 * SLOTS + 3
    write_clip(path, [6 * number for number in range(count)])
    brightness = []
    for frame in frames.read_frames(str(path)):
        if len(brightness) < 4:
            time.sleep(0.1)  # time to decode as far ahead as it goes, and to overwrite this frame, if anything would
        brightness.append(int(frame.image.mean()))
    assert len(brightness) == count
    assert brightness == sorted(set(brightness))


def make_bad(kind: str, path: Path, clip: Path) -> None:
    data = clip.read_bytes()
    if kind == "text":
        path.write_text("no video " * 200)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(data[: len(data) // 3])
    elif kind == "folder":
        path.mkdir()
    elif kind == "forbidden":
        path.write_bytes(data)
        path.chmod(0)
    elif kind == "wide":  # a million pixels by a million, says the header
        at = data.index(b"mp4v", data.index(b"stsd"))
        path.write_bytes(data[: at + 28] + struct.pack(">HH", 65535, 65535) + data[at + 32 :])
    elif kind == "link":
        path.symlink_to(path)


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "truncated", "folder", "link"])
def test_bad_clips_say_why_and_the_next_one_is_read(kind, folder, clip, frames):
    path = folder / f"{kind}.mp4"
    make_bad(kind, path, clip)
    with pytest.raises(UnreadableError) as caught:
        list(frames.read_frames(str(path), 1))
    assert str(caught.value) and "\n" not in str(caught.value)
    assert len(list(frames.read_frames(str(clip), 1))) == 11


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_clip_that_may_not_be_read_says_so(folder, clip, frames):
    make_bad("forbidden", folder / "forbidden.mp4", clip)
    with pytest.raises(UnreadableError):
        list(frames.read_frames(str(folder / "forbidden.mp4"), 1))


def test_absurd_dimensions_neither_hang_nor_eat_the_memory(folder, clip, frames):
    make_bad("wide", folder / "wide.mp4", clip)
    begun = time.monotonic()
    try:
        found = list(frames.read_frames(str(folder / "wide.mp4"), 1))
    except UnreadableError:
        pass
    else:  # the stream itself knows better than the header
        assert all(max(frame.image.shape) <= config.FRAME.LONGEST for frame in found)
    assert time.monotonic() - begun < 20
    assert len(list(frames.read_frames(str(clip), 1))) == 11


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_the_death_of_the_decoder_costs_one_clip(number, clip, frames):
    frames_of = frames.read_frames(str(clip), 1)
    next(frames_of)
    os.kill(frames._process.pid, number)
    with pytest.raises(UnreadableError, match=rf"died of it \(signal {int(number)}\)"):
        list(frames_of)
    assert len(list(frames.read_frames(str(clip), 1))) == 11


def test_a_decoder_that_hangs_is_given_up(clip):
    frames = FrameDecoder(stall_seconds=0.5)
    frames._start()
    os.kill(frames._process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(UnreadableError, match="takes too long"):
        list(frames.read_frames(str(clip), 1))
    assert time.monotonic() - begun < 10
    assert frames._process is None


def test_time_spent_elsewhere_does_not_count(clip):
    frames = FrameDecoder(stall_seconds=30)
    found = []
    for frame in frames.read_frames(str(clip)):
        if frame.number == 3:
            frames.stall_seconds = 1.0
            time.sleep(1.2)  # the network is slow
        found.append(frame.number)
    frames.close()
    assert found == list(range(1, 12))


def test_leaving_in_the_middle_leaves_no_process(clip):
    frames = FrameDecoder()
    for _ in frames.read_frames(str(clip), 1):
        process = frames._process
        break
    del frames
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is not None
