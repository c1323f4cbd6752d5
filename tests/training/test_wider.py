"""WIDER FACE's files of faces."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError
from rcnn.training.wider import parse_boxes, parse_landmarks, read_wider

whole = st.integers(0, 2000)
side = st.integers(1, 500)
boxes = st.lists(st.tuples(whole, whole, side, side, st.booleans()), max_size=5)
pictures = st.lists(boxes, max_size=4)


@given(pictures, st.booleans())
@settings(deadline=None, max_examples=60)
def test_boxes_come_back(pictures: list, zeros: bool) -> None:
    lines = []
    for number, faces in enumerate(pictures):
        lines += [f"0--Parade/{number}.jpg", str(len(faces))]
        lines += [f"{x} {y} {w} {h} 0 0 0 {int(invalid)} 2 0 " for x, y, w, h, invalid in faces]
        lines += ["0 0 0 0 0 0 0 0 0 0"] if not faces and zeros else []
    photographs = parse_boxes(lines, "pictures", "file")
    assert [photo.path for photo in photographs] == [f"pictures/0--Parade/{n}.jpg" for n in range(len(pictures))]
    for photo, faces in zip(photographs, pictures, strict=True):
        wanted = [[x, y, x + w - 1, y + h - 1] for x, y, w, h, invalid in faces if not invalid]
        assert photo.boxes.tolist() == wanted
        assert len(photo.ignored) == sum(invalid for *_, invalid in faces)
        assert np.isnan(photo.landmarks).all() and photo.landmarks.shape == (len(wanted), 5, 2)


@given(st.lists(st.lists(st.tuples(whole, whole, side, side, st.booleans()), max_size=4), max_size=4))
@settings(deadline=None, max_examples=60)
def test_landmarks_come_back(pictures: list) -> None:
    lines = []
    for number, faces in enumerate(pictures):
        lines.append(f"# {number}.jpg")
        for x, y, w, h, known in faces:
            points = " ".join(f"{x + i}.5 {y + i} 0.0" if known else "-1.0 -1.0 -1.0" for i in range(5))
            lines.append(f"{x} {y} {w} {h} {points} 0.8")
    photographs = parse_landmarks(lines, "pictures", "file")
    assert len(photographs) == len(pictures)
    for photo, faces in zip(photographs, pictures, strict=True):
        for box, points, (x, y, w, h, known) in zip(photo.boxes, photo.landmarks, faces, strict=True):
            assert box.tolist() == [x, y, x + w - 1, y + h - 1]
            assert np.isnan(points).all() if not known else points[4].tolist() == [x + 4.5, y + 4]


@given(st.lists(st.text("0123456789 #-.jpgx", max_size=20), max_size=6))
@settings(deadline=None, max_examples=150)
def test_anything_else_is_one_error(lines: list[str]) -> None:
    for parse in (parse_boxes, parse_landmarks):
        try:
            parse(lines, "pictures", "file")
        except InputError as error:
            assert str(error).startswith("file, line ") and "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg\n1\n1 2 3\n", "line 3: '1 2 3' is not a face of 10 numbers"),
        ("a.jpg\nmany\n", "line 2: 'many' is not the number of faces"),
        ("a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", "the file ends inside a.jpg"),
        ("1 2 3 4\n", "line 1: '1 2 3 4' is not the name of a picture"),
        ("# a.jpg\n1 2 3 nan\n", "line 2: '1 2 3 nan' is not a face of"),
        ("# a.jpg\n1 2 30 40\n", "a.jpg, which"),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "label.txt"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_wider(str(tmp_path), str(file))
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_wider(str(tmp_path), str(tmp_path / "none.txt"))
