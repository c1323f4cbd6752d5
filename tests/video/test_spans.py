"""Pieces of a file give the looks of the whole file, each once, with the same pixels."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo import Kind, Zoo, filtered, run, through_pipe

from rcnn.errors import UnreadableError
from rcnn.video import frames as frames_module
from rcnn.video.clock import Clock
from rcnn.video.decoder import FrameDecoder
from rcnn.video.decoding import Decoding
from rcnn.video.frames import read_frames
from rcnn.video.seeking import ALL, Way, read_packets

LOOKS = 8  # a second
SMALL = "scale=160:96"
SHORT = f"-an -vf {SMALL} -g 9"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=12:min-keyint=12:scenecut=0"


def twice(options: str):
    """A broadcast, joined with itself: its times start again."""

    def make(plain: Path, path: Path) -> None:
        part = path.with_name(f"part{path.suffix}")
        run("-i", plain, *shlex.split(options), part)
        path.write_bytes(part.read_bytes() * 2)

    return make


def cut_off(options: str, share: float):
    """The end of the file is missing."""

    def make(plain: Path, path: Path) -> None:
        whole = path.with_name(f"whole{path.suffix}")
        run("-i", plain, *shlex.split(options), whole)
        data = whole.read_bytes()
        path.write_bytes(data[: round(len(data) * share)])

    return make


H264 = f"-an -vf {SMALL} -c:v libx264 -preset veryfast -pix_fmt yuv420p -threads 1 -sc_threshold 0 -g 10 -bf 3"
FILES = [
    Kind("s_h264", ".mp4", filtered(H264)),
    Kind("s_open", ".mp4", filtered(f"{H264} -x264opts open-gop=1")),
    Kind("s_open_mkv", ".mkv", filtered(f"{H264} -x264opts open-gop=1")),
    Kind("s_refresh", ".mp4", filtered(f"{H264} -bf 0 -x264opts intra-refresh=1")),
    Kind("s_mkv", ".mkv", filtered(H264)),
    Kind("s_fragmented", ".mp4", filtered(f"{H264} -movflags +frag_keyframe+empty_moov+default_base_moof")),
    Kind("s_first", ".mp4", filtered(f"{H264} -movflags +faststart")),
    Kind("s_hevc", ".mp4", filtered(f"-an -vf {SMALL} {X265}:open-gop=0")),
    Kind("s_hevc_open", ".mp4", filtered(f"-an -vf {SMALL} {X265}:open-gop=1")),
    Kind("s_hevc_open_mkv", ".mkv", filtered(f"-an -vf {SMALL} {X265}:open-gop=1")),
    Kind("s_h264_ts", ".ts", filtered(H264)),
    Kind("s_open_ts", ".ts", filtered(f"{H264} -x264opts open-gop=1")),
    Kind("s_mpeg2_ts", ".ts", filtered(f"{SHORT} -c:v mpeg2video -bf 2 -q:v 3")),
    Kind("s_mpeg2", ".mpg", filtered(f"{SHORT} -c:v mpeg2video -bf 2 -q:v 3")),
    Kind("s_twice_ts", ".ts", twice(H264)),
    Kind("s_interlaced_ts", ".ts", filtered(
        f"{H264} -vf {SMALL},tinterlace=interleave_top -flags +ilme+ildct -x264opts tff=1")),
    Kind("s_interlaced", ".mp4", filtered(
        f"{H264} -vf {SMALL},tinterlace=interleave_top -flags +ilme+ildct -x264opts tff=1")),
    Kind("s_vp9", ".webm", filtered(f"{SHORT} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M")),
    Kind("s_vp8", ".webm", filtered(
        f"{SHORT} -c:v libvpx -deadline good -cpu-used 5 -b:v 1M -auto-alt-ref 1 -lag-in-frames 8")),
    Kind("s_av1", ".mkv", filtered(f"{SHORT} -c:v libsvtav1 -preset 12 -crf 30")),
    Kind("s_mpeg4", ".avi", filtered(f"{SHORT} -c:v mpeg4 -q:v 3")),
    Kind("s_mpeg4_b", ".avi", filtered(f"{SHORT} -c:v mpeg4 -bf 2 -q:v 3")),
    Kind("s_mjpeg", ".avi", filtered(f"{SHORT} -c:v mjpeg -q:v 5")),
    Kind("s_h264_avi", ".avi", filtered(H264)),
    Kind("s_cut_avi", ".avi", cut_off(f"{SHORT} -c:v mpeg4 -q:v 3", 0.7)),
    Kind("s_h264_flv", ".flv", filtered(H264)),
    Kind("s_flv", ".flv", filtered(f"{SHORT} -c:v flv -q:v 3")),
    Kind("s_wmv", ".wmv", filtered(f"{SHORT} -c:v wmv2 -q:v 3")),
    Kind("s_variable", ".mp4", filtered(
        f"{H264} -vf {SMALL},select='lt(n\\,20)+not(mod(n\\,7))' -fps_mode vfr")),
    Kind("s_edited", ".mp4", lambda plain, path: _edited(plain, path)),
    Kind("s_late", ".mp4", filtered(H264, "-itsoffset 0.7")),
    Kind("s_late_mkv", ".mkv", filtered(f"{H264} -output_ts_offset 3.3")),
    Kind("s_raw", ".h264", filtered(H264)),
    Kind("s_gif", ".gif", filtered("-vf fps=15,scale=160:96")),
    Kind("s_no_index", ".mkv", lambda plain, path: _piped(plain, path)),
    Kind("s_cut_ts", ".ts", cut_off(H264, 0.6)),
    Kind("s_cut_mkv", ".mkv", cut_off(H264, 0.6)),
    Kind("s_cut", ".mp4", cut_off(f"{H264} -movflags +faststart", 0.6)),
]  # fmt: skip
BY_NAME = {kind.name: kind for kind in FILES}


def _edited(plain: Path, path: Path) -> None:
    whole = path.with_name("whole.mp4")
    run("-i", plain, *shlex.split(H264), whole)
    run("-ss", "0.5", "-i", whole, "-c", "copy", path)


def _piped(plain: Path, path: Path) -> None:
    whole = path.with_name("whole.mkv")
    run("-i", plain, *shlex.split(H264), whole)
    through_pipe(whole, path)


def of_pieces(path: Path, cuts: list[float], **how) -> list:
    found = []
    for start, end in pairwise([0.0, *cuts, 0.0]):
        try:
            found += [(frame.time, frame.image) for frame in read_frames(str(path), start=start, end=end, **how)]
        except UnreadableError as error:
            assert "nothing of it can be read from" in str(error)
    return found


def looks_of(path: Path, **how) -> list:
    return [(frame.time, frame.image) for frame in read_frames(str(path), **how)]


def assert_same(pieces: list, whole: list) -> None:
    assert [time for time, _ in pieces] == [time for time, _ in whole]
    for (_, ours), (_, plain) in zip(pieces, whole, strict=True):
        assert np.array_equal(ours, plain)


@pytest.mark.parametrize("kind", FILES, ids=[kind.name for kind in FILES])
def test_pieces_are_the_whole(kind: Kind, zoo: Zoo):
    path = zoo.path(kind)
    times = [frame.time for frame in read_frames(str(path))]
    assert_same(of_pieces(path, times[11::11], rate=LOOKS), looks_of(path, rate=LOOKS))


ANY = [kind for kind in FILES if kind.name in ("s_open", "s_hevc_open_mkv", "s_open_ts", "s_variable", "s_edited")]


@settings(max_examples=25)
@given(
    st.sampled_from(ANY),
    st.lists(st.floats(0.001, 2.5) | st.integers(1, 75).map(lambda number: number / 30), max_size=4, unique=True),
    st.fractions(min_value=1, max_value=40, max_denominator=7),
)
def test_any_cuts_at_any_rate_give_the_whole(zoo: Zoo, kind, cuts, rate):
    path = zoo.path(kind)
    assert_same(of_pieces(path, sorted(cuts), rate=rate), looks_of(path, rate=rate))


def ways_of(path: Path, monkeypatch, **piece) -> list[Way]:
    ways = []

    def opened(*arguments):
        ways.append(arguments[-1].way)
        return Decoding(*arguments)

    monkeypatch.setattr(frames_module, "Decoding", opened)
    list(read_frames(str(path), rate=LOOKS, **piece))
    return ways


@pytest.mark.parametrize(
    ("name", "last", "ways"),
    [
        ("s_h264", 10, [Way()]),
        ("s_hevc_open_mkv", 12, [Way()]),
        ("s_vp9", 6, [Way()]),
        ("s_open_ts", 10, [Way(seeks=False)]),
        ("s_interlaced", 10, [Way(), Way(earlier=True)]),  # the first field's neighbour is needed
        ("s_refresh", 10, [Way(), ALL]),  # its key frame shows nothing by itself
        ("s_twice_ts", 10, [Way(seeks=False), ALL]),  # what time it is, only the frames before say
    ],
)
def test_it_reads_no_more_than_it_has_to(name, last, ways, zoo: Zoo, monkeypatch):
    """From the last key frame on, `last` frames before the end."""
    path = zoo.path(BY_NAME[name])
    key = [frame.time for frame in read_frames(str(path))][-last]
    assert ways_of(path, monkeypatch, start=key) == ways


def test_nothing_is_decoded_twice_where_pieces_begin_at_key_frames(zoo: Zoo, monkeypatch):
    path = zoo.path(BY_NAME["s_h264"])
    decoded = []
    tick = Clock.tick
    monkeypatch.setattr(Clock, "tick", lambda self, pts: decoded.append(pts) or tick(self, pts))
    assert len(list(read_frames(str(path), start=10 / 30, end=40 / 30))) == 30
    assert len(decoded) <= 31


def test_a_piece_says_its_own_length_and_counts_its_own_frames(zoo: Zoo):
    path = str(zoo.path(BY_NAME["s_h264"]))
    middle = read_frames(path, sampling=4, start=0.5, end=1.5)
    assert middle.info.seconds == 1.0 and middle.info.promised == 0
    assert [(frame.number, frame.time) for frame in middle][:2] == [(4, 18 / 30), (8, 22 / 30)]
    assert (middle.info.read, middle.info.read_seconds, middle.info.share) == (30, 1.0, 1.0)
    assert middle.info.rate == 30
    last = read_frames(path, rate=LOOKS, start=1.5)
    assert [frame.number for frame in last] == [1, 5, 9, 13]
    assert (last.info.seconds, last.info.read, last.info.share) == (0.5, 15, 1.0)


def test_what_of_a_piece_is_missing_is_said(zoo: Zoo):
    path = str(zoo.path(BY_NAME["s_cut"]))
    last = max(frame.time for frame in read_frames(path))
    torn = read_frames(path, start=last - 0.2, end=1.9)
    assert list(torn)
    assert 0.05 < torn.info.share < 0.9
    with pytest.raises(UnreadableError, match=r"nothing of it can be read from 1\.900 s on"):
        list(read_frames(path, start=1.9))
    with pytest.raises(UnreadableError, match=r"nothing of it can be read from 9\.000 s on"):
        list(read_frames(path, start=9.0, end=10.0))


def test_a_piece_between_two_frames_has_none_and_is_whole(zoo: Zoo):
    frames = read_frames(str(zoo.path(BY_NAME["s_variable"])), start=1.001, end=1.1)
    assert list(frames) == []
    assert frames.info.read == 0 and frames.info.share == 1.0 and frames.info.width == 160


def test_a_piece_comes_through_the_process(zoo: Zoo):
    path = zoo.path(BY_NAME["s_open"])
    decoder = FrameDecoder()
    try:
        frames = decoder.read_frames(str(path), rate=LOOKS, start=0.4, end=1.2)
        ours = [(frame.time, frame.image.copy()) for frame in frames]
        assert frames.info.seconds == pytest.approx(0.8)
    finally:
        decoder.close()
    assert_same(ours, [look for look in looks_of(path, rate=LOOKS) if 0.4 <= look[0] < 1.2])


def test_a_time_that_was_rounded_to_six_digits_is_that_of_its_frame(zoo: Zoo):
    path = str(zoo.path(BY_NAME["s_h264"]))
    for time in (round(10 / 30, 6), round(20 / 30, 6)):  # the second is rounded up
        assert next(read_frames(path, start=time)).time == pytest.approx(time, abs=1e-6)
    assert next(read_frames(path, start=10 / 30 + 1e-4)).time == 11 / 30


def test_a_stream_that_appears_in_the_middle_ends_nothing():
    """PyAV raises an IndexError behind the last packet of such a file."""

    class Broadcast:
        def demux(self, stream):
            yield from [SimpleNamespace(size=1), SimpleNamespace(size=0), SimpleNamespace(size=2)]
            raise IndexError("list index out of range")

    errors: list[Exception] = []
    assert [packet.size for packet in read_packets(Broadcast(), None, errors)] == [1, 2]
    assert errors == []
