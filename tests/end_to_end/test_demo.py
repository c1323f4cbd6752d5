"""The demo, small: people who do not exist, the models that ship, and nothing else."""

from __future__ import annotations

import re

from finished import CLIPS, NOBODY, PEOPLE, STRANGERS

from rcnn.clips.dataset import read_ground_truth
from rcnn.networks.zoo.registry import known_models
from rcnn.tables import StageReader


def test_it_says_which_models_it_uses_and_ranks_well(finished):
    output, text = finished.output, finished.text
    assert "models: those not given are --model " in text and "--model: not given" in text
    assert "essh-m25,0: ESSH, RGB of 0 to 255" in text and "face-m,0 is used" in text
    found = [float(value) for value in re.findall(r"MAP@100[^0-9\n]*([01]\.\d+)", text)]
    assert found and found[0] > 0.8, text
    assert str(output / "submission.txt") in text


def test_it_leaves_a_report_with_faces_and_names(finished):
    output, text = finished.output, finished.text
    assert f"open {output / 'report.html'} in a browser" in text
    page = (output / "report.html").read_text()
    assert page.count('<article class="card"') == PEOPLE and "person001" in page
    assert page.count("data:image/jpeg;base64,") > PEOPLE * 4
    quality = known_models()["face-m"].parameters["quality"]
    assert "Scores: templates: 3 clips a person" in page and f"threshold {quality:g}" in page
    assert "kept ones only" not in page
    assert "What this report lacks" not in page


def test_people_are_found_and_nobody_is_not(finished):
    data, output = finished.data, finished.output
    truth = read_ground_truth(str(data / "gt_v2/test_v2.txt"))
    known = {name for names in truth.values() for name in names}
    rows = [row for batch in StageReader(str(output / "det_test"), ("detect",)).clips() for row in batch.to_pylist()]
    assert len(rows) == PEOPLE * CLIPS // 4 + STRANGERS + NOBODY // 2
    states = {row["name"]: row["state"] for row in rows}
    assert sum(states[name] == "ok" for name in known) >= 0.9 * len(known)
    assert sum(state == "no face" for state in states.values()) >= NOBODY // 4
