"""benchmarks/detectors.py: what it counts, and that it runs every engine."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_kinds
import pytest
from drawn_people import write_album

from rcnn.exports.comparison import agreement
from rcnn.faces.types import Faces

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))


def faces(*boxes: tuple[float, float, float, float], shift: float = 0.0) -> Faces:
    """With eyes 10 pixels from each other."""
    array = np.array(boxes, np.float32).reshape(-1, 4)
    points = array[:, None, :2] + np.array([[0, 0], [10, 0], [5, 5], [0, 9], [10, 9]], np.float32) + np.float32(shift)
    return Faces(array, np.ones(len(array), np.float32), points)


def test_agreement_by_hand():
    wanted = [faces((0, 0, 99, 99), (200, 0, 299, 99)), faces(), faces((0, 0, 9, 9))]
    found = [faces((300, 300, 310, 310), (200, 0, 299, 89), shift=3), faces((5, 5, 9, 9)), faces()]
    same = agreement(found, wanted)
    assert (same.wanted, same.lost, same.others, same.pictures) == (3, 2, 2, 3)
    assert same.landmarks == pytest.approx(100 * np.hypot(3, 3) / 10)
    assert str(same) == "of 3 faces on 3 pictures 2 lost (66.7%), 2 others found"


def test_one_found_face_is_one_of_two_that_overlap():
    wanted = [faces((0, 0, 99, 99), (0, 10, 99, 109))]
    same = agreement([faces((0, 5, 99, 104))], wanted)
    assert (same.wanted, same.lost, same.others) == (2, 1, 0)


def test_a_line_for_each_engine(tmp_path):
    album = write_album(tmp_path / "album", [1] * 4)
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/detectors.py", "--gpu", "-1", "--frames", "1", "--repeats", "1", "--models",
         onnx_kinds.yunet(tmp_path / "yunet.onnx"), "--crowd", "", "--faces", album],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[2:]] == [
        ["yunet.onnx", "ONNX", "openvino"],
        ["yunet.onnx", "ONNX", "onnxruntime"],
    ]
