"""Every real video is read, to its last frame."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path

import pytest
from zoo import needs_ffmpeg

from rcnn.video.frames import read_frames

# Files that hold packets which an edit list leaves out, which ffprobe counts among the packets
EDITED = {"p024/tencent-ailab-RD_Radio10_0_clip_0.mp4", "p036/Zielon-video.mp4", "p084/wyhsirius-driving2.mp4"}
TRUNCATED = {"mead_m030/jixinya-sad.mp4": 0.70}  # share that is there


@pytest.fixture(scope="module")
def videos(shared: Path) -> dict[str, Path]:
    folder = shared / "realvideo"
    with open(folder / "manifest.csv", newline="") as file:
        return {row["file"]: folder / row["file"] for row in csv.DictReader(file)}


def packets(path: Path, count: str) -> int:
    """What ffprobe counts: packets, or frames, which takes as long as decoding."""
    command = ["ffprobe", "-v", "error", f"-count_{count}", "-select_streams", "v:0", "-of", "csv=p=0"]
    said = subprocess.run(
        [*command, "-show_entries", f"stream=nb_read_{count}", str(path)], capture_output=True, text=True, check=True
    )
    return int(said.stdout.strip().strip(","))


def test_every_video_has_the_frames_that_ffprobe_counts(videos):
    needs_ffmpeg()
    assert shutil.which("ffprobe")
    for name, path in videos.items():
        frames = read_frames(str(path), sampling=10**6)
        assert list(frames) == []
        assert frames.info.read == packets(path, "frames" if name in EDITED else "packets"), name
        assert frames.info.damaged == 0, name
        assert frames.info.share == pytest.approx(TRUNCATED.get(name, 1.0), abs=0.005), name


def test_eight_looks_a_second_are_as_many_in_every_video(videos):
    for name, path in list(videos.items())[::7]:
        frames = read_frames(str(path), rate=8)
        times = [frame.time for frame in frames]
        assert len(times) == pytest.approx(8 * frames.info.read_seconds, abs=1.5), name
        assert times == sorted(set(times)), name
