"""Clips of photographs at four difficulties, from good to bad recordings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rcnn.video.motion import Motion, frames, write_video
from rcnn.video.photographs import read_photograph

SIZE = (640, 360)  # width and height of a clip, pixels
CLEAN, DEGRADED, BETWEEN, HARD = LEVELS = ("clean", "degraded", "between", "hard")


@dataclass(frozen=True)
class Level:
    """Ranges (lowest, highest) of a clip's random properties.

    frames : of a clip; every third is sampled
    zoom : 1 fits the photograph into the frame
    blur : Gaussian sigma in pixels of the frame
    gain : factor of the brightness
    noise : standard deviation of the sensor's noise, in grey levels
    crf : x264's constant rate factor
    companion : share of the clips with a second person, who is a stranger
    """

    frames: tuple[int, int]
    zoom: tuple[float, float]
    blur: tuple[float, float]
    gain: tuple[float, float]
    noise: tuple[float, float]
    crf: tuple[float, float]
    companion: float = 0.0


RANGES = {
    CLEAN: Level((12, 15), (1.0, 1.6), (0.0, 1.5), (0.7, 1.3), (0.0, 0.0), (20, 34)),
    DEGRADED: Level((12, 15), (0.45, 1.0), (0.0, 1.4), (0.35, 0.9), (1.0, 3.0), (24, 34)),
    BETWEEN: Level((6, 12), (0.45, 1.0), (0.0, 1.4), (0.35, 0.9), (1.0, 3.0), (24, 34), companion=0.25),
    HARD: Level((6, 12), (0.45, 1.0), (0.0, 1.4), (0.35, 0.9), (1.0, 3.0), (24, 34), companion=0.6),
}
LARGER = (0.6, 1.6)  # size of the companion relative to the first person
EDGE = (0.4, 0.6)  # left edge of the companion's part, as a share of the frame's width


def make_clip(target: Path, photo: Path, companion: Path | None, level: str, seed: int) -> None:
    """Write the clip of a photograph, optionally with a `companion` photograph next to it."""
    rng = random.Random(seed)
    ranges = RANGES[level]
    count = rng.randint(*ranges.frames)
    crf = round(rng.uniform(*ranges.crf))
    gain, blur = ([rng.uniform(*limits) for _ in range(2)] for limits in (ranges.gain, ranges.blur))
    noise = rng.uniform(*ranges.noise)
    zoom = rng.uniform(*ranges.zoom)

    def motion(nearness: float) -> Motion:
        pan = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(2)]
        ends = (nearness * rng.uniform(0.9, 1.1), nearness * rng.uniform(0.9, 1.1))
        return Motion(count, crf, ends, pan[0], pan[1], (blur[0], blur[1]), (gain[0], gain[1]))

    views = [frames(read_photograph(photo), SIZE, motion(zoom))]
    if companion is not None:
        first = 2 * round(SIZE[0] * rng.uniform(*EDGE) / 2)
        widths = [first, SIZE[0] - first]
        fitted = [min(1.0, width / SIZE[1]) for width in widths]  # a part is narrower than high: undo the fitting
        nearness = [zoom / fitted[0], zoom / fitted[1] * rng.uniform(*LARGER)]
        views = [
            frames(read_photograph(source), (width, SIZE[1]), motion(near))
            for source, width, near in zip((photo, companion), widths, nearness, strict=True)
        ]
        if rng.random() < 0.5:
            views.reverse()
    images = (np.hstack(parts) for parts in zip(*views, strict=True))
    write_video(target, _noisy(images, noise, seed), SIZE, crf)


def _noisy(images: Iterator[np.ndarray], noise: float, seed: int) -> Iterator[np.ndarray]:
    """Grain that is drawn once and shifted randomly per frame: looks the same, and is ten times as fast."""
    if not noise:
        yield from images
        return
    generator = np.random.default_rng(seed)
    grain = np.rint(generator.standard_normal((SIZE[1], SIZE[0], 3), np.float32) * noise).astype(np.int16)
    for image in images:
        shifted = np.roll(grain, tuple(generator.integers(0, SIZE[::-1])), (0, 1))
        yield np.clip(image + shifted, 0, 255).astype(np.uint8)
