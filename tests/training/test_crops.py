"""Which people training sees, and the crops it sees of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_people import write_album

from rcnn.errors import InputError
from rcnn.faces.alignment import align_faces
from rcnn.faces.choice import central_face
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import norms
from rcnn.training import crop_cache
from rcnn.training.crop_cache import read_kept
from rcnn.training.crops import MARGIN, NO_FACE, WIDE, distorted_crops, plain_crops, read_crops, read_photographs
from rcnn.training.eigenfaces import Eigenfaces, crossed
from rcnn.training.nonfaces import NonFaces, false_faces
from rcnn.training.people import held_out, list_photographs, list_unnamed


def test_the_people_held_out_are_these_and_always_will_be():
    names = ["Aaron_Eckhart", "Aaron_Guiel", "Aaron_Patterson", "Aaron_Peirsol", "Aaron_Pena"]
    assert [name for name in names if held_out(name)] == ["Aaron_Patterson"]


def test_one_person_in_five_is_held_out(shared):
    people = list_photographs(str(shared / "faces"))
    unseen = [name for name in people if held_out(name)]
    assert (len(people), len(unseen)) == (2883, 544)


def test_photographs_are_listed_in_order_and_an_empty_folder_is_an_error(tmp_path):
    for name in ("B/2.jpg", "B/1.JPG", "A/x.png", "A/notes.txt", "C/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = list_photographs(str(tmp_path))
    assert {name: [path.name for path in paths] for name, paths in found.items()} == {
        "A": ["x.png"],
        "B": ["1.JPG", "2.jpg"],
    }
    assert [path.name for path in list_unnamed(str(tmp_path / "B"))] == ["1.JPG", "2.jpg"]
    for folder in (tmp_path / "C", tmp_path / "none"):
        for read in (list_photographs, list_unnamed):
            with pytest.raises(InputError, match="contains no photographs; they must be in"):
                read(str(folder))


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    """(6, WIDE, WIDE, 3) uint8: each of one smooth pattern of its own."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (6, 5, 5, 3), dtype=np.uint8)
    return np.stack([cv2.resize(pattern, (WIDE, WIDE), interpolation=cv2.INTER_CUBIC) for pattern in coarse])


@pytest.fixture
def only(monkeypatch):
    """Turns all that changes or hides who is shown off, but for what is named."""

    def choose(**shares: float) -> None:
        for name in ("CROSSED", "MIXED", "MIRRORED", "SPOILT"):
            monkeypatch.setattr(f"rcnn.training.crops.{name}", shares.get(name, 0.0))

    return choose


