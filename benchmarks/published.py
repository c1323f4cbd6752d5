"""The table of published detectors: recognised type, agreement with a referee, faces found and speed."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from referees import REFEREES, alike, pictures

from benchmarks.ranking.people import CHOOSING, read_videos, sides_of_videos
from rcnn.errors import InputError
from rcnn.faces.detectors import Detector
from rcnn.faces.finding import find_faces
from rcnn.faces.load import load_detector
from rcnn.faces.views import detect_frames
from rcnn.video.frames import read_frames

KINDS = {"EsshDetector": "ESSH", "MtcnnDetector": "MTCNN"}  # of checkpoints, which print no type


def models_in(folder: Path) -> list[str]:
    """The detectors in a folder of published models, the shipped ones, and those in ../shared/checkpoints."""
    cascades = sorted({str(path.parent) for path in folder.glob("*/det1-symbol.json")})
    checkpoints = [f"{str(path)[: -len('-0000.params')]},0" for path in sorted(folder.glob("*/*-0000.params"))]
    return [*map(str, sorted(folder.glob("*.onnx"))), *checkpoints, *cascades]


def frames_of_videos(folder: Path, count: int) -> list[np.ndarray]:
    """One frame of each of some videos of the people reserved for tuning, at one second."""
    videos = read_videos(folder)
    sides = sides_of_videos(videos)
    mine = [video for video in videos if sides[video.person] == CHOOSING and video.seconds > 2]
    frames = []
    for video in mine[:: max(1, len(mine) // count)][:count]:
        for frame in read_frames(str(folder / video.path), rate=1):
            if frame.time >= 1:
                frames.append(frame.image.copy())
                break
    return frames


def recognised(model: str) -> tuple[Detector | None, str]:
    """A detector and its recognised type; None and the reason if it is refused."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            detector = load_detector(model)
    except InputError as error:
        return None, f"refused: {str(error).partition(': ')[2].partition(';')[0][:60]}"
    line = said.getvalue().partition(": ")[2]
    return detector, line.partition(",")[0] or KINDS.get(type(detector).__name__, "?")


def seconds_of(detector: Detector, frames: Sequence[np.ndarray]) -> tuple[int, float]:
    """Number of faces in frames, and processor seconds of detection without compilation."""
    detect_frames(detector, frames)
    begun = time.process_time()
    found = detect_frames(detector, frames)
    return sum(map(len, found)), time.process_time() - begun


def table(models: Sequence[str], group: Path, videos: Path, count: int, reference: str) -> None:
    """Print the table as Markdown; speeds in frames per processor second, relative to `reference` in this run."""
    frames = frames_of_videos(videos, count)
    faces, base = seconds_of(load_detector(reference), frames)
    images = pictures(group)
    names = ", ".join(f"{width}x{height}" for width, height in images)
    print(f"{len(frames)} frames of videos; agreement (overlap / landmarks in % of the eyes' distance) at {names}\n")
    print("| file | recognised as | agreement | faces | speed |\n| --- | --- | --- | ---: | ---: |")
    print(f"| {Path(reference).name} | ESSH | - | {faces} | 1.00 |", flush=True)
    for model in models:
        detector, kind = recognised(model)
        name = Path(model).name
        if detector is None:
            print(f"| {name} | {kind} | - | - | - |", flush=True)
            continue
        agreed = "-"
        if referee := REFEREES.get(name):
            pairs = [alike(find_faces(image, detector), referee(model, image)) for image in images.values()]
            agreed = ", ".join(f"{overlap:.2f} / {apart:.1f}" for overlap, apart in pairs)
        faces, seconds = seconds_of(detector, frames)
        print(f"| {name} | {kind} | {agreed} | {faces} | {base / seconds:.2f} |", flush=True)
