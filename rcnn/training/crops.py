"""Aligned crops for training an embedding: read with a margin, then distorted anew each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..config import config
from ..errors import InputError
from ..faces.alignment import similarity, target_points
from ..faces.choice import central_face
from ..faces.detectors.single_stage import Detector
from ..video.photographs import read_image
from ..workers.progress import progress
from .camera import Camera, photographed, shrunk
from .eigenfaces import Eigenfaces

SIZE = config.ALIGN.SIZE  # pixels
MARGIN = 16  # pixels around a crop that distortions may bring in
WIDE = SIZE + 2 * MARGIN
DETECTION_THRESHOLD = 0.3
CHUNK = 32  # photographs that are detected together

MIRRORED = 0.5  # probabilities
CROSSED = 0.5
MIXED = 0.3
WARPED = 0.6
SPOILT = 0.08
JITTER_DEGREES = 4.0  # standard deviations of the placing
JITTER_SCALE = 0.04
JITTER_PIXELS = 1.5
WARP_CELLS = 4  # control points a side of the smooth warp
WARP_PIXELS = 3.0  # standard deviation of their shifts
SPOILT_SIGMA = (2.5, 6.0)  # pixels of blur
SPOILT_SIDE = (8, 24)  # pixels
SPOILT_NOISE = (15.0, 50.0)  # grey levels
SPOILT_DEGREES = (20.0, 180.0)  # turned too far
SPOILT_SHIFT = (15.0, 50.0)  # pixels beside the face
CROP_CAMERA = Camera(
    gain=0.25, tint=0.08, grey=0.05, blurred=0.3, noisy=0.2, compressed=0.3, blur_sigma=(0.4, 2.2),
    jpeg_quality=(15, 80), shrunk=0.25, shrunk_side=(28, 80),
)  # fmt: skip


def read_crops(people: Mapping[str, Sequence[Path]], detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    """The central face of each photograph, aligned, with a margin.

    Returns
    -------
    crops : (n, WIDE, WIDE, 3) uint8, BGR; photographs without a face are left out
    labels : (n,) int64, index of the person in `people`

    Raises
    ------
    InputError
        If a file is no picture or no face is found in any.
    """
    target = target_points() + MARGIN
    items = [(path, label) for label, paths in enumerate(people.values()) for path in paths]
    crops, labels = [], []
    for start in progress(range(0, len(items), CHUNK), what="read", unit="chunk"):
        chunk = items[start : start + CHUNK]
        images = [read_image(path) for path, _ in chunk]
        found = detector.detect(images, DETECTION_THRESHOLD, batch_size=8)
        for image, faces, (_, label) in zip(images, found, chunk, strict=True):
            if len(faces):
                best = central_face(faces, image.shape[1], image.shape[0])
                matrix = similarity(faces.landmarks[best], target)
                crops.append(cv2.warpAffine(image, matrix, (WIDE, WIDE), flags=cv2.INTER_LINEAR))
                labels.append(label)
    if not crops:
        raise InputError("no face was found in any photograph; give another detector")
    return np.stack(crops), np.array(labels, np.int64)


def plain_crops(wide: np.ndarray) -> np.ndarray:
    """The crops (n, SIZE, SIZE, 3) as `align_faces` would give them."""
    return np.ascontiguousarray(wide[:, MARGIN:-MARGIN, MARGIN:-MARGIN])


def distorted_crops(
    wide: np.ndarray, labels: np.ndarray, count: int, rng: np.random.Generator, space: Eigenfaces | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Crops as a camera might give them, some of two people at once, a few past recognition.

    Parameters
    ----------
    wide : (n, WIDE, WIDE, 3) uint8, BGR
    labels : (n,) int64
    space : of `wide`, to make new people; None for those in the photographs

    Returns
    -------
    crops : (count, SIZE, SIZE, 3) uint8, BGR
    labels : (count,) int64, -1 where two people are mixed or none can be told
    """
    crops = np.empty((count, SIZE, SIZE, 3), np.uint8)
    chosen = np.empty(count, np.int64)
    # every photograph comes up as often as the others, give or take one
    order = np.concatenate([rng.permutation(len(wide)) for _ in range(-(-count // len(wide)))])[:count]
    for i, index in enumerate(order):
        crop = wide[index]
        chosen[i] = labels[index]
        if space is not None and rng.random() < CROSSED:
            other = int(rng.integers(len(wide)))
            crop = space.crossed(crop, int(index), other, rng)
            chosen[i] = _common(chosen[i], labels[other])
        crop = _placed(crop, rng)
        if rng.random() < MIXED:
            other = int(rng.integers(len(wide)))
            crop = _mixed(crop, _placed(wide[other], rng), rng)
            chosen[i] = _common(chosen[i], labels[other])
        crop = photographed(crop, CROP_CAMERA, rng)
        if rng.random() < SPOILT:
            crop = _spoilt(crop, rng)
            chosen[i] = -1
        crops[i] = crop
    return crops, chosen


def _common(first: int, second: int) -> int:
    return first if first == second else -1


def _placed(wide: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop (SIZE, SIZE, 3) uint8 out of a wide one, turned, scaled, shifted and bent a little, perhaps mirrored."""
    middle = (WIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D(
        (middle, middle), rng.normal(0, JITTER_DEGREES), float(np.exp(rng.normal(0, JITTER_SCALE)))
    )
    matrix[:, 2] += rng.normal(0, JITTER_PIXELS, 2) - MARGIN
    if rng.random() < WARPED:
        inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
        shifts = rng.normal(0, WARP_PIXELS, (WARP_CELLS, WARP_CELLS, 2)).astype(np.float32)
        y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
        field = cv2.resize(shifts, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        x, y = x + field[..., 0], y + field[..., 1]
        map_x = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
        map_y = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
        crop = cv2.remap(wide, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    else:
        crop = cv2.warpAffine(wide, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.flip(crop, 1) if rng.random() < MIRRORED else crop


def _mixed(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two crops blended: evenly, or smoothly from one side to the other."""
    if rng.random() < 0.5:
        share = np.float32(rng.uniform(0.3, 0.7))
    else:
        coarse = rng.normal(0, 1, (2, 2)).astype(np.float32)
        field = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        share = (1 / (1 + np.exp(-3 * field)))[..., None]
    return (first * share + second * (1 - share)).astype(np.uint8)


def _spoilt(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The crop past recognition, so that an embedding learns to be short there."""
    kind = rng.integers(6)
    if kind == 0:
        return cv2.GaussianBlur(crop, (0, 0), rng.uniform(*SPOILT_SIGMA))
    if kind == 1:
        side = int(rng.integers(*SPOILT_SIDE))
        return shrunk(crop, side)
    if kind == 2:
        noise = rng.standard_normal(crop.shape, np.float32) * np.float32(rng.uniform(*SPOILT_NOISE))
        return np.clip(crop + noise, 0, 255).astype(np.uint8)
    if kind == 3:  # covered from one side
        start = int(rng.integers(SIZE // 4, SIZE // 2))
        crop = np.rot90(crop, int(rng.integers(4))).copy()
        crop[start:] = rng.integers(0, 256, 3)
        return crop if rng.random() < 0.5 else cv2.GaussianBlur(crop, (0, 0), 1)
    if kind == 4:  # what a detector cuts out of a background
        crop = crop.copy()
        tiles = [crop[y : y + SIZE // 4, x : x + SIZE // 4].copy() for y, x in _corners()]
        for (y, x), tile in zip(_corners(), rng.permutation(len(tiles)), strict=True):
            crop[y : y + SIZE // 4, x : x + SIZE // 4] = tiles[tile]
        return crop
    angle = rng.uniform(*SPOILT_DEGREES) * rng.choice([-1, 1])
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle if rng.random() < 0.6 else 0, 1)
    if matrix[0, 0] == 1:
        direction = rng.uniform(0, 2 * np.pi)
        matrix[:, 2] += rng.uniform(*SPOILT_SHIFT) * np.array([np.cos(direction), np.sin(direction)])
    return cv2.warpAffine(crop, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _corners() -> list[tuple[int, int]]:
    quarter = SIZE // 4
    return [(y * quarter, x * quarter) for y in range(4) for x in range(4)]
