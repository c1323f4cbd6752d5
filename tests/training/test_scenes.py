"""Scenes: the labels lie where the faces are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rcnn.errors import InputError
from rcnn.faces.types import Faces
from rcnn.training import labels, scenes
from rcnn.training.backgrounds import patch_without_faces
from rcnn.training.camera import Camera, photographed
from rcnn.training.labels import LabelledPhotograph, confirmed, label_photographs
from rcnn.training.mining import mistakes
from rcnn.training.pictures import Pictures
from rcnn.training.scenes import Scene, make_scene, move_landmarks, paste_photograph
from rcnn.training.worn import wear_glasses, wear_mask
from rcnn.video.photographs import read_image


def test_mirrored_landmarks_change_sides() -> None:
    points = np.array([[[1, 2], [5, 2], [3, 4], [2, 6], [4, 6]]], np.float32)
    matrix = np.array([[-1.0, 0, 6], [0, 1, 0]])
    assert move_landmarks(points, matrix, True).tolist() == points.tolist()
    assert move_landmarks(points, np.array([[1.0, 0, 0], [0, 1, 0]]), False).tolist() == points.tolist()


def test_pasted_landmarks_lie_on_the_pixels_they_name(drawn: list[LabelledPhotograph], colours: tuple) -> None:
    sides = set()
    for seed in range(20):
        scene = Scene(np.zeros((160, 160, 3), np.uint8))
        paste_photograph(scene, drawn[0], 60, np.random.default_rng(seed))
        [points], [box] = scene.landmarks, scene.boxes
        if (points < 4).any() or (points > 155).any():
            continue
        seen = np.array([scene.picture[y, x] for x, y in points.round().astype(int)], int)
        mirrored = bool(np.abs(seen[0] - colours[0]).max() > 60)
        order = (1, 0, 2, 4, 3) if mirrored else range(5)
        assert np.abs(seen - [colours[i] for i in order]).max() < 60
        sides.add(mirrored)
        size = np.sqrt((box[2:] - box[:2] + 1).prod())
        assert size == pytest.approx(60, abs=1)
    assert sides == {False, True}


def test_scenes_are_the_seed_s_and_their_labels_inside(drawn: list[LabelledPhotograph]) -> None:
    counts = []
    for seed in range(12):
        scene = make_scene(drawn, 128, np.random.default_rng(seed))
        again = make_scene(drawn, 128, np.random.default_rng(seed))
        assert (scene.picture == again.picture).all() and (scene.boxes == again.boxes).all()
        assert scene.picture.shape == (128, 128, 3)
        assert scene.boxes.min(initial=0) >= 0 and scene.boxes.max(initial=0) <= 127
        assert len(scene.boxes) == len(scene.landmarks)
        counts.append(len(scene.boxes))
    assert max(counts) > 1


def test_a_piece_of_a_picture_makes_a_scene_with_its_faces(
    drawn: list[LabelledPhotograph], colours: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "NATURAL_SIDE", 100)
    checked = 0
    for seed in range(30):
        scene = scenes._natural(96, drawn, np.random.default_rng(seed))
        assert scene is not None and scene.picture.shape == (96, 96, 3)
        [points] = scene.landmarks
        if (points < 4).any() or (points > 91).any():
            continue
        seen = np.array([scene.picture[y, x] for x, y in points.round().astype(int)], int)
        assert np.abs(seen - colours).max(1).min() < 60 or np.abs(seen[[1, 0, 2, 4, 3]] - colours).max() < 60
        checked += 1
    assert checked > 5
    monkeypatch.setattr(scenes, "NATURAL_SIDE", 121)
    assert scenes._natural(96, drawn, np.random.default_rng(0)) is None


@pytest.mark.parametrize(("wear", "covered"), [(wear_glasses, (0, 1)), (wear_mask, (2, 3, 4))])
def test_what_is_worn_covers_its_landmarks_alone(drawn: list[LabelledPhotograph], wear: Any, covered: tuple) -> None:
    before = read_image(drawn[0].path)
    more = {"dark": True} if wear is wear_glasses else {}
    for seed in range(10):
        picture = before.copy()
        wear(picture, drawn[0].landmarks[0], np.random.default_rng(seed), **more)
        changed = [bool((picture[y, x] != before[y, x]).any()) for x, y in drawn[0].landmarks[0].astype(int)]
        assert [n for n in range(5) if changed[n]] == list(covered)


def test_a_moving_camera_smears_and_a_dark_room_darkens() -> None:
    picture = np.zeros((61, 61, 3), np.uint8)
    picture[30, 30] = 240
    still = Camera(gain=0, tint=0, grey=0, blurred=0, noisy=0, compressed=0, blur_sigma=(1, 2), jpeg_quality=(1, 2))
    rows, columns = np.nonzero(photographed(picture, still, np.random.default_rng(0))[..., 0])
    assert (rows.tolist(), columns.tolist()) == ([30], [30])
    moving = replace(still, moved=1.0, motion=(8.0, 8.0))
    rows, columns = np.nonzero(photographed(picture, moving, np.random.default_rng(0))[..., 0])
    assert 6 <= np.hypot(np.ptp(rows), np.ptp(columns)) <= 10
    assert rows.mean() == pytest.approx(30, abs=0.6) and columns.mean() == pytest.approx(30, abs=0.6)
    grey = np.full((8, 8, 3), 200, np.uint8)
    shades = [photographed(grey, replace(still, dark=dark), np.random.default_rng(0)).mean() for dark in (0.0, 1.0)]
    assert 0.1 * shades[0] < shades[1] < 0.55 * shades[0]


def test_pictures_are_kept_while_there_is_room(drawn: list[LabelledPhotograph]) -> None:
    size = read_image(drawn[0].path).nbytes
    pictures = Pictures(2 * size)
    first = [pictures(photo.path) for photo in drawn]
    assert [pictures(photo.path) is picture for photo, picture in zip(drawn, first, strict=True)] == [
        True,
        True,
        False,
        False,
    ]
    assert not first[0].flags.writeable and pictures.room == 0


class Mistaken:
    """Takes the eye of a drawn face for a face, half of the face, the face, and a corner of the picture."""

    def detect(self, images: list, threshold: float) -> list[Faces]:
        boxes = np.array([[38, 44, 50, 56], [30, 24, 60, 96], [30, 24, 90, 96], [100, 100, 119, 119]], np.float32)
        return [Faces(boxes, np.ones(4, np.float32), np.zeros((4, 5, 2), np.float32)) for _ in images]


def test_what_is_taken_for_a_face_is_put_into_scenes(drawn: list[LabelledPhotograph]) -> None:
    image = read_image(drawn[0].path)
    eye, corner = mistakes(Mistaken(), drawn[:1])
    assert (eye == image[40:61, 34:55]).all()  # the box and a quarter of its size round it
    assert (corner == image[95:, 95:]).all()
    green = np.full((40, 30, 3), (0, 255, 0), np.uint8)
    shown = 0
    for seed in range(20):
        scene = Scene(np.zeros((64, 64, 3), np.uint8))
        scenes._paste_mistake(scene, green, np.random.default_rng(seed))
        shown = int((scene.picture[..., 1] > 250).sum())
        assert 0.3 * 1200 < shown <= 2.6 * 1200 and not len(scene.boxes)


def test_what_one_of_two_labellers_sees_is_ignored() -> None:
    box, near, far, alone = [10, 10, 40, 40], [12, 10, 42, 40], [60, 60, 80, 80], [100, 0, 120, 20]
    first = LabelledPhotograph.of("x", [box, far], np.arange(20).reshape(2, 5, 2), [])
    second = LabelledPhotograph.of("x", [near], np.zeros((1, 5, 2)), [alone])
    both = confirmed(first, second)
    assert both.boxes.tolist() == [box] and both.landmarks.tolist() == first.landmarks[:1].tolist()
    assert both.ignored.tolist() == [far, alone]
    nothing = LabelledPhotograph.of("x", [], [], [])
    assert confirmed(first, nothing).ignored.tolist() == [box, far] and not len(confirmed(first, nothing).boxes)
    assert confirmed(nothing, second).ignored.tolist() == [near, alone]


def test_patches_of_background_hold_no_face(drawn: list[LabelledPhotograph]) -> None:
    image = np.zeros((120, 120, 3), np.uint8)
    image[24:97, 30:91] = 255
    for seed in range(50):
        patch = patch_without_faces(drawn[0], image, np.random.default_rng(seed))
        assert patch is not None and patch.max() == 0
    everywhere = LabelledPhotograph.of(drawn[0].path, [[0, 0, 119, 119]], np.zeros((1, 5, 2)), [])
    assert patch_without_faces(everywhere, image, np.random.default_rng(0)) is None


class Labeller:
    """Says that there is a face, a faint one, and in the enlarged photograph both and a third."""

    calls = 0

    def detect(self, images: list, threshold: float, scales: tuple = (1.0,), batch_size: int = 1) -> list[Faces]:
        self.calls += 1
        boxes = np.array([[10, 10, 40, 40], [60, 10, 80, 30], [90, 90, 99, 99]], np.float32)
        scores = np.array([0.9, 0.3, 0.8], np.float32)
        count = 2 if scales == (1.0,) else 3
        return [Faces(boxes[:count], scores[:count], np.zeros((count, 5, 2), np.float32)) for _ in images]


def test_faint_faces_are_ignored_and_labels_kept(
    tmp_path: Path, drawn: list[LabelledPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "progress", lambda items, **_: items)
    labeller, cache = Labeller(), str(tmp_path / "labels.npz")
    paths = [Path(photo.path) for photo in drawn]
    first = label_photographs(paths, labeller, cache)
    calls = labeller.calls
    again = label_photographs(paths, labeller, cache)
    assert labeller.calls == calls
    for photographs in (first, again):
        assert [photo.boxes.tolist() for photo in photographs] == [[[10, 10, 40, 40]]] * 4
        assert {tuple(box) for box in photographs[3].ignored.tolist()} == {(60, 10, 80, 30), (90, 90, 99, 99)}
    assert len(label_photographs(paths[:2], labeller, cache)) == 2  # others: labelled anew


class Unsteady:
    """Finds the white square of a picture, and puts its landmarks a little beside it, in each view elsewhere."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.missed = 0

    def detect(self, images: list, threshold: float) -> list[Faces]:
        result = []
        for image in images:
            if self.rng.random() < 0.2:  # not found in this view
                self.missed += 1
                result.append(Faces(*(np.zeros((0, *shape), np.float32) for shape in ((4,), (), (5, 2)))))
                continue
            y, x = np.nonzero(image[..., 0] > 128)
            box = np.array([x.min(), y.min(), x.max(), y.max()], np.float32)
            other = np.array([0, 0, 4, 4], np.float32)
            right = np.full((5, 2), [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], np.float32)
            points = np.stack([np.zeros((5, 2), np.float32), right + self.rng.normal(0, 2, (5, 2))])
            result.append(Faces(np.stack([other, box]), np.ones(2, np.float32), points.astype(np.float32)))
        return result


def test_landmarks_are_the_median_over_views() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    image[30:61, 40:71] = 255
    detector = Unsteady()
    faces = Faces(
        np.array([[40, 30, 70, 60]], np.float32), np.ones(1, np.float32), np.full((1, 5, 2), [58, 41], np.float32)
    )
    nothing = faces.take(np.zeros(0, np.int64))
    steady = labels.steady_landmarks([image] * 40 + [image[:50]], [faces] * 40 + [nothing], detector)
    assert detector.missed > 20 and steady[-1].shape == (0, 5, 2)
    errors = np.linalg.norm(np.stack(steady[:-1]) - [55, 45], axis=-1)
    single = np.linalg.norm(np.random.default_rng(1).normal(0, 2, (1000, 2)), axis=1).mean()
    assert errors.mean() < 0.6 * single  # of about seven views; one alone, and a median that is shifted, are worse


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.jpg: is not a picture"):
        read_image(str(tmp_path / "a.jpg"))
    assert cv2.imread(str(tmp_path / "a.jpg")) is None
