"""Shared by the loops: the job, sampled frames, alignment, and the output.

A loop is a process in its own environment, `python LOOP.py JOB.json`; it needs numpy and OpenCV in addition to its own
library, and nothing of this project. Its last line of output is JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

THRESHOLD, NMS = 0.5, 0.4  # score of a face, overlap of two; equal for every loop and ours
DIVISOR = 32  # of the sides of a detector's input
TARGET = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)  # of InsightFace: the landmarks in a crop of 112x112

Search = Callable[[np.ndarray], tuple[str | None, float]]
Embed = Callable[[np.ndarray], list[np.ndarray]]  # an image, BGR, to the vectors (D,) of its faces, largest first
Look = Callable[[np.ndarray], tuple[np.ndarray, list[np.ndarray]]]  # an image, BGR, to boxes (n, 4) and vectors
Clip = tuple[str, list[int]]  # path, and numbers of the sampled frames, from 1, ascending


def read_job() -> dict[str, Any]:
    """The job of this process: clips, gallery, models, output and other loop parameters."""
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def frames(clip: Clip) -> Iterator[tuple[int, np.ndarray]]:
    """Number and image (H, W, 3) uint8, BGR, of the sampled frames; others are decoded but not converted."""
    path, looks = clip
    wanted = frozenset(looks)
    capture = cv2.VideoCapture(path)
    for number in range(1, looks[-1] + 1):
        if not capture.grab():
            break
        if number in wanted:
            good, image = capture.retrieve()
            if good:
                yield number, image
    capture.release()


def fitted(
    image: np.ndarray, width: int, height: int, enlarge: bool = False, whole: bool = False
) -> tuple[np.ndarray, float]:
    """An image scaled to fit `width` x `height`, at the upper left of a black canvas; and the scale.

    Parameters
    ----------
    enlarge : whether a small image is enlarged
    whole : whether the canvas is `width` x `height`; else as small as possible, with sides divisible by `DIVISOR`
    """
    scale = min(width / image.shape[1], height / image.shape[0])
    scale = scale if enlarge else min(scale, 1.0)
    columns, rows = round(image.shape[1] * scale), round(image.shape[0] * scale)
    canvas = (height, width) if whole else (-(-rows // DIVISOR) * DIVISOR, -(-columns // DIVISOR) * DIVISOR)
    if scale == 1 and canvas == image.shape[:2]:
        return image, scale
    small = image
    if scale != 1:
        small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    result = np.zeros((*canvas, 3), np.uint8)
    result[:rows, :columns] = small
    return result, scale


def align(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The crop of 112x112 of a face with landmarks (5, 2): least-squares similarity transform (Umeyama 1991)."""
    source, target = points - points.mean(0), TARGET - TARGET.mean(0)
    u, d, vt = np.linalg.svd(target.T @ source / len(points))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = (d * signs).sum() / (source**2).sum(1).mean() * (u * signs) @ vt
    return cv2.warpAffine(image, np.hstack([turn, (TARGET.mean(0) - turn @ points.mean(0))[:, None]]), (112, 112))


def largest_first(boxes: np.ndarray) -> np.ndarray:
    """Indices of boxes (n, 4), sorted by area."""
    return np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(1), kind="stable")


@dataclass
class Found:
    """Faces of all clips.

    clips, numbers : clip index and frame number of each face
    boxes : (4,) each, x1, y1, x2, y2 in pixels of the frame
    vectors : (D,) each, not necessarily normalised
    """

    clips: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    looks: int = 0

    def add(self, clip: int, number: int, boxes: np.ndarray, vectors: list[np.ndarray]) -> None:
        """Add a sampled frame and its faces."""
        self.looks += 1
        self.clips += [clip] * len(boxes)
        self.numbers += [number] * len(boxes)
        self.boxes += list(boxes)
        self.vectors += vectors

    def save(self, path: str) -> None:
        """Write the vectors and their origins."""
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        np.savez(path, clips=self.clips, frames=self.numbers, boxes=boxes, vectors=np.array(self.vectors, np.float32))

    def unit_vectors(self) -> np.ndarray:
        """(n, D) unit vectors."""
        vectors = np.array(self.vectors, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def gallery_vectors(job: dict[str, Any], embed: Embed) -> tuple[list[str], np.ndarray]:
    """People of the gallery with a face in their photograph, and the unit vectors (n, D)."""
    names, rows = [], []
    for name, path in job["gallery"]:
        vectors = embed(cv2.imread(path))
        if len(vectors):
            names.append(name)
            rows.append(vectors[0] / np.linalg.norm(vectors[0]))
    return names, np.array(rows, np.float32)


def rank(found: Found, people: list[str], gallery: np.ndarray) -> dict[str, list[int]]:
    """The clips of each person, ranked by the best cosine of a face."""
    if not found.vectors or not people:
        return {}
    cosines = found.unit_vectors() @ gallery.T
    best = np.full((max(found.clips) + 1, len(people)), -1.0, np.float32)
    np.maximum.at(best, np.array(found.clips), cosines)
    return {name: np.argsort(-best[:, column], kind="stable").tolist() for column, name in enumerate(people)}


def rank_by(found: Found, people: list[str], search: Search) -> dict[str, list[int]]:
    """`rank` with a library's own search, which returns the name of the nearest person, or None, and the cosine."""
    best: dict[str, dict[int, float]] = {name: {} for name in people}
    for clip, vector in zip(found.clips, found.unit_vectors() if found.vectors else (), strict=True):
        name, cosine = search(vector)
        if name is not None:
            best[name][clip] = max(best[name].get(clip, -1.0), cosine)
    return {name: sorted(clips, key=lambda clip: -clips[clip]) for name, clips in best.items()}


def finish(job: dict[str, Any], found: Found, embed: Embed, note: str = "", ranking: Callable | None = None) -> None:
    """Write the vectors, rank by the gallery, and print the JSON result.

    Parameters
    ----------
    embed : for the photographs
    ranking : replaces `rank`, with the same parameters
    """
    found.save(job["output"])
    written = time.time()
    answers = (ranking or rank)(found, *gallery_vectors(job, embed)) if job["gallery"] else {}
    report = {"looks": found.looks, "faces": len(found.boxes), "search_seconds": time.time() - written}
    print(json.dumps({**report, "answers": answers, "note": note}))


def run(pipeline_of: Callable[[dict[str, Any]], Look]) -> None:
    """A complete loop that processes one frame after the other.

    Parameters
    ----------
    pipeline_of : creates, from the job, a function from an image to boxes and vectors, largest face first
    """
    job = read_job()
    pipeline = pipeline_of(job)
    found = Found()
    for index, clip in enumerate(job["clips"]):
        for number, image in frames(clip):
            found.add(index, number, *pipeline(image))
    finish(job, found, lambda image: pipeline(image)[1])
