"""Published detectors against referees of their makers' way, at sizes of pictures from small to 4K."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcnn.faces.detectors import Detector
from rcnn.faces.finding import find_faces
from rcnn.faces.load import load_detector
from rcnn.faces.types import Faces
from rcnn.faces.views import detect_frames

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from referees import REFEREES, RETINAFACE, SCRFD, SURE, YUNET, alike, pictures  # noqa: E402

ALIKE = 0.95, 2.0  # least overlap, and largest distance of landmarks in % of the eyes'


@cache
def detector_of(path: str) -> Detector:
    return load_detector(path)


@pytest.mark.parametrize("name", REFEREES)
def test_a_published_detector_finds_what_its_referee_finds(name, shared):
    path = f"{shared}/models/{name}"
    least, most = ALIKE
    for size, image in pictures(shared / "images/t1.jpg").items():
        wanted = REFEREES[name](path, image)
        found = find_faces(image, detector_of(path))
        (same,) = detect_frames(detector_of(path), [image])
        assert sorted(found.scores) == sorted(same.scores), size  # one helper for photographs and frames
        assert (wanted.scores >= SURE).sum() >= (2 if size[0] < size[1] else 6) - 1, size
        overlap, apart = alike(found, wanted)
        assert (overlap >= least, apart <= most) == (True, True), (size, overlap, apart)


def photographs(shared: Path, count: int) -> list[np.ndarray]:
    """Photographs of one person each, 250 x 250 pixels, with a face of about 120 pixels in the middle."""
    paths = sorted((shared / "faces").glob("*/*.jpg"))
    return [cv2.imread(str(path)) for path in paths[:: len(paths) // count][:count]]


def beside(close: np.ndarray, small: np.ndarray, size: tuple[int, int], near: int, far: int) -> np.ndarray:
    """A frame of width, height with a photograph `near` pixels large on the left, one of `far` in the right corner."""
    frame = np.full((size[1], size[0], 3), 90, np.uint8)
    frame[:near, :near] = cv2.resize(close, (near, near), interpolation=cv2.INTER_CUBIC)[: size[1]]
    frame[-far:, -far:] = cv2.resize(small, (far, far), interpolation=cv2.INTER_AREA)
    return frame


def heights(faces: Faces) -> np.ndarray:
    return faces.boxes[:, 3] - faces.boxes[:, 1]


@pytest.mark.parametrize("name", [SCRFD[0], SCRFD[2], YUNET[0], RETINAFACE])
def test_large_faces_and_small_ones_beside_them_are_found_in_full_hd(name, shared):
    """Six close-ups with faces of some 500 pixels, each beside a face of 80."""
    detector = detector_of(f"{shared}/models/{name}")
    images = photographs(shared, 7)
    frames = [beside(close, images[6], (1920, 1080), 1080, 170) for close in images[:6]]
    for faces in detect_frames(detector, frames):
        assert (heights(faces) > 320).sum() == 1
        assert ((heights(faces) > 50) & (heights(faces) < 130)).sum() == 1


@pytest.mark.parametrize("name", [SCRFD[0], SCRFD[1], "model/essh-m25,0"])
def test_a_close_up_that_fills_a_square_picture_is_found_beside_a_small_face(name, shared):
    detector = detector_of(f"{ROOT if ',' in name else shared / 'models'}/{name}")
    images = photographs(shared, 7)
    image = beside(images[1][60:200, 55:195], images[6], (1080, 1080), 1080, 200)
    faces = find_faces(image, detector)
    assert (heights(faces) > 750).sum() == 1
    assert ((heights(faces) > 60) & (heights(faces) < 150)).sum() == 1