@pytest.mark.parametrize("new_people", [False, True])
def test_distorted_crops_come_from_the_seed(new_people, wide):
    labels = np.arange(6)
    space = Eigenfaces(wide) if new_people else None
    first, first_labels = distorted_crops(wide, labels, 30, np.random.default_rng(7), space)
    again, again_labels = distorted_crops(wide, labels, 30, np.random.default_rng(7), space)
    other, _ = distorted_crops(wide, labels, 30, np.random.default_rng(8), space)
    assert first.shape == (30, 112, 112, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and np.array_equal(first_labels, again_labels)
    assert not np.array_equal(first, other)


def test_every_photograph_comes_up_as_often_and_mixed_people_have_no_label(wide, only):
    only()
    _, labels = distorted_crops(wide, np.arange(6), 20, np.random.default_rng(1))
    assert set(np.bincount(labels, minlength=6)) <= {3, 4}
    for kind in ("MIXED", "CROSSED"):
        only(**{kind: 1.0})
        _, labels = distorted_crops(wide, np.arange(6), 60, np.random.default_rng(1), Eigenfaces(wide))
        assert 0.7 < (labels == -1).mean() < 0.95  # one in six is mixed with itself
        _, labels = distorted_crops(wide, np.zeros(6, int), 60, np.random.default_rng(1), Eigenfaces(wide))
        assert (labels == 0).all()
    only(SPOILT=1.0)
    _, labels = distorted_crops(wide, np.arange(6), 60, np.random.default_rng(1))
    assert (labels == -1).all()


def test_a_crossed_face_lies_between_the_two(wide):
    space = Eigenfaces(wide)
    rng = np.random.default_rng(0)
    (none,) = space.differences(np.array([2]), np.array([2]), rng)
    assert np.array_equal(crossed(wide[2], none), wide[2])
    distances = []
    for difference in space.differences(np.full(20, 2), np.full(20, 4), rng):
        between = crossed(wide[2], difference).astype(float)
        distances.append([np.abs(between - wide[index]).mean() for index in (2, 4)])
    apart = np.abs(wide[2].astype(float) - wide[4]).mean()
    own, other = np.mean(distances, 0)
    assert 0.2 * apart < own < apart and 0.2 * apart < other < apart


def test_spoilt_crops_are_of_every_kind_and_differ_from_unspoilt_ones(wide, only):
    only(SPOILT=1.0)
    spoilt, _ = distorted_crops(wide, np.arange(6), 60, np.random.default_rng(3))
    nearby = np.abs(plain_crops(wide)[None].astype(float) - spoilt[:, None]).mean((2, 3, 4)).min(1)
    only()
    crops, _ = distorted_crops(wide, np.arange(6), 60, np.random.default_rng(3))
    unspoilt = np.abs(plain_crops(wide)[None].astype(float) - crops[:, None]).mean((2, 3, 4)).min(1)
    assert spoilt.shape == (60, 112, 112, 3) and spoilt.dtype == np.uint8
    assert np.median(nearby) > 1.2 * np.median(unspoilt)


def test_a_distorted_crop_is_still_of_its_photograph(wide, only):
    only()
    crops, labels = distorted_crops(wide, np.arange(6), 48, np.random.default_rng(2))

    def unit(images: np.ndarray) -> np.ndarray:
        small = np.stack([cv2.resize(image, (14, 14), interpolation=cv2.INTER_AREA) for image in images])
        flat = small.reshape(len(small), -1).astype(float)
        flat -= flat.mean(1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    nearest = (unit(crops) @ unit(plain_crops(wide)).T).argmax(1)
    assert (nearest == labels).mean() > 0.95


def test_the_middle_of_a_wide_crop_is_the_aligned_crop(tmp_path, models):
    detector = load_detector(models["detector"])
    ((name, paths),) = list_photographs(str(write_album(tmp_path, [2]))).items()
    wide, labels = read_crops({name: paths}, detector)
    assert wide.shape == (2, 112 + 2 * MARGIN, 112 + 2 * MARGIN, 3)
    assert labels.tolist() == [0, 0]
    for path, crop in zip(paths, plain_crops(wide), strict=True):
        image = cv2.imread(str(path))
        faces = detector.detect([image], 0.3)[0]
        best = central_face(faces, image.shape[1], image.shape[0])
        expected = align_faces(image, faces.landmarks[best : best + 1])[0]
        # warpAffine rounds positions to 1/32 pixel
        assert np.abs(crop.astype(int) - expected).mean() < 1.5


def test_what_is_no_picture_or_shows_no_face_is_an_error(tmp_path, models):
    detector = load_detector(models["detector"])
    broken, empty = tmp_path / "broken.jpg", tmp_path / "empty.png"
    broken.write_bytes(b"no picture")
    cv2.imwrite(str(empty), np.full((90, 90, 3), 128, np.uint8))
    with pytest.raises(InputError, match=r"broken\.jpg: is not a picture .*; give another picture, or remove it"):
        read_crops({"A": [broken]}, detector)
    with pytest.raises(InputError, match="no face was found in any photograph"):
        read_crops({"A": [empty]}, detector)


def test_crops_without_a_face_are_marked_and_come_from_where_it_is_said(wide, only, monkeypatch):
    class Grey:
        def draw(self, rng: np.random.Generator) -> np.ndarray:
            return np.full((112, 112, 3), 128, np.uint8)

    only()
    monkeypatch.setattr("rcnn.training.crops.EMPTY", 0.4)
    crops, labels = distorted_crops(wide, np.arange(6), 60, np.random.default_rng(0), None, Grey())
    empty = labels == NO_FACE
    assert 0.2 < empty.mean() < 0.6
    shades = crops.astype(float).std((1, 2)).mean(1)
    assert shades[empty].max() < shades[~empty].min()


@pytest.fixture(scope="module")
def album(tmp_path_factory) -> dict:
    return list_photographs(str(write_album(tmp_path_factory.mktemp("album"), [2, 1])))


def test_what_was_read_is_kept_for_the_same_photographs_and_detector(album, models, tmp_path, monkeypatch):
    detector = load_detector(models["detector"])
    cache = str(tmp_path / "net-seen.npz")
    first = read_kept(cache, album, detector, "a,0")
    expected = read_photographs(album, detector)
    again = read_kept(cache, album, None, "a,0")  # asks no detector
    for read in (first, again):
        assert np.array_equal(read.wide, expected.wide) and np.array_equal(read.labels, expected.labels)
        assert read.missed == 0
        for photo, other in zip(read.photographs, expected.photographs, strict=True):
            assert photo.path == other.path and np.array_equal(photo.boxes, other.boxes)
            assert np.array_equal(photo.landmarks, other.landmarks)
    asked = []
    monkeypatch.setattr(crop_cache, "read_photographs", lambda people, _: asked.append(people) or expected)
    fewer = dict(list(album.items())[:1])
    read_kept(cache, album, detector, "b,0")
    read_kept(cache, fewer, detector, "b,0")
    (tmp_path / "net-seen.npz").write_bytes(b"no cache")
    read_kept(cache, fewer, detector, "b,0")
    assert asked == [album, fewer, fewer]


def test_crops_without_a_face_are_none(album, models):
    detector = load_detector(models["detector"])
    photographs = read_photographs(album, detector).photographs
    rng = np.random.default_rng(0)
    found = false_faces(photographs, detector, rng, pictures=12)
    assert found.shape[1:] == (WIDE, WIDE, 3) and found.dtype == np.uint8
    drawn = np.stack([NonFaces(photographs, None).draw(rng) for _ in range(24)])
    assert drawn.shape == (24, 112, 112, 3) and drawn.dtype == np.uint8
    lengths = norms(load_embedder(models["model"]).embed(drawn))
    faces = norms(load_embedder(models["model"]).embed(plain_crops(read_crops(album, detector)[0])))
    assert np.median(lengths) < faces.min()
