"""A small finished run for the desk: drawn people in short films, some known from photographs, most unknown."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from drawn_people import person, portrait
from reference_models import ROOT, SHIPPED

from rcnn.demo.film import draw_take, film_frames
from rcnn.video.motion import FPS, write_video

ADA, BOB, LIKE_ADA, EVE, MAX, ZOE = 4, 10, 0, 16, 5, 23  # numbers of people; the third is a little like the first
EVIL = "<img src=x onerror=alert(1)>"  # name of the second, from a stranger's folder
KNOWN = {ADA: "Ada", BOB: EVIL}
TAKES = {ADA: 2, BOB: 1, LIKE_ADA: 3, EVE: 3, MAX: 2, ZOE: 1}  # films of each
EVIL_FILM = "zz_<b>&'\"evil.mp4"
OLD_FILM = "old.mp4"  # MPEG-4 part 2, which browsers do not play
SIZE, FRAMES, CRF = (444, 240), 14, 20


def write_desk_run(root: Path) -> Path:
    """Write photographs and films into `root` and look through them; gives the folder of the run."""
    for number, name in KNOWN.items():
        folder = root / "people" / name
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "1.jpg"), portrait(number))
    films = root / "films"
    films.mkdir()
    for number, takes in TAKES.items():
        for take in range(takes):
            name = EVIL_FILM if (number, take) == (ZOE, 0) else f"{number}_{take}.mp4"
            write_video(films / name, iter(_shot(number, take)), SIZE, CRF)
    two = [np.hstack(pair) for pair in zip(_shot(EVE, 9), _shot(MAX, 9), strict=True)]
    write_video(films / "two.mp4", iter(two), (2 * SIZE[0], SIZE[1]), CRF)
    old = cv2.VideoWriter(str(films / OLD_FILM), cv2.VideoWriter_fourcc(*"mp4v"), FPS, SIZE)
    for frame in [*_shot(ADA, 8), *_shot(EVE, 8)]:
        old.write(frame)
    old.release()
    command = (
        sys.executable, "-m", "rcnn", "find", "--people", root / "people", "--clips", films,
        "--output", root / "found", "--detector", SHIPPED["detector"], "--model", SHIPPED["model"], "--gpu", "-1",
    )  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, cwd=root)
    assert done.returncode == 0, done.stderr[-4000:]
    return root / "found"


def _shot(number: int, take: int) -> list[np.ndarray]:
    """Frames (240, 444, 3) of somebody."""
    found = film_frames(person(number), draw_take(0, number, 20 + take, size=SIZE), SIZE)
    return list(itertools.islice(found, FRAMES))
