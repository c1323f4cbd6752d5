"""The central face of an image, by hand, by a second formula, and wherever the project asks for it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.demo.canvas import landmarks as portrait_landmarks
from rcnn.demo.portraits import read_portraits
from rcnn.exports import variants
from rcnn.faces.alignment import align_faces
from rcnn.faces.choice import central_crop, central_face, central_faces
from rcnn.faces.types import Faces
from rcnn.search.photographs import Photograph
from rcnn.stages.int8 import calibration_crops
from rcnn.stages.preview import Viewer
from rcnn.training.crops import plain_crops, read_crops

WIDTH, HEIGHT = 600, 300  # pixels
MIDDLE = 1  # which of `FOUR` is central in an image 600 wide and 300 high


def faces_at(*centres: tuple[float, float], side: float = 100, points: np.ndarray | None = None) -> Faces:
    """Square faces, with landmarks (5, 2) around their centres."""
    points = np.array([[-20, -15], [20, -15], [0, 5], [-15, 25], [15, 25]]) if points is None else points
    places = np.array(centres, np.float32)
    boxes = np.concatenate([places - side / 2, places + side / 2], 1)
    scores = np.linspace(0.99, 0.9, len(places))
    return Faces(boxes, scores.astype(np.float32), (places[:, None] + points).astype(np.float32))


# each central in images of another width and height: 300 x 600, 600 x 300, 600 x 600, 300 x 300
FOUR = faces_at((140, 260), (310, 140), (310, 290), (150, 130))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Noise of which no two places look alike."""
    coarse = np.random.default_rng(0).integers(0, 256, (HEIGHT // 10, WIDTH // 10, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


class Sees:
    """A detector that sees the same faces in every image."""

    threshold = 0.5

    def __init__(self, faces: Faces) -> None:
        self.faces = faces

    def detect(self, images, threshold=None, batch_size=1):
        return [self.faces for _ in images]


boxes = st.lists(st.tuples(*[st.integers(0, 600)] * 2, *[st.integers(1, 300)] * 2), min_size=1, max_size=8)


@settings(deadline=None)
@given(boxes, st.integers(1, 900), st.integers(1, 900))
def test_the_largest_area_less_twice_the_squared_distance(rows, width, height):
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32)
    count = len(corners)
    merits = [w * h - 2 * ((x + w / 2 - width / 2) ** 2 + (y + h / 2 - height / 2) ** 2) for x, y, w, h in rows]
    chosen = central_face(Faces(corners, np.ones(count), np.zeros((count, 5, 2))), width, height)
    assert type(chosen) is int
    assert merits[chosen] == pytest.approx(max(merits), rel=1e-5, abs=1)


def test_no_face_is_an_error():
    with pytest.raises(ValueError):
        central_face(Faces.none(), WIDTH, HEIGHT)


def test_the_faces_tell_width_from_height():
    """Else none of the tests below could fail."""
    sizes = ((HEIGHT, WIDTH), (WIDTH, HEIGHT), (WIDTH, WIDTH), (HEIGHT, HEIGHT))
    assert [central_face(FOUR, *size) for size in sizes] == [0, MIDDLE, 2, 3]


@pytest.mark.parametrize("size", [(112, 112), (112, 96)])
def test_the_central_crop_is_the_central_face_aligned(image, size):
    crop = central_crop(image, FOUR, size)
    np.testing.assert_array_equal(crop, align_faces(image, FOUR.landmarks, size)[MIDDLE])
    if size == (112, 112):
        np.testing.assert_array_equal(central_crop(image, FOUR), crop)


def test_of_a_photograph_that_is_searched_for(image):
    assert Photograph("", image, FOUR).central == MIDDLE


def test_of_frames_that_8_bits_are_calibrated_on(image):
    crops = calibration_crops(np.stack([image, image[:, ::-1]]), Sees(FOUR), (112, 112))
    np.testing.assert_array_equal(crops[0], align_faces(image, FOUR.landmarks)[MIDDLE])
    assert len(crops) == 2


def test_of_pictures_that_a_variant_is_calibrated_on(image, tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "one.png"), image)
    monkeypatch.setattr(variants, "load_detector", lambda detector: Sees(FOUR))
    monkeypatch.setattr(variants, "detect_frames", lambda detector, images: [FOUR])
    (crop,) = variants.crops(str(tmp_path), "any", (112, 112))
    np.testing.assert_array_equal(crop, align_faces(image, FOUR.landmarks)[MIDDLE])


def test_of_a_frame_in_a_preview(image, monkeypatch):
    monkeypatch.setattr("rcnn.stages.preview.detect_frames", lambda detector, images, **_: [FOUR])
    seen = Viewer(Sees(FOUR), None, sampling=1, rate=None, size=(112, 112))._see(1, image, True)
    assert (seen.chosen, seen.kept) == (MIDDLE, True)


def test_of_photographs_that_embeddings_are_trained_on(image, tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), image)
    wide, labels = read_crops({"A": [Path(tmp_path / "one.png")]}, Sees(FOUR))
    difference = plain_crops(wide)[0].astype(int) - align_faces(image, FOUR.landmarks)[MIDDLE]
    assert np.abs(difference).mean() < 1.5  # warpAffine rounds positions to 1/32 pixel
    assert labels.tolist() == [0]


def test_of_photographs_that_drawn_people_are_learnt_from(image, tmp_path):
    cv2.imwrite(str(tmp_path / "one.png"), image)
    points = portrait_landmarks()
    points = (points - points.mean(0)) * 2
    usual = faces_at((0, 0), points=points).landmarks[0]
    odd = usual + np.array([[0, 0], [0, 0], [3, 6], [0, 0], [0, 0]], np.float32)  # the nose elsewhere
    landmarks = np.stack(
        [(usual if index == MIDDLE else odd) + corner + 50 for index, corner in enumerate(FOUR.boxes[:, :2])]
    )
    portraits = read_portraits({"A": [Path(tmp_path / "one.png")]}, Sees(Faces(FOUR.boxes, FOUR.scores, landmarks)))
    assert np.abs(portraits.shifts).max() < 0.01


def test_the_most_central_come_first_and_the_first_of_equals_first():
    faces = faces_at((300, 150), (10, 10), (320, 150), (280, 150))
    assert central_faces(faces, WIDTH, HEIGHT, 9).tolist() == [0, 2, 3, 1]
    assert central_faces(faces, WIDTH, HEIGHT, 2).tolist() == [0, 2]
    assert central_faces(faces, 4 * WIDTH, HEIGHT, 1).tolist() == [2]
    assert central_faces(faces_at((300, 40), (300, 150)), WIDTH, HEIGHT // 4, 1).tolist() == [0]
