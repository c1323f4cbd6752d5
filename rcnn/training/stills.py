"""Frames of videos as training pictures: motion blur, compression and real backgrounds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2

from ..errors import InputError, UnreadableError
from ..files import make_dir
from ..video.frames import read_frames
from ..workers.progress import progress

FRAMES_A_SECOND = 1
SECONDS = 30.0  # read from the start of each video
LONGEST = 640  # pixels, longer side of a frame
JPEG_QUALITY = 95


def stills_of_videos(folders: Sequence[str], into: str) -> list[Path]:
    """Extract one frame per second from the videos in some folders, into a folder that later runs reuse.

    Parameters
    ----------
    folders : all files in them are read; unreadable ones are skipped with a printed note
    into : folder of the pictures; used as it is if it exists

    Raises
    ------
    InputError
        If a folder does not exist, or no frame can be read.
    """
    if not os.path.isdir(into):
        partial = f"{into}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        make_dir(partial)
        for folder in progress(folders, what="frames", unit="folder"):
            if not os.path.isdir(folder):
                raise InputError(f"--videos: {folder} is not a folder")
            for video in sorted(path for path in Path(folder).iterdir() if path.is_file()):
                _write_stills(video, f"{partial}/{Path(folder).name}-{video.stem}")
        os.rename(partial, into)
    paths = sorted(Path(into).glob("*.jpg"))
    if not paths:
        raise InputError(f"--videos {','.join(folders)}: contains no readable video ({into} has no frame)")
    return paths


def _write_stills(video: Path, prefix: str) -> None:
    try:
        for frame in read_frames(str(video), rate=FRAMES_A_SECOND, end=SECONDS):
            image = frame.image
            scale = min(1.0, LONGEST / max(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
            cv2.imwrite(f"{prefix}-{frame.number:05d}.jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    except UnreadableError as error:
        print(f"{video}: {error}; skipped", flush=True)
