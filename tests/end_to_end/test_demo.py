"""The demo, small: people who do not exist, the models that ship, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.clips.dataset import read_ground_truth
from rcnn.tables import StageReader

ROOT = Path(__file__).resolve().parents[2]
PEOPLE, CLIPS, STRANGERS, NOBODY = 6, 8, 4, 6


def sh(*command: object) -> str:
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, Path, str]:
    """Data set, output directory, and what the driver printed."""
    work = tmp_path_factory.mktemp("demo")
    sh(
        sys.executable, "-m", "rcnn", "demo", "--output", work / "data", "--people", PEOPLE, "--clips", CLIPS,
        "--strangers", STRANGERS, "--nobody", NOBODY,
    )  # fmt: skip
    text = sh(
        "bash", "run.sh", "--dataset", work / "data", "--output", work / "out", "--prefix", work / "out/iqiyi",
        "--num-classes", PEOPLE + 1, "--gpu", "-1",
    )  # fmt: skip
    return work / "data", work / "out", text


def test_it_says_which_models_it_uses_and_ranks_well(demo):
    _, output, text = demo
    for line in ("--model: not given", "--detector: not given"):
        assert line in text
    assert "essh-m25,0 is used" in text and "face-m,0 is used" in text
    found = [float(value) for value in re.findall(r"MAP@100[^0-9\n]*([01]\.\d+)", text)]
    assert found and found[0] > 0.8, text
    assert str(output / "submission.txt") in text


def test_it_leaves_a_report_with_faces_and_names(demo):
    _, output, text = demo
    assert f"open {output / 'report.html'} in a browser" in text
    page = (output / "report.html").read_text()
    assert page.count('<article class="card"') == PEOPLE and "person001" in page
    assert page.count("data:image/jpeg;base64,") > PEOPLE * 4
    assert "Training of the classifier" in page and "threshold 10" in page and "kept ones only" not in page
    assert "What this report lacks" not in page


def test_people_are_found_and_nobody_is_not(demo):
    data, output, _ = demo
    truth = read_ground_truth(str(data / "gt_v2/test_v2.txt"))
    known = {name for names in truth.values() for name in names}
    rows = [row for batch in StageReader(str(output / "det_test"), ("detect",)).clips() for row in batch.to_pylist()]
    assert len(rows) == PEOPLE * CLIPS // 4 + STRANGERS + NOBODY // 2
    states = {row["name"]: row["state"] for row in rows}
    assert sum(states[name] == "ok" for name in known) >= 0.9 * len(known)
    assert sum(state == "no face" for state in states.values()) >= NOBODY // 4
