"""Every kind of file that people have: what is shown, when, and in which shape."""

from __future__ import annotations

import itertools
import subprocess
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from zoo import FRAMES, HEIGHT, KINDS, MARK_ROWS, WIDTH, Kind, Zoo, likeness, shown_time

from rcnn.video import decoding
from rcnn.video.clock import Clock
from rcnn.video.decoder import FrameDecoder
from rcnn.video.decoding import Decoding
from rcnn.video.frames import read_frames
from rcnn.video.looks import every
from rcnn.video.messages import SLOT_BYTES, SLOTS
from rcnn.video.opening import open_video

LOOKS = 8  # a second
BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(scope="module")
def decoder():
    decoder = FrameDecoder()
    yield decoder
    decoder.close()


def kinds(*names: str):
    chosen = [BY_NAME[name] for name in names] or KINDS
    return pytest.mark.parametrize("kind", chosen, ids=[kind.name for kind in chosen])


def numbers_and_times(path: Path) -> dict[int, Fraction]:
    """Of all whole frames."""
    container, stream = open_video(str(path))
    with container:
        clock = Clock(container, stream)
        pictures = Decoding(container, stream, clock, every(1), lambda: None).pictures()
        return {picture.number: clock.seconds(picture.tick) for picture in pictures}


def fill_slots(decoder: FrameDecoder, size: int) -> bytes:
    """Put noise where frames will be, `size` bytes a slot."""
    decoder._start()
    noise = np.random.default_rng(0).integers(0, 256, size, np.uint8).tobytes()
    for slot in range(SLOTS):
        decoder._memory[slot * SLOT_BYTES : slot * SLOT_BYTES + size] = noise
    return noise


@kinds()
def test_it_shows_what_was_filmed_when_it_was_filmed(kind: Kind, zoo: Zoo, decoder: FrameDecoder):
    path = zoo.path(kind)
    times = numbers_and_times(path)
    width, height = kind.view.size
    noise = np.frombuffer(fill_slots(decoder, width * height * 3), np.uint8).reshape(height, width, 3)

    frames = decoder.read_frames(str(path), rate=LOOKS)
    assert (frames.info.width, frames.info.height) == (kind.full or kind.view.size)
    multiple = -1
    for frame in frames:
        assert frame.time == float(times[frame.number])
        assert int(frame.time * LOOKS + 0.005) > multiple
        multiple = int(frame.time * LOOKS + 0.005)
        view = kind.view_of(frame.number - 1)
        assert frame.image.shape == (*view.size[::-1], 3)
        if frame.image.shape == noise.shape:
            assert np.mean(frame.image == noise) < 0.05
        expected = kind.plain_index(frame.time)
        assert abs(shown_time(frame.image, view) - expected) <= kind.tolerance
        assert likeness(frame.image, view.of(zoo.images[min(round(expected), FRAMES - 1)])) >= kind.likeness
    due = {int(float(time) * LOOKS + 0.005) for time in times.values()}
    assert multiple == max(due)
    info = frames.info
    assert info.read == kind.frames
    assert info.share == pytest.approx(kind.share, abs=0.02)
    if kind.rate is not None:
        assert info.rate == kind.rate
    assert list(times.values()) == sorted(set(times.values()))
    assert times[min(times)] == pytest.approx(kind.late, abs=1e-3)


@kinds("plain", "interlaced", "turned_90", "edited", "no_key_mpeg4", "grows")
def test_every_nth_frame_counts_all_frames(kind: Kind, zoo: Zoo):
    path = str(zoo.path(kind))
    times = numbers_and_times(zoo.path(kind))
    numbers = [frame.number for frame in read_frames(path, sampling=3)]
    assert numbers == [number for number in times if number % 3 == 0]


@kinds("plain", "hevc", "240p", "edited", "fragmented")
def test_frames_that_are_skipped_change_none_that_is_looked_at(kind: Kind, zoo: Zoo, monkeypatch):
    path = str(zoo.path(kind))
    skipping = read_frames(path, rate=LOOKS)
    mine = list(skipping)
    monkeypatch.setattr(decoding, "SKIPPING", set())
    whole = read_frames(path, rate=LOOKS)
    for ours, plain in zip(mine, whole, strict=True):
        assert (ours.number, ours.time) == (plain.number, plain.time)
        assert np.array_equal(ours.image, plain.image)
    assert skipping.info == whole.info


