"""Every block of docs/python.md runs, one after the other, on the demo's people; and `import rcnn` stays light."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import rcnn
from rcnn import api
from rcnn.clips.dataset import read_ground_truth
from rcnn.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(finished, tmp_path_factory) -> Path:
    """A directory as the page has it: a finished demo, small, and two photographs of person 1."""
    work = tmp_path_factory.mktemp("python")
    shutil.copytree(finished.data, work / "data/demo")
    shutil.copytree(finished.output, work / "output/demo")
    clip = work / "data/demo/IQIYI_VID_TEST" / read_ground_truth(str(work / "data/demo/gt_v2/test_v2.txt"))[1][0]
    capture = cv2.VideoCapture(str(clip))
    for name in ("photo.jpg", "other.jpg"):
        for _ in range(8):
            _, frame = capture.read()
        cv2.imwrite(str(work / name), frame)
    (work / "films").mkdir()
    shutil.copy(clip, work / "films")
    return work


@pytest.mark.filterwarnings("ignore:.*missing.jpg")
def test_every_block_of_the_page_runs(place, monkeypatch, capsys):
    page = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) >= 12
    assert len([line for line in blocks[0].splitlines() if line]) <= 8  # README has them, too
    monkeypatch.chdir(place)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    text = capsys.readouterr().out
    similarity = float(re.search(r"similarity (-?[\d.]+)", text)[1])
    assert similarity > 0.5  # two frames of one clip
    assert similarity == pytest.approx(names["cosine"], abs=0.01)
    assert "missing.jpg 0" in text and "Ada" in text
    assert "label 1" in text and "the best clip of label 1" in text
    assert len(names["ranked"]) == 3
    assert names["crop"].shape == (112, 112, 3)
    said = re.findall(r"^```\n(.*?)^```", page, re.M | re.S)[-1]
    assert said in text  # the errors, as the page shows them
    assert "detect: " in text and "-> output/python" in text


def test_the_model_of_features_opens_from_anywhere(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    features = finished.output / "feat_test"
    model = rcnn.model_of(features)
    assert Path(model).is_absolute() and rcnn.FaceFinder(embedding=model, gpu=-1).width == 128
    with pytest.raises(InputError, match=r"^person: is 5 wide, the vectors of .*feat_test 128"):
        rcnn.rank_clips(np.ones(5), features)
    assert len(rcnn.rank_clips(np.ones(128), features, count=2)) == 2


def test_what_is_no_image_is_refused():
    for image in (None, np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3))):
        with pytest.raises(InputError, match=r"^image: is "):
            rcnn.detect_faces(image)


def test_an_image_without_a_face_has_none():
    image = np.zeros((300, 400, 3), np.uint8)
    faces = rcnn.detect_faces(image, gpu=-1)
    assert len(faces) == 0
    assert rcnn.embed_faces(image, faces, gpu=-1).shape == (0, 0)


def test_compare_is_the_cosine():
    assert rcnn.compare(np.array([2.0, 0]), np.array([3.0, 0])) == pytest.approx(1)
    assert rcnn.compare(np.array([2.0, 0]), np.array([0, 1.0])) == pytest.approx(0)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import rcnn", {"numpy", "cv2", "torch", "openvino", "pyarrow"}),
        ("from rcnn import FaceFinder, FaceAnalysis, compare", {"torch", "pyarrow", "scipy", "scenedetect", "av"}),
        ("from rcnn import find_people, rank_clips", {"torch"}),
    ],
)
def test_importing_loads_nothing_heavy(code: str, heavy: set[str]):
    code = f"import sys; {code}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_names_are_listed_and_others_unknown():
    assert set(rcnn.__all__) <= set(dir(rcnn)) and all(getattr(rcnn, name) for name in rcnn.__all__)
    assert sorted(rcnn.__all__) == sorted(api.__all__)
    with pytest.raises(AttributeError, match="detect_cats"):
        rcnn.detect_cats  # noqa: B018
