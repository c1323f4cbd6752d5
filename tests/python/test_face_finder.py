"""FaceFinder on drawn people: the fields of a face, many images as one by one, what cannot be read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import CLEAR, group, portrait

import rcnn
from rcnn import ArgumentError, Face, FaceFinder, compare
from rcnn.faces.alignment import align_faces


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder(gpu=-1)


def same(one: Face, two: Face) -> None:
    for name in ("box", "landmarks", "score", "quality", "embedding", "crop"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_face_has_all_that_is_known_of_it(finder: FaceFinder):
    image, points = group()
    faces = finder.get(image, colour="bgr")
    assert len(faces) == len(points)
    assert [face.box[0] for face in faces] == sorted(face.box[0] for face in faces)
    for face in faces:
        assert face.box.shape == (4,) and face.box.dtype == np.float32 and face.width > 20 and face.height > 20
        assert face.landmarks.shape == (5, 2)
        assert np.linalg.norm(points - face.landmarks, axis=2).mean(1).min() < 8  # pixels
        assert type(face.score) is float and finder.threshold is None and 0.5 < face.score <= 1
        assert type(face.quality) is float and face.quality > 5 and finder.quality == "norm"
        assert face.embedding.shape == (finder.width,) and face.embedding.dtype == np.float32
        assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-5)
        np.testing.assert_array_equal(face.crop, align_faces(image, face.landmarks[None])[0])
        assert repr(face).startswith("Face(at ") and "score" in repr(face)


def test_it_agrees_with_the_functions(finder: FaceFinder):
    image, _ = group()
    found = rcnn.detect_faces(image, gpu=-1)
    vectors = rcnn.embed_faces(image, found, gpu=-1)
    faces = finder.get(image, "bgr")
    assert len(found) == len(faces) == len(list(found))
    for (box, score, landmarks), vector, face in zip(found, vectors, faces, strict=True):
        np.testing.assert_array_equal(box, face.box)
        np.testing.assert_array_equal(landmarks, face.landmarks)
        assert score == face.score
        np.testing.assert_allclose(vector, face.embedding, atol=1e-6)


def test_people_are_told_apart_by_the_threshold_with_a_name(finder: FaceFinder):
    (one,), (again,), (other,) = (
        finder.get(portrait(*each), "bgr") for each in ((0, CLEAR), (0, CLEAR + 1), (1, CLEAR))
    )
    assert compare(one, again) > compare(one, other)
    assert finder.match_threshold("1 in 1,000") == rcnn.match_threshold("1 in 1,000", finder.embedding)


def test_many_images_are_as_one_by_one_and_run_together(finder: FaceFinder, tmp_path: Path, monkeypatch):
    image, _ = group()
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), portrait(2, CLEAR))
    images = [image, portrait(0, CLEAR), str(path), path.read_bytes(), np.zeros((90, 160, 3), np.uint8), path]
    singles = [finder.get(each, "bgr") for each in images]
    embed, calls = finder.networks[1].embed, []
    monkeypatch.setattr(finder.networks[1], "embed", lambda crops: calls.append(len(crops)) or embed(crops))
    found = list(finder.get_many(iter(images), "bgr"))
    assert [len(faces) for faces in found] == [len(faces) for faces in singles] == [6, 1, 1, 1, 0, 1]
    assert calls == [10]  # all faces in one call
    for mine, theirs in zip(found, singles, strict=True):
        for one, two in zip(mine, theirs, strict=True):
            same(one, two)
    assert len(list(finder.get_many(images, "bgr", batch_size=4))) == len(images)
    assert calls == [10, 9, 1]
    assert list(finder.get_many([])) == []


def test_images_are_taken_as_they_are_needed(finder: FaceFinder):
    taken = []
    stream = (taken.append(number) or portrait(0, CLEAR) for number in range(100))
    assert len(next(finder.get_many(stream, "bgr", batch_size=2))) == 1
    assert taken == [0, 1]


def test_an_image_that_cannot_be_read_stops_or_is_warned_of(finder: FaceFinder):
    images = [portrait(0, CLEAR), "missing.jpg", portrait(1, CLEAR)]
    stream = finder.get_many(images, "bgr")
    assert len(next(stream)) == 1  # what came before it is given
    with pytest.raises(ArgumentError, match=r"^images\[1\] missing\.jpg: No such file"):
        next(stream)
    with pytest.warns(UserWarning, match=r"images\[1\] missing\.jpg: .*; it counts as without faces"):
        assert [len(faces) for faces in finder.get_many(images, "bgr", on_error="warn")] == [1, 0, 1]


def test_a_single_image_is_none_of_many(finder: FaceFinder):
    for image in ("photo.jpg", Path("photo.jpg"), b"photo", portrait(0, CLEAR), None, 3):
        with pytest.raises(ArgumentError, match=r"^images: is .*not several images; get takes one"):
            finder.get_many(image)
    with pytest.raises(ArgumentError, match=r"^batch_size: is 0"):
        finder.get_many([], batch_size=0)
    with pytest.raises(ArgumentError, match=r"^on_error: is 'skip'; give"):
        finder.get_many([], on_error="skip")


def test_the_main_face_and_good_faces_alone(finder: FaceFinder):
    image, _ = group()
    faces = finder.get(image, "bgr")
    (main,) = finder.get(image, "bgr", max_faces=1)
    middle = np.array([image.shape[1], image.shape[0]]) / 2
    merit = [face.width * face.height - 2 * ((face.box.reshape(2, 2).mean(0) - middle) ** 2).sum() for face in faces]
    same(main, faces[int(np.argmax(merit))])
    qualities = sorted(face.quality for face in faces)
    strict = FaceFinder(min_quality=qualities[2], gpu=-1)
    assert sorted(face.quality for face in strict.get(image, "bgr")) == qualities[2:]
    assert FaceFinder(threshold=1, gpu=-1).get(image, "bgr") == []
    with pytest.raises(ArgumentError, match=r"^max_faces: is 0"):
        finder.get(image, "bgr", max_faces=0)


def test_models_are_named_by_paths_and_open_from_anywhere(finder: FaceFinder, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    again = FaceFinder(Path(finder.detector), Path(finder.embedding), gpu=-1)
    assert Path(finder.detector).is_absolute() and again.networks == finder.networks  # loaded once
    assert repr(again) == "FaceFinder('essh-m25,0', 'face-m,0')"