@kinds("plain", "hevc")
def test_frames_between_looks_are_skipped(kind: Kind, zoo: Zoo, monkeypatch):
    decoded = []
    tick = Clock.tick
    monkeypatch.setattr(Clock, "tick", lambda self, pts: decoded.append(pts) or tick(self, pts))
    assert len(list(read_frames(str(zoo.path(kind)), rate=LOOKS))) == 16
    assert len(decoded) < 0.8 * FRAMES
    monkeypatch.setattr(decoding, "SKIPPING", set())
    decoded.clear()
    assert len(list(read_frames(str(zoo.path(kind)), rate=LOOKS))) == 16
    assert len(decoded) == FRAMES


def test_as_many_looks_at_240_frames_a_second(zoo: Zoo):
    found = read_frames(str(zoo.path(BY_NAME["240p"])), rate=LOOKS)
    assert len(list(found)) == LOOKS and found.info.read == 240


@kinds(*(name for name in BY_NAME if name.startswith("interlaced")))
def test_no_picture_shows_two_moments(kind: Kind, zoo: Zoo):
    """The mark moves by 2 pixels between two fields; its place must not differ from line to line."""
    for frame in read_frames(str(zoo.path(kind)), sampling=5):
        back = cv2.invertAffineTransform(kind.view.matrix)
        plain = cv2.warpAffine(frame.image, back, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        rows = plain[MARK_ROWS.start + 3 : MARK_ROWS.stop - 3, 130:340].mean(2)
        light = np.maximum(rows - 0.4 * rows.max(), 0)
        middles = (light * np.arange(light.shape[1])).sum(1) / light.sum(1)
        assert np.ptp(middles) < 0.7


def test_progressive_pictures_are_what_another_program_makes_of_them(zoo: Zoo):
    capture = cv2.VideoCapture(str(zoo.plain))
    for frame in read_frames(str(zoo.plain)):
        assert np.array_equal(frame.image, capture.read()[1])


@kinds("turned_90", "turned_180", "turned_270", "mirrored", "transposed", "portrait_turned_90")
def test_upright_is_what_ffmpeg_takes_for_upright(kind: Kind, zoo: Zoo):
    path = zoo.path(kind)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    ours = next(read_frames(str(path))).image
    assert likeness(ours, np.frombuffer(data, np.uint8).reshape(ours.shape)) > 35


def test_the_picture_of_another_file_is_never_seen(zoo: Zoo, decoder: FrameDecoder):
    """What went wrong with OpenCV: an interlaced clip was shown with the frames of the clip before it."""
    for name, other in itertools.permutations(["interlaced", "mirrored", "square"], 2):
        for kind in (BY_NAME[name], BY_NAME[other]):
            frame = next(iter(decoder.read_frames(str(zoo.path(kind)), rate=LOOKS)))
            assert likeness(frame.image, kind.view.of(zoo.images[0])) >= kind.likeness


def test_what_is_damaged_is_counted_and_withheld(zoo: Zoo):
    torn = read_frames(str(zoo.path(BY_NAME["truncated"])))
    assert [frame.number for frame in torn] == list(range(1, 36))
    assert (torn.info.promised, torn.info.read, torn.info.damaged) == (60, 36, 1)
    headless = read_frames(str(zoo.path(BY_NAME["no_key_mpeg4"])))
    assert next(headless).number == 19
    assert len(list(headless)) == 35 and headless.info.damaged == 18


def test_seconds_are_what_was_promised_or_else_read(zoo: Zoo):
    for name, seconds in (("truncated", 2.0), ("no_duration", 2.0), ("late", 2.5), ("grows", 2.0), ("raw", 2.0)):
        frames = read_frames(str(zoo.path(BY_NAME[name])), sampling=20)
        list(frames)
        assert frames.info.seconds == pytest.approx(seconds, abs=1e-3)
