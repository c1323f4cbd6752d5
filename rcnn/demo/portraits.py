"""Photographs as portraits for a face space: aligned, cut out of their background, warped to the mean shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..faces.alignment import similarity
from ..faces.choice import central_face
from ..faces.detectors.single_stage import Detector
from ..video.photographs import read_image
from ..workers.progress import progress
from .canvas import MIDDLE, PLANES, SIZE, displacement, landmarks, mirrored, to_planes

DETECTION_THRESHOLD = 0.9
CHUNK = 32  # photographs that are detected together
A_PERSON = 10  # photographs at most, so that nobody fills the space
LARGEST_TURN = 0.14  # of the nose from the middle of the eyes, as a share of their distance: about 15 degrees
SMALLEST_EYES = 30.0  # pixels between the eyes; smaller faces are blurred on the canvas
CUT_ROUNDS = 3  # of GrabCut
EDGE_SIGMA = 1.6  # pixels; softens the cut
KEPT_CUTS = 0.8  # share of the photographs whose cut is the most like the others'
CUT_COMPONENTS = 24  # that a usual cut is made of
BLACK = 12  # grey levels; less in a corner is the filling of a photograph that was turned
SKIN = (0.10, -0.07)  # red and blue difference of the mean face in daylight
BALANCE = 0.65  # share of a photograph's cast that is taken away; complexions differ more in luma than in these
CHEEKS = slice(60, 90), slice(44, 84)  # rows and columns of the canvas whose mean tells the cast
QUANTUM = 127  # a plane's value of 1 in int8


@dataclass(frozen=True)
class Portraits:
    """Faces of one shape, without background.

    planes : (n, 4, SIZE, SIZE) int8, `canvas.to_planes` times QUANTUM
    shifts : (n, 5, 2) float32, landmarks less those of the mean face, pixels of the canvas
    """

    planes: np.ndarray
    shifts: np.ndarray

    def __len__(self) -> int:
        return len(self.planes)


def read_portraits(people: Mapping[str, Sequence[Path]], detector: Detector) -> Portraits:
    """The portraits among the photographs: one face, turned to the camera, large enough, cleanly cut.

    Raises
    ------
    InputError
        If a file is not a picture or none is a portrait.
    """
    mean = landmarks()
    paths = [path for mine in people.values() for path in mine[:A_PERSON]]
    planes, shifts = [], []
    for start in progress(range(0, len(paths), CHUNK), what="read", unit="chunk"):
        images = [read_image(path) for path in paths[start : start + CHUNK]]
        for image, faces in zip(images, detector.detect(images, DETECTION_THRESHOLD, batch_size=8), strict=True):
            if not len(faces):
                continue
            points = faces.landmarks[central_face(faces, image.shape[1], image.shape[0])]
            if not _suits(points):
                continue
            portrait, shift = _portrait(image, points, mean)
            planes.append(np.rint(np.clip(portrait, -1, 1) * QUANTUM).astype(np.int8))
            shifts.append(shift)
    if not planes:
        raise InputError("no photograph shows a large face turned to the camera; give more, or another detector")
    kept = _usual([plane[PLANES - 1] for plane in planes])
    return Portraits(np.stack([planes[i] for i in kept]), np.stack([shifts[i] for i in kept]))


def _suits(points: np.ndarray) -> bool:
    eyes = np.linalg.norm(points[1] - points[0])
    turn = abs(points[2, 0] - points[:2, 0].mean()) / max(eyes, 1.0)
    return bool(eyes >= SMALLEST_EYES and turn <= LARGEST_TURN)


def _portrait(image: np.ndarray, points: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Planes (4, SIZE, SIZE) float32 of the face with landmarks `points`, and their shifts (5, 2) from `mean`."""
    matrix = similarity(points, mean)
    shift = (points @ matrix[:, :2].T + matrix[:, 2] - mean).astype(np.float32)
    # each pixel of the canvas takes its colour from where the photograph has that part of the face
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    at = np.dstack([x, y]) + displacement(mean, shift)
    inverse = cv2.invertAffineTransform(matrix).astype(np.float32)
    at = at @ inverse[:, :2].T + inverse[:, 2]
    canvas = cv2.remap(image, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    planes = to_planes(canvas, cut_out(canvas))
    cast = planes[1:3, *CHEEKS].mean((1, 2)) - SKIN
    planes[1:3] -= (BALANCE * cast).astype(np.float32)[:, None, None] * planes[3]
    return planes, shift


def cut_out(canvas: np.ndarray) -> np.ndarray:
    """Alpha (SIZE, SIZE) float32 of the person on a canvas (SIZE, SIZE, 3) uint8, BGR.

    GrabCut (Rother, Kolmogorov and Blake, 2004) at half the size, from where heads and shoulders usually are.
    """
    small = cv2.resize(canvas, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
    mask = _usual_place()[::2, ::2].copy()
    mask[(small.max(2) < BLACK) & (mask == cv2.GC_PR_BGD)] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(small, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    person = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    _, regions, statistics, _ = cv2.connectedComponentsWithStats(person)
    largest = (regions == 1 + statistics[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    largest = cv2.morphologyEx(largest, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    edge = cv2.resize(largest.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(edge, (0, 0), EDGE_SIGMA)


def _usual_place() -> np.ndarray:
    """GrabCut's first guess (SIZE, SIZE) uint8; numbers are pixels of the canvas."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)

    def inside(centre: float, wide: float, high: float) -> np.ndarray:
        return ((x - MIDDLE) / wide) ** 2 + ((y - centre) / high) ** 2 < 1

    mask = np.full((SIZE, SIZE), cv2.GC_PR_BGD, np.uint8)
    mask[inside(58, 44, 58)] = cv2.GC_PR_FGD
    mask[(np.abs(x - MIDDLE) < 40 + (y - 104) * 1.2) & (y > 100)] = cv2.GC_PR_FGD
    mask[inside(66, 28, 43)] = cv2.GC_FGD
    mask[(np.abs(x - MIDDLE) < 18) & (y > 100)] = cv2.GC_FGD
    mask[~inside(66, 60, 72) & (y < 95)] = cv2.GC_BGD
    mask[y < 3] = cv2.GC_BGD
    return mask


def _usual(alphas: Sequence[np.ndarray]) -> np.ndarray:
    """Indices of the cuts that a few principal components explain best."""
    small = np.stack([cv2.resize(a.astype(np.float32), (16, 16), interpolation=cv2.INTER_AREA) for a in alphas])
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(0)
    components = np.linalg.svd(flat, full_matrices=False)[2][:CUT_COMPONENTS]
    missed = np.square(flat - flat @ components.T @ components).sum(1)
    return np.sort(np.argsort(missed, kind="stable")[: max(1, round(KEPT_CUTS * len(missed)))])


def mirror_shifts(shifts: np.ndarray) -> np.ndarray:
    """Shifts (n, 5, 2) of the mirrored faces."""
    mean = landmarks()
    return np.stack([mirrored(mean + shift) - mean for shift in shifts])
