"""Portraits of people who do not exist: what a test shows to the models that ship."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from reference_models import ROOT

from rcnn.demo.film import draw_take, film_frames, shown_landmarks
from rcnn.demo.person import DrawnPerson, PeopleModel, load_people

SIDE = 250  # pixels of a portrait, as the photographs of Labeled Faces in the Wild have
FRAME = (888, 480)  # width and height that a clip is shown to the detector with
CLEAR = 3  # a take in whose backgrounds no detector of the tests sees a face
GREY = 90  # level of a frame around a portrait


@cache
def people() -> PeopleModel:
    """What draws them."""
    return load_people(str(ROOT / "model/people"))


@cache
def person(number: int) -> DrawnPerson:
    """The person of a number."""
    return people().person(0, number)


@cache
def portrait(number: int, take: int = 0, side: int = SIDE) -> np.ndarray:
    """A person's portrait of a number: (side, side, 3) uint8, BGR, read-only."""
    image = next(iter(film_frames(person(number), draw_take(0, number, take, size=(side, side)), (side, side))))
    image.flags.writeable = False
    return image


def portrait_landmarks(number: int, take: int = 0, side: int = SIDE) -> np.ndarray:
    """Where the five landmarks of a portrait are drawn: (5, 2) float64, x, y in pixels."""
    return shown_landmarks(person(number), draw_take(0, number, take, size=(side, side)), 0)


def framed(image: np.ndarray, left: int = 320, top: int = 100, grey: int = GREY) -> np.ndarray:
    """A frame (480, 888, 3) uint8 of one grey level with an image in it."""
    frame = np.full((FRAME[1], FRAME[0], 3), grey, np.uint8)
    frame[top : top + len(image), left : left + image.shape[1]] = image
    return frame


def put_clip(path: Path, images: Sequence[np.ndarray]) -> None:
    """Write frames (480, 888, 3) as a clip of 25 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, FRAME)
    for image in images:
        writer.write(image)
    writer.release()


def write_album(folder: Path, counts: Sequence[int]) -> Path:
    """PERSON/PERSON_NNNN.jpg, as in Labeled Faces in the Wild; `counts`: how many portraits of each person."""
    for number, count in enumerate(counts):
        if not count:
            continue
        name = f"Person_{number:02d}"
        (folder / name).mkdir(parents=True)
        for take in range(count):
            path = folder / name / f"{name}_{take + 1:04d}.jpg"
            cv2.imwrite(str(path), portrait(number, take), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folder


def group() -> tuple[np.ndarray, np.ndarray]:
    """Six people in two rows: (500, 750, 3) uint8, BGR, and their landmarks (6, 5, 2), row by row from the left."""
    image = np.empty((2 * SIDE, 3 * SIDE, 3), np.uint8)
    points = []
    for number in range(6):
        y, x = SIDE * (number // 3), SIDE * (number % 3)
        image[y : y + SIDE, x : x + SIDE] = portrait(number, CLEAR)
        points.append(portrait_landmarks(number, CLEAR) + np.array([x, y]))
    return image, np.stack(points)
