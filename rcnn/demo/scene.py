"""Backgrounds: rooms, gardens, streets at night and studios, out of focus; drawn, not photographed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

BLUR = (2.5, 9.0)  # sigma, pixels of the frame, of what is out of focus
SHRINK = 2  # scenes are drawn with so many times fewer pixels a side: they are blurred anyway

Rng = np.random.Generator


def draw_scene(width: int, height: int, rng: Rng) -> np.ndarray:
    """A background (height, width, 3) uint8, BGR."""
    size = (max(8, height // SHRINK), max(8, width // SHRINK))
    kind = SCENES[int(rng.integers(len(SCENES)))]
    image = np.clip(kind(*size, rng), 0, 255).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(*BLUR)) / SHRINK)
    image = image * (1 + 0.05 * texture(*size, rng, 4)[..., None])
    return np.clip(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def texture(height: int, width: int, rng: Rng, coarsest: int) -> np.ndarray:
    """Fractal noise (height, width) float32 of about -1..1; `coarsest` cells a side in the first octave."""
    total, weight = np.zeros((height, width), np.float32), 0.0
    for octave in range(4):
        cells = coarsest * 2**octave
        noise = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
        weight += 0.6**octave
    return total / np.float32(weight)


def colour(rng: Rng, low: float = 40, high: float = 200, saturation: float = 0.12) -> np.ndarray:
    """A colour (3,) float32, BGR."""
    grey = rng.uniform(low, high)
    return np.clip(grey * (1 + saturation * rng.uniform(-1, 1, 3)), 0, 255).astype(np.float32)


def _ramp(height: int, width: int, first: np.ndarray, last: np.ndarray, slant: float = 0.0) -> np.ndarray:
    """From the colour `first` above to `last` below, `slant` of the way from left to right."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    share = np.clip(y * (1 - abs(slant)) + (x if slant > 0 else 1 - x) * abs(slant), 0, 1)[..., None]
    return (first + (last - first) * share).astype(np.float32)


def _room(height: int, width: int, rng: Rng) -> np.ndarray:
    wall = colour(rng, 70, 190, 0.1)
    image = _ramp(height, width, wall * 1.1, wall * 0.75, float(rng.uniform(-0.7, 0.7)))
    for _ in range(int(rng.integers(2, 7))):
        wide, high = int(width * rng.uniform(0.06, 0.3)), int(height * rng.uniform(0.15, 0.9))
        x, y = int(rng.integers(-wide // 2, width)), int(rng.integers(-high // 2, height))
        inside = colour(rng, 30, 235, 0.22)
        cv2.rectangle(image, (x, y), (x + wide, y + high), inside.tolist(), -1)
        if rng.random() < 0.6:  # a frame, a shelf or a window's bar
            cv2.rectangle(image, (x, y), (x + wide, y + high), (inside * rng.uniform(0.3, 0.7)).tolist(), 2)
            cv2.line(image, (x, y + high // 2), (x + wide, y + high // 2), (inside * 0.6).tolist(), 1)
    return image


def _garden(height: int, width: int, rng: Rng) -> np.ndarray:
    sky = np.array([235, 215, 195], np.float32) * rng.uniform(0.7, 1.05)
    leaves = np.array([50, 110, 80], np.float32) * rng.uniform(0.6, 1.3) * (1 + 0.2 * rng.uniform(-1, 1, 3))
    image = _ramp(height, width, sky, sky * 0.95)
    line = float(rng.uniform(-0.2, 0.6)) + 0.25 * texture(1, width, rng, 4)[0]
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    trees = np.clip((rows - line) * 12, 0, 1)[..., None]
    foliage = leaves * (1 + 0.6 * texture(height, width, rng, 9)[..., None])
    holes = (texture(height, width, rng, 12) > 0.45)[..., None]
    return image * (1 - trees) + np.where(holes, sky * 0.9, foliage).astype(np.float32) * trees


def _night(height: int, width: int, rng: Rng) -> np.ndarray:
    image = _ramp(height, width, colour(rng, 10, 40, 0.25), colour(rng, 20, 70, 0.25))
    for _ in range(int(rng.integers(12, 45))):
        layer = np.zeros((height, width), np.float32)
        centre = (int(rng.integers(width)), int(rng.integers(int(height * 0.85))))
        cv2.circle(layer, centre, int(rng.uniform(0.015, 0.06) * height) + 1, 1.0, -1, cv2.LINE_AA)
        image += layer[..., None] * colour(rng, 60, 190, 0.7) * np.float32(rng.uniform(0.3, 1))
    return image


def _studio(height: int, width: int, rng: Rng) -> np.ndarray:
    back = colour(rng, 40, 210, 0.18)
    image = _ramp(height, width, back, back * rng.uniform(0.4, 0.9), float(rng.uniform(-0.5, 0.5)))
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    spot = np.exp(-((x - rng.uniform(0.2, 0.8)) ** 2 + (y - rng.uniform(0.1, 0.6)) ** 2) / 0.08)
    return image * (1 + 0.4 * spot[..., None])


def _curtain(height: int, width: int, rng: Rng) -> np.ndarray:
    cloth = colour(rng, 40, 150, 0.3)
    x = np.linspace(0, 1, width, dtype=np.float32) + 0.03 * texture(1, width, rng, 5)[0]
    folds = 1 + 0.35 * np.sin(2 * np.pi * float(rng.uniform(8, 22)) * x)
    return _ramp(height, width, cloth, cloth * 0.6) * folds[None, :, None]


def _shelves(height: int, width: int, rng: Rng) -> np.ndarray:
    wood = colour(rng, 40, 120, 0.1) * np.array([0.8, 0.95, 1.15], np.float32)
    image = _ramp(height, width, wood, wood * 0.8)
    rows = int(rng.integers(3, 6))
    for row in range(rows):
        floor, x = int((row + 1) * height / rows), 0
        while x < width:
            wide, high = int(rng.integers(2, 8)), int(height / rows * rng.uniform(0.55, 0.9))
            cv2.rectangle(image, (x, floor - high), (x + wide, floor - 3), colour(rng, 25, 190, 0.3).tolist(), -1)
            x += wide + int(rng.integers(0, 2)) + (12 if rng.random() < 0.06 else 0)
    return image


SCENES: tuple[Callable[[int, int, Rng], np.ndarray], ...] = (_room, _room, _garden, _night, _studio, _curtain, _shelves)
