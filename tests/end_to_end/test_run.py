"""The driver from photographs to a scored submission, as a user types it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.clips.dataset import read_ground_truth
from rcnn.tables import StageReader

ROOT = Path(__file__).resolve().parents[2]
PEOPLE, PHOTOS, STRANGERS = 20, 8, 20
CLASSES = 4935  # of the classifier, train_mlp.py's default


def sh(*command: object, **options) -> str:
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def faces(shared, tmp_path_factory) -> Path:
    """Eight photographs each of 20 people, and 20 people with one."""
    folder = tmp_path_factory.mktemp("faces")
    photos = {person.name: sorted(person.glob("*.jpg")) for person in sorted((shared / "faces").iterdir())}
    many = [name for name, files in photos.items() if len(files) >= PHOTOS][:PEOPLE]
    few = [name for name, files in photos.items() if len(files) == 1][:STRANGERS]
    for name in many + few:
        (folder / name).mkdir()
        for photo in photos[name][:PHOTOS]:
            shutil.copy(photo, folder / name)
    return folder


@pytest.fixture(scope="module")
def run(shared, faces, tmp_path_factory) -> tuple[Path, Path, str]:
    """Data set, output directory, and what the driver printed."""
    work = tmp_path_factory.mktemp("run")
    sh(sys.executable, ROOT / "gendata.py", "--input", faces, "--output", work / "data")
    embedding = f"{shared / 'checkpoints/mobilefacenet-y1/model'},0"
    text = sh(
        "bash", ROOT / "run.sh", "--dataset", work / "data", "--output", work / "output",
        "--detector", f"{shared / 'checkpoints/retinaface-mnet25/mnet.25'},0",
        "--quality", embedding, "--model", embedding, "--quality-threshold", "5",
        "--prefix", work / "model/iqiyi", "--gpu", "-1",
    )  # fmt: skip
    return work / "data", work / "output", text


def scores(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"MAP@100[^0-9\n]*([01]\.\d+)", text)]


def test_the_ranking_is_good_and_not_below_centroids(run):
    found = scores(run[2])
    assert len(found) == 2, run[2]
    classifier, centroids = found
    assert classifier > 0.9
    assert classifier >= centroids - 0.02  # five test clips more or less decide this much


def test_no_clip_is_lost_between_stages(run):
    data, output, _ = run
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


def test_complete_stages_are_not_overwritten(run, shared):
    _, output, _ = run
    embedding = f"{shared / 'checkpoints/mobilefacenet-y1/model'},0"
    command = [sys.executable, ROOT / "feature.py", "--model", embedding, "--gpu", "-1"]
    done = subprocess.run(
        [*map(str, command), "--input", str(output / "det_test"), "--output", str(output / "feat_test")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
