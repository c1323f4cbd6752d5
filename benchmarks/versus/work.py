"""The work: videos scaled once to one size, their sampled frames, and a photograph of each person."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2

from rcnn.clips.dataset import NAMES_FILE, TRAIN, TRAIN_FILE
from rcnn.clips.layout import FOLDERS
from rcnn.errors import InputError, UnreadableError
from rcnn.video.frames import read_frames

SEVERAL = "_several"  # folder of videos with several people or cuts
QUALITY = "20"  # CRF of H.264: visually lossless
LIST = "looks.json"
MOST_SECONDS = 6.0  # maximum per video in a share of the collection, so that it contains several videos


@dataclass(frozen=True)
class Video:
    """A video of the collection.

    file : its path in the collection
    person : person in it; empty if there are several
    seconds : length to process, from its start
    whole : whether that is all of it
    """

    file: str
    person: str
    seconds: float
    whole: bool = True

    @property
    def clip(self) -> str:
        """File name of its clip; without white space, which a data set does not allow."""
        ending = ".mp4" if self.whole else f".{self.seconds:g}s.mp4"
        return "_".join(Path(self.file).with_suffix(ending).as_posix().replace("/", "__").split())


@dataclass(frozen=True)
class Work:
    """The input of all contenders.

    dataset : folder in the iQIYI-VID layout; all clips are in the split train, which is processed once
    clips : path and sampled frame numbers (from 1) of each clip
    people : person of each clip
    gallery : name and photograph of each person
    """

    dataset: Path
    clips: tuple[tuple[str, list[int]], ...]
    people: tuple[str, ...]
    gallery: tuple[tuple[str, str], ...]

    @property
    def looks(self) -> int:
        return sum(len(looks) for _, looks in self.clips)


def read_videos(folder: Path, share: float) -> list[Video]:
    """A share of the collection, by seconds, in an order determined by the names; deterministic.

    If less than all, at most `MOST_SECONDS` of each video.
    """
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [(row["file"], row["person"], float(row["seconds"])) for row in csv.DictReader(file)]
    rows.sort(key=lambda row: hashlib.sha256(row[0].encode()).digest())
    wanted = share * sum(seconds for *_, seconds in rows)
    chosen: list[Video] = []
    for name, person, seconds in rows:
        if share < 1 and sum(video.seconds for video in chosen) >= wanted:
            break
        whole = share == 1 or seconds <= MOST_SECONDS
        several = name.startswith(SEVERAL)
        chosen.append(Video(name, "" if several else person, seconds if whole else MOST_SECONDS, whole))
    return chosen


def prepare(videos: Sequence[Video], source: Path, size: tuple[int, int], rate: int, folder: Path) -> Work:
    """Scale missing videos to `size` (width, height), and determine the sampled frames.

    Raises
    ------
    InputError
        If ffmpeg is missing or a video can't be read.
    """
    clips_folder = folder / "clips" / FOLDERS[TRAIN]
    clips_folder.mkdir(parents=True, exist_ok=True)
    for video in videos:
        if not (clips_folder / video.clip).exists():
            _scale(source / video.file, clips_folder / video.clip, size, None if video.whole else video.seconds)
    looks = _looks(videos, clips_folder, rate, folder / f"{rate}-{LIST}")
    clips = tuple((str((clips_folder / video.clip).resolve()), looks[video.clip]) for video in videos)
    photographs = folder / "photographs"
    photographs.mkdir(exist_ok=True)
    gallery = {video.person: clip for video, clip in zip(videos, clips, strict=True) if video.person}
    pictures = tuple((name, str(_photograph(*clip, photographs / f"{name}.jpg"))) for name, clip in gallery.items())
    dataset = _dataset(videos, folder, len(pictures))
    return Work(dataset, clips, tuple(video.person for video in videos), pictures)


def _scale(source: Path, target: Path, size: tuple[int, int], seconds: float | None) -> None:
    """Scale a video or its first `seconds`, keeping its aspect ratio with black borders."""
    width, height = size
    scale = f"scale={width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    part = target.with_suffix(".part.mp4")
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-y", *([] if seconds is None else ["-t", str(seconds)]),
        "-i", source, "-an", "-vf",
        f"{scale},pad={width}:{height}:-1:-1,setsar=1", "-fps_mode", "cfr", "-c:v", "libx264", "-preset", "veryfast",
        "-crf", QUALITY, "-pix_fmt", "yuv420p", part,
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        raise InputError("ffmpeg is missing, which scales the videos; apt install ffmpeg") from None
    except subprocess.CalledProcessError:
        raise InputError(f"{source}: ffmpeg can't scale it, its words are above") from None
    os.replace(part, target)


def _looks(videos: Sequence[Video], folder: Path, rate: int, kept: Path) -> dict[str, list[int]]:
    """Numbers of the frames of each clip sampled by detect.py; cached in the file `kept`."""
    known: dict[str, list[int]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for video in videos:
        if video.clip not in known:
            try:
                frames = read_frames(str(folder / video.clip), rate=Fraction(rate))
                known[video.clip] = [frame.number for frame in frames]
            except UnreadableError as error:
                raise InputError(f"{folder / video.clip}: {error}; delete it") from None
    kept.write_text(json.dumps(known), encoding="utf-8")
    return known


def _photograph(path: str, looks: list[int], target: Path) -> Path:
    """The middle sampled frame of a clip as a JPEG."""
    if not target.exists():
        capture = cv2.VideoCapture(path)
        for _ in range(looks[len(looks) // 2]):
            capture.grab()
        cv2.imwrite(str(target), capture.retrieve()[1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        capture.release()
    return target


def _dataset(videos: Sequence[Video], folder: Path, people: int) -> Path:
    """Create a data set of these clips, in a separate folder per share."""
    labels: dict[str, int] = {}
    lines = [f"{video.clip} {labels.setdefault(video.person, len(labels) + 1)}\n" for video in videos]
    name = hashlib.sha256("".join(lines).encode()).hexdigest()[:12]
    target = folder / f"set-{name}"
    (target / NAMES_FILE).parent.mkdir(parents=True, exist_ok=True)
    for split in FOLDERS.values():
        (target / split).parent.mkdir(parents=True, exist_ok=True)
        (folder / "clips" / split).mkdir(parents=True, exist_ok=True)
        if not (target / split).exists():
            (target / split).symlink_to((folder / "clips" / split).resolve())
    (target / NAMES_FILE).write_text("".join(f"{video.clip}\n" for video in videos), encoding="utf-8")
    (target / TRAIN_FILE).write_text("".join(lines), encoding="utf-8")
    (target / NAMES_FILE).with_name("val_v2.txt").write_text("", encoding="utf-8")
    return target
