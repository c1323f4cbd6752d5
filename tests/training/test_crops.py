"""Which people training sees, and the crops it sees of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rcnn.detector import align_faces, load_detector
from rcnn.detector.essh import central_face
from rcnn.errors import InputError
from rcnn.training.crops import MARGIN, WIDE, distorted_crops, plain_crops, read_crops
from rcnn.training.people import held_out, list_photographs


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
    for folder in (tmp_path / "C", tmp_path / "none"):
        with pytest.raises(InputError, match="holds no photographs; they must lie in"):
            list_photographs(str(folder))


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    """(6, WIDE, WIDE, 3) uint8: each of one smooth pattern of its own."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (6, 5, 5, 3), dtype=np.uint8)
    return np.stack([cv2.resize(pattern, (WIDE, WIDE), interpolation=cv2.INTER_CUBIC) for pattern in coarse])


def test_distorted_crops_come_from_the_seed(wide):
    labels = np.arange(6)
    first, first_labels = distorted_crops(wide, labels, 30, np.random.default_rng(7))
    again, again_labels = distorted_crops(wide, labels, 30, np.random.default_rng(7))
    other, _ = distorted_crops(wide, labels, 30, np.random.default_rng(8))
    assert first.shape == (30, 112, 112, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and np.array_equal(first_labels, again_labels)
    assert not np.array_equal(first, other)


def test_every_photograph_comes_up_as_often_and_mixed_people_have_no_label(wide, monkeypatch):
    monkeypatch.setattr("rcnn.training.crops.MIXED", 0.0)
    _, labels = distorted_crops(wide, np.arange(6), 20, np.random.default_rng(1))
    assert set(np.bincount(labels, minlength=6)) <= {3, 4}
    monkeypatch.setattr("rcnn.training.crops.MIXED", 1.0)
    _, labels = distorted_crops(wide, np.arange(6), 60, np.random.default_rng(1))
    assert 0.7 < (labels == -1).mean() < 0.95  # one in six is mixed with itself
    _, labels = distorted_crops(wide, np.zeros(6, int), 60, np.random.default_rng(1))
    assert (labels == 0).all()


def test_a_distorted_crop_is_still_of_its_photograph(wide, monkeypatch):
    monkeypatch.setattr("rcnn.training.crops.MIXED", 0.0)
    monkeypatch.setattr("rcnn.training.crops.MIRRORED", 0.0)
    crops, labels = distorted_crops(wide, np.arange(6), 48, np.random.default_rng(2))

    def unit(images: np.ndarray) -> np.ndarray:
        small = np.stack([cv2.resize(image, (14, 14), interpolation=cv2.INTER_AREA) for image in images])
        flat = small.reshape(len(small), -1).astype(float)
        flat -= flat.mean(1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    nearest = (unit(crops) @ unit(plain_crops(wide)).T).argmax(1)
    assert (nearest == labels).mean() > 0.95


def test_the_middle_of_a_wide_crop_is_the_aligned_crop(shared, checkpoints):
    detector = load_detector(checkpoints["retinaface"])
    paths = sorted((shared / "faces/Aaron_Peirsol").glob("*.jpg"))[:2]
    wide, labels = read_crops({"Aaron_Peirsol": paths}, detector)
    assert wide.shape == (2, 112 + 2 * MARGIN, 112 + 2 * MARGIN, 3)
    assert labels.tolist() == [0, 0]
    for path, crop in zip(paths, plain_crops(wide), strict=True):
        image = cv2.imread(str(path))
        faces = detector.detect([image], 0.3)[0]
        best = central_face(faces, image.shape[1], image.shape[0])
        expected = align_faces(image, faces.landmarks[best : best + 1])[0]
        # warpAffine rounds positions to 1/32 pixel
        assert np.abs(crop.astype(int) - expected).mean() < 1.5


def test_what_is_no_picture_or_shows_no_face_is_an_error(tmp_path, checkpoints):
    detector = load_detector(checkpoints["retinaface"])
    broken, empty = tmp_path / "broken.jpg", tmp_path / "empty.png"
    broken.write_bytes(b"no picture")
    cv2.imwrite(str(empty), np.full((90, 90, 3), 128, np.uint8))
    with pytest.raises(InputError, match=r"broken\.jpg: is no picture; remove it"):
        read_crops({"A": [broken]}, detector)
    with pytest.raises(InputError, match="no face was found in any photograph"):
        read_crops({"A": [empty]}, detector)
