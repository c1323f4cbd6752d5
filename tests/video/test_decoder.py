"""Clips that break their decoder, and the same frames as without a process."""

from __future__ import annotations

import io
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from patience import PATIENCE, wait_for

from rcnn.config import config
from rcnn.errors import InputError, UnreadableError
from rcnn.video import decoder, serving
from rcnn.video.decoder import FrameDecoder
from rcnn.video.frames import TOO_MUCH, read_frames
from rcnn.video.messages import MEMORY, SLOTS, slot_image
from rcnn.video.serving import AHEAD_BYTES, MEMORY_BYTES, Server
from rcnn.workers import awake


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
    decoder = FrameDecoder(PATIENCE)
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
    try:
        found = list(frames.read_frames(str(folder / "wide.mp4"), 1))
    except UnreadableError as error:
        assert "takes too long" not in str(error)
    else:  # the stream itself knows better than the header
        assert all(max(frame.image.shape) <= config.FRAME.LONGEST for frame in found)
    assert len(list(frames.read_frames(str(clip), 1))) == 11


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_the_death_of_the_decoder_costs_one_clip(number, clip, frames):
    frames_of = frames.read_frames(str(clip), 1)
    next(frames_of)
    os.kill(frames._process.pid, number)
    with pytest.raises(UnreadableError, match=rf"died of it \(signal {int(number)}\)"):
        list(frames_of)
    assert len(list(frames.read_frames(str(clip), 1))) == 11


def test_so_does_a_death_that_is_over_when_the_next_frame_is_asked_for(clip, frames):
    frames_of = frames.read_frames(str(clip), 1)
    next(frames_of)
    frames._process.kill()
    frames._process.wait()  # its end of the pipe is closed: asking fails, not listening
    with pytest.raises(UnreadableError, match=r"died of it \(signal 9\)"):
        list(frames_of)
    assert len(list(frames.read_frames(str(clip), 1))) == 11


def test_a_decoder_that_hangs_is_given_up(clip):
    frames = FrameDecoder(stall_seconds=0.5)
    frames._start()
    os.kill(frames._process.pid, signal.SIGSTOP)
    with pytest.raises(UnreadableError, match="takes too long"):
        list(frames.read_frames(str(clip), 1))
    assert frames._process is None


def test_a_decoder_that_slept_with_its_reader_loses_nothing(clip, frames, monkeypatch):
    """A laptop or container that slept, as the reader sees it: it waits, and then it is an hour later."""
    frames._start()
    os.kill(frames._process.pid, signal.SIGSTOP)
    slept = 0.0
    real_select = decoder.select.select

    def select(*arguments):
        nonlocal slept
        ready = real_select(*arguments)
        if not slept:
            assert not ready[0]
            slept = 3600.0
            os.kill(frames._process.pid, signal.SIGCONT)
        return ready

    monkeypatch.setattr(decoder, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(decoder, "select", SimpleNamespace(select=select))
    monkeypatch.setattr(awake, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + slept))
    assert len(list(frames.read_frames(str(clip), 1))) == 11
    assert slept


def test_time_spent_elsewhere_does_not_count(clip, frames, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(awake, "time", SimpleNamespace(monotonic=lambda: clock.now))
    found = []
    for frame in frames.read_frames(str(clip)):
        clock.now += 2 * PATIENCE  # the network is slow
        found.append(frame.number)
    assert found == list(range(1, 12))


def test_leaving_in_the_middle_leaves_no_process(clip):
    frames = FrameDecoder()
    for _ in frames.read_frames(str(clip), 1):
        process = frames._process
        break
    del frames
    wait_for(lambda: process.poll() is not None, "the end of the decoder")


def test_a_frame_is_never_what_lay_in_its_place(clip, frames):
    frames._start()
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    for slot in range(SLOTS):
        slot_image(frames._memory, slot, noise.shape)[...] = noise
    assert [np.mean(frame.image == noise) < 0.05 for frame in frames.read_frames(str(clip))] == [True] * 11


def test_large_frames_are_not_decoded_as_far_ahead(folder):
    answers = io.BytesIO()
    server = Server(io.BytesIO(b"{}\n" * 100), answers, mmap.mmap(-1, MEMORY), MEMORY_BYTES)
    shape = (1080, 1920, 3)
    taken = []
    for _ in range(20):
        server._place(shape)
        server._ahead.append(shape[0] * shape[1] * 3)
        taken.append(len(server._ahead))
    assert max(taken) == AHEAD_BYTES // (1080 * 1920 * 3) == 8


def serve(path: Path, sampling: int) -> list[dict]:
    """All that a decoder says about a clip of 11 frames."""
    wanted = json.dumps({"path": str(path), "sampling": sampling, "rate": "", "start": 0, "end": 0}).encode()
    answers = io.BytesIO()
    Server(io.BytesIO(wanted + b"\n" + b"{}\n" * (11 // sampling)), answers, mmap.mmap(-1, MEMORY), MEMORY_BYTES).run()
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_decoder_says_that_it_goes_on_between_looks(clip, monkeypatch):
    assert [message["kind"] for message in serve(clip, sampling=5)] == ["ready", "info", "frame", "frame", "end"]
    monkeypatch.setattr(serving, "HEARTBEAT", 0.0)
    kinds = [message["kind"] for message in serve(clip, sampling=5)]
    assert kinds.count("progress") == 11
    assert [kind for kind in kinds if kind != "progress"] == ["ready", "info", "frame", "frame", "end"]


def test_progress_is_no_stall(clip, monkeypatch):
    frames = FrameDecoder(stall_seconds=20)
    messages = serve(clip, sampling=5)[1:]
    said = [messages[0], *[{"kind": "progress"}] * 3, *messages[1:]]
    waits = []
    monkeypatch.setattr(frames, "_line", lambda seconds: waits.append(seconds) or said.pop(0))
    monkeypatch.setattr(frames, "_start", lambda: None)
    monkeypatch.setattr(frames, "_send", lambda message: None)
    monkeypatch.setattr(frames, "_memory", mmap.mmap(-1, MEMORY), raising=False)
    assert [frame.number for frame in frames.read_frames(str(clip), 5)] == [5, 10]
    assert waits == [20] * 7  # each message has the whole limit: no sum is kept


def test_a_decoder_that_can_not_start_ends_the_run(clip, monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho first >&2; echo 'libx.so: failed to map segment' >&2; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(InputError, match=r"can't be started: libx.so: failed to map segment; .*ulimit -v") as caught:
        FrameDecoder().read_frames(str(clip))
    assert "\n" not in str(caught.value)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) * 1024,) * 2)
from rcnn.video.decoder import FrameDecoder
frames = FrameDecoder().read_frames(sys.argv[2])
print(len(list(frames)))
"""


def test_a_hard_limit_of_the_environment_is_kept_and_is_enough(clip):
    command = [sys.executable, "-c", LIMITED, "7000000", str(clip)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "11\n"


def test_a_clip_too_large_for_the_environment_says_what_allows_so_little(clip, monkeypatch):
    def starved(*_):
        raise UnreadableError(TOO_MUCH)

    monkeypatch.setattr(serving, "read_frames", starved)
    answers = io.BytesIO()
    request = json.dumps({"path": str(clip), "sampling": 1, "rate": "", "start": 0, "end": 0}).encode() + b"\n"
    Server(io.BytesIO(request), answers, mmap.mmap(-1, MEMORY), 1 << 30).run()
    end = json.loads(answers.getvalue().splitlines()[-1])
    assert end["error"] == "needs too much memory; the environment allows 1.0 GiB of address space (ulimit -v)"
