"""Pieces of a file give the looks of the whole file, each once, with the same pixels."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo import KINDS, REORDERED, Kind, Zoo, copied, filtered, run, through_pipe

from rcnn.errors import UnreadableError
from rcnn.video import frames as frames_module
from rcnn.video.decoder import FrameDecoder
from rcnn.video.frames import read_frames

LOOKS = 8  # a second
SMALL = "scale=160:96"
SHORT = f"-an -vf {SMALL} -g 9"
X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=12:min-keyint=12:scenecut=0"


def twice(options: str):
    """A broadcast, joined with itself: its times begin anew."""

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
            assert "nothing of it can be read from" in str(error) or "the file ends" in str(error), error
    return found
