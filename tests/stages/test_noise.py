"""train_mlp.py --noise: planted wrong labels are found, listed and left out. Costs about 1 s."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from test_folds import write_set

from rcnn.clips.layout import PEOPLE_FILE
from rcnn.stages.settings import TrainSettings
from rcnn.stages.train import train_mlp
from rcnn.training.folds import deal_folds
from rcnn.training.label_noise import NOT_JUDGED, find_doubts

PEOPLE, CLIPS, WIDTH = 30, 10, 64


def noisy(share: float, spread: float, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, labels from 1, and which labels are wrong: half of another person, half of strangers."""
    random = np.random.default_rng(0)
    true = np.repeat(np.arange(PEOPLE), CLIPS)
    centres = random.normal(size=(PEOPLE + 100, width)) / np.sqrt(width)
    wrong = np.zeros(len(true), bool)
    wrong[random.permutation(len(true))[: int(share * len(true))]] = True
    shown, labels = true.copy(), true.copy()
    other = wrong & (random.random(len(true)) < 0.5)
    labels[other] = (true[other] + random.integers(1, PEOPLE, int(other.sum()))) % PEOPLE
    shown[wrong & ~other] = PEOPLE + random.integers(0, 100, int((wrong & ~other).sum()))
    found = centres[shown] + spread * random.normal(size=(len(true), width)) / np.sqrt(width)
    return found.astype(np.float32), labels + 1, wrong


@pytest.mark.parametrize(("share", "spread", "precision", "recall"), [(0.1, 0.6, 0.95, 0.8), (0.3, 0.9, 0.9, 0.8)])
def test_planted_noise_is_listed(share, spread, precision, recall):
    features, labels, wrong = noisy(share, spread)
    names = [f"{row:03d}" for row in range(len(labels))]
    listed = find_doubts(features, labels, deal_folds(labels, names, names, 5)).doubtful
    assert wrong[listed].mean() >= precision and listed[wrong].mean() >= recall


def test_nothing_is_listed_where_nothing_is_wrong():
    features, labels, _ = noisy(0, 0.6)
    labels[:5], labels[5] = 0, 31  # nobody known, and somebody with one clip
    names = [f"{row:03d}" for row in range(len(labels))]
    found = find_doubts(features, labels, deal_folds(labels, names, names, 5))
    assert found.doubtful.mean() < 0.01
    assert (found.ranks[:6] == NOT_JUDGED).all() and (found.ranks[6:] > 0).all()


def test_a_source_that_is_of_somebody_else_as_a_whole_is_found():
    features, labels, _ = noisy(0, 0.6)
    names = [f"{row:03d}" for row in range(len(labels))]
    sources = [f"{label}-{row % 5}" for row, label in enumerate(labels.tolist())]
    moved = np.array([source == "3-2" for source in sources])
    labels[moved] = 7
    listed = find_doubts(features, labels, deal_folds(labels, names, sources, 5)).doubtful
    assert listed[moved].all() and listed.sum() == moved.sum() == 2


def train(place: Path, prefix: str, **changes) -> dict:
    fixed = {"head": "templates", "lr_step": (1, 2), "gpu": -1}
    train_mlp(TrainSettings(str(place / "set"), str(place / prefix), **{**fixed, **changes}))
    return json.loads((place / f"{prefix}-train.json").read_text())


def test_the_list_lies_beside_the_classifier_and_drop_leaves_its_clips_out(tmp_path, capsys):
    features, labels, wrong = noisy(0.1, 0.6, 16)
    names = [f"{row:03d}.mp4" for row in range(len(labels))]
    write_set(tmp_path / "set", names, labels, features)
    (tmp_path / "set.labels" / PEOPLE_FILE).write_text("".join(f"{n} Person, the {n}th\n" for n in range(1, 31)))
    train(tmp_path, "plain")
    record = train(tmp_path, "told", noise="report")
    assert record["arguments"]["noise"] == "report"
    told, plain = ((tmp_path / f"{prefix}-0002.params").read_bytes() for prefix in ("told", "plain"))
    assert told == plain
    rows = list(csv.DictReader((tmp_path / "told-noise.csv").open()))
    listed = [row["clip"] for row in rows]
    assert len(set(listed) & {names[row] for row in np.flatnonzero(wrong)}) > 0.6 * len(listed) > 0
    gaps = [float(row["better_cosine"]) - float(row["cosine"]) for row in rows]
    assert gaps == sorted(gaps, reverse=True) and all(int(row["rank"]) > 1 for row in rows)
    assert rows[0]["name"] == f"Person, the {rows[0]['label']}th" and rows[0]["better_label"] != rows[0]["label"]
    capsys.readouterr()
    train(tmp_path, "less", noise="drop", folds=2)
    said = capsys.readouterr().out
    assert f"--noise: {len(rows)} of 300 clips are less like their label than like others, and are left out" in said
    assert (tmp_path / "less-noise.csv").read_bytes() == (tmp_path / "told-noise.csv").read_bytes()
    assert f"{len(rows)} left out" in said
    train(tmp_path, "less", noise="drop", folds=2)
    assert "it is kept" in capsys.readouterr().out
