"""Text is read as UTF-8 with or without byte order mark, wherever it comes from, and names need not be UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.clips.dataset import read_ground_truth
from rcnn.clips.labels import read_labels_of
from rcnn.clips.layout import write_lines
from rcnn.clips.names import read_people
from rcnn.errors import InputError
from rcnn.faces.card import read_card
from rcnn.files.text import read_lines, read_text
from rcnn.networks.zoo.registry import known_models
from rcnn.training.wider import read_wider

ROOT = Path(__file__).resolve().parents[2]
MARK = b"\xef\xbb\xbf"
ZOO = b"""[[model]]
name = "m"
what = "w"
give = "m.onnx"
licence = "l"
accuracy = "a"
page = "p"
training = "t"
files = [{name = "m.onnx"}]
"""


@pytest.fixture
def dataset(tmp_path) -> Path:
    for folder, name in (("IQIYI_VID_TRAIN", "t1"), ("IQIYI_VID_TRAIN", "t2"), ("IQIYI_VID_VAL", "v1")):
        place = tmp_path / f"IQIYI_VID_DATA_Part1/{folder}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.mp4").write_bytes(b"x")
    (tmp_path / "gt_v2").mkdir()
    (tmp_path / "gt_v2/IQIYI_VID.txt").write_bytes(b"t1.mp4\nt2.mp4\nv1.mp4\n")
    (tmp_path / "gt_v2/train_v2.txt").write_bytes(b"t1.mp4 7\nt2.mp4 3\n")
    (tmp_path / "gt_v2/val_v2.txt").write_bytes(b"7 v1.mp4\n")
    (tmp_path / "gt_v2/names.txt").write_bytes(b"7 Ada\n3 Bob\n")
    return tmp_path


def labels(root: Path) -> list[tuple[str, int]]:
    return sorted(read_labels_of(str(root)).items())


@pytest.mark.parametrize("name", ["IQIYI_VID.txt", "train_v2.txt", "val_v2.txt", "names.txt"])
def test_a_byte_order_mark_changes_nothing(dataset, name):
    clips, people = labels(dataset), read_people(str(dataset / "gt_v2/names.txt"))
    assert clips == [("t1.mp4", 7), ("t2.mp4", 3), ("v1.mp4", 7)]
    file = dataset / "gt_v2" / name
    lines = file.read_bytes().splitlines(keepends=True)
    for text in (MARK + b"".join(lines), b"".join(MARK + line for line in lines)):  # the latter of files put together
        file.write_bytes(text)
        assert labels(dataset) == clips
        assert read_people(str(dataset / "gt_v2/names.txt")) == people
    assert read_ground_truth(str(dataset / "gt_v2/val_v2.txt")) == {7: ("v1.mp4",)}


@pytest.mark.parametrize("text", ["t1.mp4\n".encode("utf-16"), b"t\xe9.mp4\n", b"a\n" * 9 + b"\x80", b"\xff"])
@pytest.mark.parametrize("name", ["IQIYI_VID.txt", "train_v2.txt", "val_v2.txt"])
def test_text_that_is_not_utf8_is_one_line(dataset, name, text):
    (dataset / "gt_v2" / name).write_bytes(text)
    with pytest.raises(InputError, match=rf"{name}: is not UTF-8 text; save it as UTF-8"):
        read_labels_of(str(dataset))


def test_cards_the_zoo_and_labels_of_faces_may_have_a_mark(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"x")
    (tmp_path / "m.toml").write_bytes(MARK + b'colour = "rgb"\n')
    assert read_card(str(tmp_path / "m.onnx")).colour == "rgb"
    (tmp_path / "zoo.toml").write_bytes(MARK + ZOO)
    assert list(known_models(tmp_path / "zoo.toml")) == ["m"]
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "faces.txt").write_bytes(MARK + b"a.jpg\n1\n1 1 9 9 0 0 0 0 0 0\n")
    assert [photo.path for photo in read_wider(str(tmp_path), str(tmp_path / "faces.txt"))] == [str(tmp_path / "a.jpg")]


@pytest.mark.parametrize("text", [b'colour = "\xe9"', 'colour = "rgb"'.encode("utf-16"), b"#" * (1 << 17), b"\x00"])
def test_a_card_that_is_no_text_is_one_line(tmp_path, text):
    (tmp_path / "m.onnx").write_bytes(b"x")
    (tmp_path / "m.toml").write_bytes(text)
    with pytest.raises(InputError, match=r"m\.toml: can't be read"):
        read_card(str(tmp_path / "m.onnx"))
    (tmp_path / "zoo.toml").write_bytes(text)
    with pytest.raises(InputError, match=r"zoo\.toml: is damaged"):
        known_models(tmp_path / "zoo.toml")


def test_lines_have_their_numbers(tmp_path):
    (tmp_path / "x").write_bytes(MARK + b"\n one \r\n\n" + MARK + b"\ntwo")
    assert list(read_lines(str(tmp_path / "x"), "")) == [(2, "one"), (5, "two")]
    with pytest.raises(InputError, match="No such file or directory; --x wants y"):
        list(read_lines(str(tmp_path / "gone"), "--x wants y"))
    with pytest.raises(ValueError, match="is larger than 3 bytes"):
        read_text(str(tmp_path / "x"), 3)


def ask(*arguments: str | bytes, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, cwd=cwd)


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("detect.py", [b"--dataset", b"n\xf6where"]),
        ("genfeat.py", [b"--inputs", b"n\xf6where"]),
        ("submit.py", [b"--gt", b"n\xf6where", b"--inputs", b"n\xf6where"]),
    ],
)
def test_a_path_that_is_not_utf8_is_no_traceback(script, arguments, tmp_path):
    done = ask(str(ROOT / script), *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(b"\n") == 1 and b"error: n\\udcf6where: " in done.stderr


def test_an_output_whose_name_is_not_utf8_is_refused_before_work_is_done(tmp_path, dataset):
    code = """
import sys
from rcnn.errors import run_script
from rcnn.tables import StageWriter, features_schema
def main():
    print(sys.argv[1])
    StageWriter(sys.argv[1], "feature", features_schema(4), arguments={"output": sys.argv[1]})
run_script(main)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, os.path.join(os.fsencode(tmp_path), b"n\xf6")],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 2, done.stderr
    assert b"n\\udcf6" in done.stdout
    assert done.stderr.count(b"\n") == 1 and b"is not UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["train_mlp.py", "--data", "nowhere", "--gpu", "-1", "--prefix"], b"--prefix"),
        (["-m", "rcnn", "convert", "--model", "model/face-m,0", "--output"], b"--output"),
        (["-m", "rcnn", "convert", "--output", "x.onnx", "--model"], b"--model"),
    ],
)
def test_a_path_that_libraries_must_open_is_refused_before_any_work(words, flag, tmp_path):
    done = ask(*words, os.path.join(os.fsencode(tmp_path), b"m\xe9"), cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(b"\n") == 1 and b"is not UTF-8, and " + flag + b" must be" in done.stderr
    assert not list(tmp_path.iterdir())


def test_names_of_folders_that_are_not_utf8_stay_apart(tmp_path):
    names = [os.fsdecode(b"M\xfcller"), os.fsdecode(b"M\xf6ller")]
    write_lines(tmp_path / "names.txt", [f"{label} {name}" for label, name in enumerate(names, 1)])
    assert len(set(read_people(str(tmp_path / "names.txt")).values())) == 2
