"""The driver from photographs to a scored submission, as a user types it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_people import write_album

from rcnn.clips.dataset import read_ground_truth
from rcnn.tables import StageReader

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 7  # of each known person who is photographed
PORTRAITS = 6  # of each known person who is drawn; fewer make a stranger
DRAWN, STRANGERS = 4, 2  # of the drawn people
PHOTOGRAPHED = 20  # known people, and as many strangers
CLASSES = 4935  # of the classifier, train_mlp.py's default


def sh(*command: object, **options) -> str:
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def drive(faces: Path, work: Path, detector: str, embedding: str, *options: str) -> tuple[Path, Path, str]:
    """Data set, output directory, and what the driver printed."""
    sh(sys.executable, ROOT / "gendata.py", "--input", faces, "--output", work / "data")
    text = sh(
        "bash", ROOT / "run.sh", "--dataset", work / "data", "--output", work / "output", "--detector", detector,
        "--quality", embedding, "--model", embedding, "--prefix", work / "model/iqiyi", "--gpu", "-1",
        "--recipe", "seed", *options,
    )  # fmt: skip
    return work / "data", work / "output", text


@pytest.fixture(scope="module")
def run(models, tmp_path_factory) -> tuple[Path, Path, str]:
    """Portraits of drawn people, and the models that ship."""
    faces = write_album(tmp_path_factory.mktemp("faces"), [PORTRAITS] * DRAWN + [1] * STRANGERS)
    return drive(faces, tmp_path_factory.mktemp("run"), models["detector"], models["model"])


def assert_good(text: str) -> None:
    """The ranking, which is not below that by centroids."""
    found = [float(value) for value in re.findall(r"MAP@100[^0-9\n]*([01]\.\d+)", text)]
    assert len(found) == 2, text
    classifier, centroids = found
    assert classifier > 0.9
    assert classifier >= centroids - 0.02  # five test clips more or less decide this much


def test_the_ranking_of_drawn_people_is_good(run):
    assert_good(run[2])


def test_the_ranking_of_photographed_people_by_published_models_is_good(shared, checkpoints, tmp_path):
    faces = tmp_path / "faces"
    photos = {person.name: sorted(person.glob("*.jpg")) for person in sorted((shared / "faces").iterdir())}
    many = [name for name, files in photos.items() if len(files) >= PHOTOS][:PHOTOGRAPHED]
    few = [name for name, files in photos.items() if len(files) == 1][:PHOTOGRAPHED]
    for name in many + few:
        (faces / name).mkdir(parents=True)
        for photo in photos[name][:PHOTOS]:
            shutil.copy(photo, faces / name)
    retinaface, mobilefacenet = checkpoints["retinaface"], checkpoints["mobilefacenet"]
    data, output, text = drive(faces, tmp_path, retinaface, mobilefacenet, "--quality-threshold", "5")
    assert_good(text)
    assert_no_clip_is_lost(data, output)


def test_no_clip_is_lost_between_stages(run):
    assert_no_clip_is_lost(*run[:2])


def assert_no_clip_is_lost(data: Path, output: Path) -> None:
    names = set((data / "gt_v2/IQIYI_VID.txt").read_text().split())
    listed: list[str] = []
    for part in ("trainval", "test"):
        det = StageReader(str(output / f"det_{part}"), ("detect",))
        feat = StageReader(str(output / f"feat_{part}"), ("feature",))
        clips = [row for batch in det.clips() for row in batch.to_pylist()]
        assert [row for batch in feat.clips() for row in batch.to_pylist()] == clips
        listed += [row["name"] for row in clips]
        assert feat.rows == sum(row["state"] == "ok" for row in clips)
    assert sorted(listed) == sorted(names)
    assert StageReader(str(output / "trainval"), ("genfeat",)).rows + StageReader(
        str(output / "pred_test"), ("predict",)
    ).rows == sum(StageReader(str(output / f"feat_{part}"), ("feature",)).rows for part in ("trainval", "test"))


def test_the_submission_names_people_and_test_clips_only(run):
    data, output, _ = run
    test_clips = {path.name for path in (data / "IQIYI_VID_TEST").iterdir()}
    lines = [line.split() for line in (output / "submission.txt").read_text().splitlines()]
    labels = [int(line[0]) for line in lines]
    assert labels == sorted(set(labels))
    assert set(labels) <= set(range(1, CLASSES))  # never 0, nobody known
    assert set(read_ground_truth(str(data / "gt_v2/test_v2.txt"))) <= set(labels)
    for line in lines:
        assert set(line[1:]) <= test_clips
        assert len(set(line[1:])) == len(line[1:]) <= 100


def test_submitting_again_gives_the_same_bytes(run):
    _, output, _ = run
    first = (output / "submission.txt").read_bytes()
    again = output / "again.txt"
    sh(sys.executable, ROOT / "submit.py", "--inputs", output / "pred_test", "--output", again)
    assert again.read_bytes() == first


def test_complete_stages_are_kept_where_they_are_of_the_same_and_never_overwritten(run, models):
    _, output, _ = run
    parts = {path: path.read_bytes() for path in (output / "feat_test").rglob("*.*")}
    command = [sys.executable, ROOT / "feature.py", "--model", models["model"], "--gpu", "-1"]
    command += ["--input", output / "det_test", "--output", output / "feat_test"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0
    assert "feat_test is complete and was made from the same inputs; it is kept" in done.stdout
    done = subprocess.run([*map(str, command), "--aug", "1"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "was made with another aug (0, now 1)" in done.stderr and "--overwrite" in done.stderr
    assert {path: path.read_bytes() for path in (output / "feat_test").rglob("*.*")} == parts
