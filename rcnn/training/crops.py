"""Aligned crops for training an embedding: read with a margin, then augmented differently each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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
from .eigenfaces import Eigenfaces, crossed
from .labels import LabelledPhotograph

SIZE = config.ALIGN.SIZE  # pixels
MARGIN = 16  # pixels around a crop that distortions may bring in
WIDE = SIZE + 2 * MARGIN
DETECTION_THRESHOLD = 0.3
CHUNK = 32  # photographs detected together
CROSSED_TOGETHER = 64  # crops
NOBODY, NO_FACE = -1, -2  # labels

MIRRORED = 0.5  # probabilities, up to EMPTY
CROSSED = 0.5
MIXED = 0.3
WARPED = 0.6
SPOILT = 0.08
EMPTY = 0.05  # no face
JITTER_DEGREES = 4.0  # standard deviations of the random placement
JITTER_SCALE = 0.04
JITTER_PIXELS = 1.5
WARP_CELLS = 4  # control points per side of the smooth warp
WARP_PIXELS = 3.0  # standard deviation of their shifts
SPOILT_SIGMA = (2.5, 6.0)  # pixels of blur
SPOILT_SIDE = (8, 24)  # pixels
SPOILT_NOISE = (15.0, 50.0)  # grey levels
SPOILT_DEGREES = (20.0, 180.0)  # rotation
SPOILT_SHIFT = (15.0, 50.0)  # pixels off the face
CROP_CAMERA = Camera(
    gain=0.25, tint=0.08, grey=0.05, blurred=0.3, noisy=0.2, compressed=0.3, blur_sigma=(0.4, 2.2),
    jpeg_quality=(15, 80), shrunk=0.25, shrunk_side=(28, 80), dark=0.1, moved=0.15, motion=(2.0, 7.0),
)  # fmt: skip


class EmptyCrops(Protocol):
    """A source of crops without a face."""

    def draw(self, rng: np.random.Generator) -> np.ndarray: ...


@dataclass(frozen=True)
class ReadCrops:
    """The central face of each photograph in which one was found, aligned, with a margin.

    wide : (n, WIDE, WIDE, 3) uint8, BGR
    labels : (n,) int64, index of the person
    photographs : with all their faces
    missed : photographs without a face, left out
    """

    wide: np.ndarray
    labels: np.ndarray
    photographs: list[LabelledPhotograph]
    missed: int


def read_crops(people: Mapping[str, Sequence[Path]], detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    """`wide` and `labels` of `read_photographs`."""
    read = read_photographs(people, detector)
    return read.wide, read.labels


def read_photographs(people: Mapping[str, Sequence[Path]], detector: Detector) -> ReadCrops:
    """Detect the faces of photographs and align the central one of each.

    Raises
    ------
    InputError
        If a file is not a picture or no face is found in any.
    """
    items = [(path, label) for label, paths in enumerate(people.values()) for path in paths]
    crops, labels, photographs = [], [], []
    for start in progress(range(0, len(items), CHUNK), what="read", unit="chunk"):
        chunk = items[start : start + CHUNK]
        images = [read_image(path) for path, _ in chunk]
        found = detector.detect(images, DETECTION_THRESHOLD, batch_size=8)
        for image, faces, (path, label) in zip(images, found, chunk, strict=True):
            if len(faces):
                best = central_face(faces, image.shape[1], image.shape[0])
                crops.append(wide_crop(image, faces.landmarks[best]))
                labels.append(label)
                photographs.append(LabelledPhotograph.of(str(path), faces.boxes, faces.landmarks, []))
    if not crops:
        raise InputError("no face was found in any photograph; use another detector")
    return ReadCrops(np.stack(crops), np.array(labels, np.int64), photographs, len(items) - len(crops))


def wide_crop(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The aligned crop with its margin, (WIDE, WIDE, 3) uint8, from landmarks (5, 2) in pixels."""
    matrix = similarity(landmarks, target_points() + MARGIN)
    return cv2.warpAffine(image, matrix, (WIDE, WIDE), flags=cv2.INTER_LINEAR)


