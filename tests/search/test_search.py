"""python -m rcnn search on clips of drawn people: who it is, which clips, and what is said about bad input."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcnn.__main__ import main
from rcnn.clips.dataset import read_ground_truth
from rcnn.errors import InputError
from rcnn.faces.finding import find_faces
from rcnn.faces.types import Faces
from rcnn.tables import StageReader

THIS = r"^who: (maybe )?label 2 \(person002\): cosine 0\.[89]"  # how sure hangs on what is measured


def sh(*command: object, code: int = 0) -> str:
    """What `rcnn COMMAND ...` prints, or the one line of what is wrong; in this process, which has all of it loaded."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", ["rcnn", *map(str, command)])
        try:
            main()
        except InputError as error:
            assert code == 2, error
            return f"{error}"
    assert code == 0, said.getvalue()
    return said.getvalue()


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory) -> Path:
    """Data, faces and features of drawn people; `photo.png` is person 2 in a test clip, `stranger.png` a stranger."""
    work = tmp_path_factory.mktemp("search")
    for name in ("det_trainval", "det_test", "feat_trainval", "feat_test"):
        (work / name).symlink_to(finished.output / name)
    (work / "data").symlink_to(finished.data)
    truth = read_ground_truth(str(work / "data/gt_v2/test_v2.txt"))
    shots = work / "data/IQIYI_VID_TEST"
    known = {name for names in truth.values() for name in names}
    photograph(shots / truth[2][0], work / "photo.png")
    # a clip of test without a label is of a stranger, or of nobody
    others = [path for path in sorted(shots.iterdir()) if path.name not in known and path.name in with_faces(work)]
    photograph(others[0], work / "stranger.png")
    return work


def with_faces(work: Path) -> set[str]:
    reader = StageReader(str(work / "feat_test"), ("feature",))
    return {name for batch in reader.batches(["name"]) for name in batch.column("name").to_pylist()}


def photograph(clip: Path, target: Path) -> None:
    capture = cv2.VideoCapture(str(clip))
    for _ in range(10):
        _, frame = capture.read()
    cv2.imwrite(str(target), frame)


def search(run: Path, *more: object, image: str = "photo.png", code: int = 0) -> str:
    features = f"{run / 'feat_trainval'},{run / 'feat_test'}"
    return sh("search", "--image", run / image, "--features", features, "--gpu", "-1", *more, code=code)


def ranked(text: str) -> list[str]:
    return [clip for _, clip in judged(text)]


def judged(text: str) -> list[tuple[str, str]]:
    """Verdict and name of the clips that a search lists."""
    return re.findall(r"^ +\d+  (yes|maybe|no) +-?\d\.\d+ +\S*(?: \d+)?%  (\S+)", text, re.M)


def test_a_known_person_is_named_and_found(run, tmp_path):
    page = tmp_path / "search.html"
    text = search(run, "--report", page, "--count", 6, "--verdicts", "all")
    assert re.search(THIS, text, re.M)
    truth = read_ground_truth(str(run / "data/gt_v2/test_v2.txt"))
    assert ranked(text)[0] == truth[2][0]  # the clip that the photograph is of
    assert len(ranked(text)) == 6 and "not listed" not in text
    html = page.read_text()
    assert html.count("data-clip=") == 6 and "Which clips show photo.png" in html
    assert html.count("data:image/jpeg") == 7  # with the photograph
    assert html.index('id="cards"') < html.index("Clips, faces and training")


def test_clips_lead_back_to_files_and_times(run, tmp_path):
    clip = read_ground_truth(str(run / "data/gt_v2/test_v2.txt"))[2][0]
    table, page = tmp_path / "sources.txt", tmp_path / "page.html"
    table.write_text(f"{clip}\t/my films/Käthe <am> See.mov\nanother.mp4\t/films/b.mov\n")
    lines = search(run, "--sources", table, "--report", page).splitlines()
    (line,) = [line for line in lines if clip in line]
    assert line.endswith("/my films/Käthe <am> See.mov")
    assert re.search(r"  0:0[01]-0:0\d  ", line)
    assert "Käthe &lt;am&gt; See" in page.read_text() and "#t=" in page.read_text()
    table.write_text(f"{clip}\t/my photographs/Käthe.heic\n")  # the clip was made of it: there are no times
    (line,) = [line for line in search(run, "--sources", table).splitlines() if clip in line]
    assert re.search(r"test  /my photographs/Käthe.heic$", line)
    table.write_text("no tab\n")
    assert "sources.txt:1: is not CLIP, a tab and PATH" in search(run, "--sources", table, code=2)


def test_without_the_faces_there_are_no_times(run, tmp_path):
    shutil.copytree(run / "feat_test", tmp_path / "feat")
    manifest = (tmp_path / "feat/manifest.json").read_text()
    (tmp_path / "feat/manifest.json").write_text(manifest.replace("det_test", "gone"))
    command = ["search", "--image", run / "photo.png", "--features", tmp_path / "feat", "--gpu", "-1"]
    text = sh(*command, "--report", tmp_path / "page.html")
    assert "no clip here has a label" in text  # nobody says who is in test
    assert judged(text) and not re.search(r"\d:\d\d-", text)
    assert "no picture" in (tmp_path / "page.html").read_text()


