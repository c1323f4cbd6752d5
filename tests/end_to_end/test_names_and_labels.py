"""Names of any script come through all stages; a line of labels that was mended costs the training alone."""

from __future__ import annotations

import csv
import json
import unicodedata
from html import unescape
from pathlib import Path

import cv2
import pytest
from drawn_people import portrait
from labelled import write_labels

from rcnn.clips.dataset import read_ground_truth
from rcnn.clips.labels import read_labels_of
from rcnn.clips.names import read_people
from rcnn.errors import InputError
from rcnn.exports.appearances import write_file
from rcnn.exports.endings import ENDINGS
from rcnn.files import sha256
from rcnn.stages.appearances import appearances
from rcnn.stages.detect import detect
from rcnn.stages.feature import feature
from rcnn.stages.gendata import generate
from rcnn.stages.genfeat import genfeat
from rcnn.stages.predict import predict
from rcnn.stages.settings import (
    AppearancesSettings,
    DetectSettings,
    FeatureSettings,
    GendataSettings,
    GenfeatSettings,
    PredictSettings,
    SubmitSettings,
    TrainSettings,
)
from rcnn.stages.submit import submit
from rcnn.stages.train import train_mlp
from rcnn.tables import StageReader

NAMES = ["Ada Lovelace", "Łukasz Żak", "王 小明", "محمد \U0001f469\u200d\U0001f4bb"]
PHOTOS = 5  # of each
DETECTION = ("det_trainval", "det_test", "feat_trainval", "feat_test")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Folders as a Mac writes them, in NFD."""
    root = tmp_path_factory.mktemp("names")
    for number, name in enumerate(NAMES):
        folder = root / "album" / unicodedata.normalize("NFD", name)
        folder.mkdir(parents=True)
        for take in range(PHOTOS):
            (folder / f"{take}.jpg").write_bytes(cv2.imencode(".jpg", portrait(number, take))[1].tobytes())
    generate(GendataSettings(root / "album", root / "data", min_items=PHOTOS, workers=2, seed=3))
    return root / "data"


def learn(place: Path) -> None:
    """What labels play a part in."""
    genfeat(GenfeatSettings((f"{place}/feat_trainval",), f"{place}/set", renew=True))
    options = {"num_filter": 32, "lr_step": (20, 30), "gpu": -1, "renew": True}
    train_mlp(TrainSettings(f"{place}/set", f"{place}/mlp", **options))
    predict(PredictSettings(f"{place}/mlp,30", (f"{place}/feat_test",), f"{place}/pred", gpu=-1, renew=True))


def look(place: Path, data: Path, models: dict[str, str]) -> None:
    """What they play none in."""
    fixed = {"gpu": -1, "renew": True}
    for stage in ("trainval", "test"):
        paths = {"dataset": str(data), "stage": stage, "output": f"{place}/det_{stage}"}
        detect(DetectSettings(**models, **paths, quality_threshold=4.0, sampling=12, **fixed))
        feature(FeatureSettings(models["model"], f"{place}/det_{stage}", f"{place}/feat_{stage}", **fixed))


def rank(place: Path, data: Path) -> dict[int, tuple[str, ...]]:
    """Write submission and page; gives the ranking."""
    settings = AppearancesSettings(
        f"{place}/feat_test", known=(f"{place}/feat_trainval",), output=f"{place}/appearances", renew=True
    )
    appearances(settings)
    submit(
        SubmitSettings(
            (f"{place}/pred",), f"{place}/submission.txt", report=f"{place}/report.html",
            gt=str(data / "gt_v2/test_v2.txt"), appearances=f"{place}/appearances",
        )
    )  # fmt: skip
    return read_ground_truth(f"{place}/submission.txt")


@pytest.fixture(scope="module")
def place(data, models, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("run")
    look(place, data, models)
    learn(place)
    rank(place, data)
    return place


def test_names_of_any_script_are_on_the_page_and_in_all_files(place, data, tmp_path):
    assert sorted(read_people(str(data / "gt_v2/names.txt")).values()) == sorted(NAMES)
    page = unescape((place / "report.html").read_text())
    seen = {
        row["person"] for b in StageReader(f"{place}/appearances", ("appearances",)).batches() for row in b.to_pylist()
    }
    assert seen <= set(NAMES) and len(seen) > 1
    for name in seen:
        assert name in page
    for ending in ENDINGS:
        assert write_file(f"{place}/appearances", str(tmp_path / f"who{ending}"), frozenset(["yes", "maybe", "no"]))
        written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ending]
        texts = [path.read_text() for path in written]
        for name in seen:
            assert any(name in text or json.dumps(name)[1:-1] in text for text in texts), (ending, name)
    with open(tmp_path / "who.csv", newline="") as file:
        assert {row["person"] for row in csv.DictReader(file)} == seen


def test_a_mended_line_costs_the_training_alone(place, data, models, capsys):
    lists = [data / "gt_v2" / name for name in ("train_v2.txt", "val_v2.txt")]
    truth = read_ground_truth(str(data / "gt_v2/test_v2.txt"))
    one, other = [label for label in truth if label in read_labels_of(str(data)).values()][:2]
    before, sums = rank(place, data), {name: sha256(f"{place}/{name}/manifest.json") for name in DETECTION}
    swapped = {str(one): str(other), str(other): str(one)}
    train, val = (path.read_text() for path in lists)
    lists[0].write_text("".join(f"{n} {swapped.get(v, v)}\n" for n, v in map(str.split, train.splitlines())))
    lists[1].write_text("".join(f"{swapped.get(v, v)} {' '.join(n)}\n" for v, *n in map(str.split, val.splitlines())))
    with pytest.raises(InputError, match=r"has label \d, and .*set was made when it had \d; .*--renew"):
        submit(SubmitSettings((f"{place}/pred",), f"{place}/submission.txt"))
    capsys.readouterr()
    look(place, data, models)
    said = capsys.readouterr().out
    assert said.count("is complete and was made from the same inputs; it is kept") == len(DETECTION)
    assert {name: sha256(f"{place}/{name}/manifest.json") for name in DETECTION} == sums
    learn(place)
    said = capsys.readouterr().out
    assert "set was made with another train_v2.txt" in said and "it is made again" in said
    assert said.count("it is made again") == 3  # of genfeat.py, train_mlp.py and predict.py
    after = rank(place, data)
    assert (after[one][0], after[other][0]) == (before[other][0], before[one][0])


def test_without_the_directory_of_detect_py_labels_are_still_found(place, data, tmp_path):
    moved = place / "det_moved"
    (place / "det_trainval").rename(moved)
    try:
        genfeat(GenfeatSettings((f"{place}/feat_trainval",), str(tmp_path / "set")))
    finally:
        moved.rename(place / "det_trainval")
    assert StageReader(str(tmp_path / "set"), ("genfeat",)).arguments["dataset"] == str(data)


def test_labels_of_another_data_set_that_is_named(place, data, tmp_path):
    names = [
        name for b in StageReader(f"{place}/feat_trainval", ("feature",)).batches() for name in b["name"].to_pylist()
    ]
    other = write_labels(tmp_path / "data", dict.fromkeys(names, 7))
    genfeat(GenfeatSettings((f"{place}/feat_trainval",), str(tmp_path / "set"), other))
    (batch,) = StageReader(str(tmp_path / "set"), ("genfeat",)).batches()
    assert set(batch["label"].to_pylist()) == {7}