def plain_crops(wide: np.ndarray) -> np.ndarray:
    """The crops (n, SIZE, SIZE, 3) without the margin, as from `align_faces`."""
    return np.ascontiguousarray(wide[:, MARGIN:-MARGIN, MARGIN:-MARGIN])


def distorted_crops(
    wide: np.ndarray,
    labels: np.ndarray,
    count: int,
    rng: np.random.Generator,
    space: Eigenfaces | None = None,
    empty: EmptyCrops | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Augmented crops: with camera defects, some mixed from two people, a few beyond recognition.

    Parameters
    ----------
    wide : (n, WIDE, WIDE, 3) uint8, BGR
    labels : (n,) int64
    space : eigenfaces of `wide`, to synthesise new people; None to use only the real ones
    empty : source of crops without a face; None for no such crops

    Returns
    -------
    crops : (count, SIZE, SIZE, 3) uint8, BGR
    labels : (count,) int64, NOBODY where two people are mixed or nobody is recognisable, NO_FACE where there is no face
    """
    crops = np.empty((count, SIZE, SIZE, 3), np.uint8)
    chosen = np.empty(count, np.int64)
    # the numbers of uses of any two photographs differ by at most one
    order = np.concatenate([rng.permutation(len(wide)) for _ in range(-(-count // len(wide)))])[:count]
    for i, index in enumerate(order):
        if space is not None and i % CROSSED_TOGETHER == 0:
            own = order[i : i + CROSSED_TOGETHER]
            others = rng.integers(len(wide), size=len(own))
            differences = space.differences(own, others, rng)
        if empty is not None and rng.random() < EMPTY:
            crops[i] = photographed(empty.draw(rng), CROP_CAMERA, rng)
            chosen[i] = NO_FACE
            continue
        crop = wide[index]
        chosen[i] = labels[index]
        if space is not None and rng.random() < CROSSED:
            crop = crossed(crop, differences[i % CROSSED_TOGETHER])
            chosen[i] = _common(chosen[i], labels[others[i % CROSSED_TOGETHER]])
        crop = placed(crop, rng)
        if rng.random() < MIXED:
            other = int(rng.integers(len(wide)))
            crop = _mixed(crop, placed(wide[other], rng), rng)
            chosen[i] = _common(chosen[i], labels[other])
        crop = photographed(crop, CROP_CAMERA, rng)
        if rng.random() < SPOILT:
            crop = _spoilt(crop, rng)
            chosen[i] = NOBODY
        crops[i] = crop
    return crops, chosen


def _common(first: int, second: int) -> int:
    return first if first == second else NOBODY


def placed(wide: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop (SIZE, SIZE, 3) uint8 of a wide one, slightly rotated, scaled, shifted and warped, perhaps mirrored."""
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
    """Two crops blended evenly (Zhang et al., mixup, arXiv:1710.09412), smoothly from one side to the other, or a piece
    of one over the other (Yun et al., CutMix, arXiv:1905.04899)."""
    kind = rng.integers(3)
    if kind == 0:
        share = np.full((1, 1, 1), rng.uniform(0.3, 0.7), np.float32)
    elif kind == 1:
        share = np.ones((SIZE, SIZE, 1), np.float32)
        height, width = rng.integers(SIZE // 4, SIZE * 3 // 4, 2)
        top, left = rng.integers(SIZE - height), rng.integers(SIZE - width)
        share[top : top + height, left : left + width] = 0
    else:
        coarse = rng.normal(0, 1, (2, 2)).astype(np.float32)
        field = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        share = (1 / (1 + np.exp(-3 * field)))[..., None]
    return (first * share + second * (1 - share)).astype(np.uint8)


def _spoilt(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The crop beyond recognition, so that its embedding learns a small norm."""
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
    if kind == 4:  # like a false detection on a background
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