def test_only_what_may_be_the_person_is_listed(run):
    whole = judged(search(run, "--verdicts", "all", "--count", 99))
    for verdicts in ("yes,maybe", "no"):
        text = search(run, "--verdicts", verdicts, "--count", 99)
        assert judged(text) == [each for each in whole if each[0] in verdicts.split(",")]
    assert "is not some of yes,maybe,no, or all" in search(run, "--verdicts", "perhaps", code=2)
    assert "is not a number of more than 0, 1000 at most" in search(run, "--false-hits", "0", code=2)


def test_a_person_nobody_trained_on_is_found_too(run):
    text = search(run, "--count", 3, image="stranger.png")
    clips = [path.name for path in (run / "data").rglob("*.mp4")]
    labels = {name for names in read_ground_truth(str(run / "data/gt_v2/test_v2.txt")).values() for name in names}
    first, second = ranked(text)[:2]
    assert first in clips and first not in labels
    # the stranger's other clip, in val, without a label either
    assert "VAL" in second and second not in (run / "data/gt_v2/val_v2.txt").read_text()


def test_several_photographs_are_one_person(run, tmp_path):
    photo = cv2.imread(str(run / "photo.png"))
    cv2.imwrite(str(tmp_path / "mirrored.jpg"), photo[:, ::-1])
    text = sh(
        "search", "--image", run / "photo.png", tmp_path / "mirrored.jpg", "--features",
        run / "feat_trainval", "--gpu", "-1",
    )  # fmt: skip
    assert text.count("1 face, quality") == 2
    assert re.search(THIS, text, re.M)


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_photographs_of_any_size(run, tmp_path, scale):
    photo = cv2.resize(cv2.imread(str(run / "photo.png")), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(run / "scaled.png"), photo)
    assert re.search(THIS, search(run, image="scaled.png"), re.M)


def test_with_an_index_the_answer_is_the_same(run, tmp_path):
    paths = [tmp_path / name for name in ("feat_trainval", "feat_test")]
    for path in paths:
        shutil.copytree(run / path.name, path)
    features = ",".join(map(str, paths))
    command = ["search", "--image", run / "photo.png", "--features", features, "--gpu", "-1"]
    text = sh("index", "--features", features)
    assert text.count("1 new parts, 0 parts kept, 0 gone") == 2 and f"-> {paths[1]}.index" in text
    exact, by_index = (
        sh(*command, "--verdicts", "all", "--report", tmp_path / "page.html", *more) for more in (["--exact"], [])
    )
    assert "index: " not in exact and by_index.count("index: ") == 2 and "clips searched by index" in by_index
    assert re.search(THIS, by_index, re.M)
    assert judged(by_index) == judged(exact) and judged(exact)
    cosines = [re.findall(r"^ +\d+  \w+ +(-?0\.\d{4}) ", text, re.M) for text in (exact, by_index)]
    assert [float(each) for each in cosines[1]] == pytest.approx([float(each) for each in cosines[0]], abs=3e-4)
    times = [re.findall(r"\d:\d\d-\d:\d\d", text) for text in (exact, by_index)]
    assert times[0] == times[1] and times[0]
    next(Path(f"{paths[0]}.index").glob("segments-*/*.codes")).write_bytes(b"")
    error = sh(*command, code=2)
    assert "does not have the bytes that were written" in error and error.strip().count("\n") == 0


def test_what_is_wrong_is_said_in_one_line(run, tmp_path):
    (run / "text.jpg").write_text("no picture")
    cv2.imwrite(str(run / "empty.png"), np.zeros((200, 300, 3), np.uint8))
    for image, words in (
        ("gone.jpg", "gone.jpg"),
        ("text.jpg", "is not a picture"),
        ("empty.png", "no face was found"),
    ):
        error = search(run, image=image, code=2)
        assert words in error and "\n" not in error
    assert "--face 5 does not exist" in search(run, "--face", 5, code=2)
    shutil.copytree(run / "feat_test", tmp_path / "feat")
    manifest = json.loads((tmp_path / "feat/manifest.json").read_text())
    manifest["models"] = dict.fromkeys(manifest["models"], "0" * 64)
    (tmp_path / "feat/manifest.json").write_text(json.dumps(manifest))
    error = sh("search", "--image", run / "photo.png", "--features", tmp_path / "feat", code=2)
    assert "made with another model" in error


class Recorder:
    """A detector that takes what is not black for a face, and only in the n-th view."""

    def __init__(self, view: int) -> None:
        self.view, self.looks = view, 0

    def detect(self, images, threshold, batch_size):
        self.looks += 1
        if self.looks <= self.view:
            return [Faces.none()]
        y, x = np.nonzero(images[0][..., 0] > 127)
        box = np.array([[x.min(), y.min(), x.max(), y.max()]], np.float32)
        return [Faces(box, np.ones(1, np.float32), np.repeat((box[:, None, :2] + box[:, None, 2:]) / 2, 5, 1))]


@pytest.mark.parametrize("view", [0, 1])
@pytest.mark.parametrize("size", [(400, 600), (3000, 2000)])
def test_places_are_those_of_the_photograph_in_every_view(view, size):
    detector = Recorder(view)
    faces = find_faces(np.full((*size, 3), 255, np.uint8), detector)
    expected = np.array([0, 0, size[1], size[0]])
    np.testing.assert_allclose(faces.boxes[0], expected, atol=max(size) / 100)
    np.testing.assert_allclose(faces.landmarks[0, 0], (size[1] / 2, size[0] / 2), atol=max(size) / 100)
