"""Clips with two people, through all stages: `--faces all`, a row a track, and the label's own person found."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_people import portrait

import rcnn.stages.detect
import rcnn.stages.feature
import rcnn.tables.writer
from rcnn.clips.dataset import read_ground_truth
from rcnn.errors import InputError, Stopped
from rcnn.search import nearest, open_features
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.merge import MergeSettings, merge
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.recipes import BEST
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import StageReader, StageWriter, vectors
from rcnn.video.motion import write_video

ROOT = Path(__file__).resolve().parents[2]
PEOPLE, CLIPS = 2, 4  # of each: two to learn from, two to find


def scene(shown: list[tuple[int, int]], larger: int) -> np.ndarray:
    """A frame with portraits (person, take) side by side, one larger than the other and nearer to the middle."""
    frame = np.full((480, 888, 3), 90, np.uint8)
    for place, (person, take) in enumerate(shown):
        side = 400 if place == larger else 230
        left = (120 if larger == 0 else 350) if place == larger else (600 if larger == 0 else 60)
        frame[40 : 40 + side, left : left + side] = portrait(person, take, side)
    return frame


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Of each person a clip alone, and three with somebody else who is larger."""
    root = tmp_path_factory.mktemp("two")
    lines: dict[str, list[str]] = {"IQIYI_VID.txt": [], "train_v2.txt": [], "val_v2.txt": [], "test_v2.txt": []}
    folders = {"train": "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN", "test": "IQIYI_VID_TEST"}
    for folder in folders.values():
        (root / folder).mkdir(parents=True)
    (root / "gt_v2").mkdir()
    for label in range(1, PEOPLE + 1):
        found = []
        for index in range(CLIPS):
            split = "train" if index < 2 else "test"
            name = f"{split}_{label}_{index}.mp4"
            shown = [(label, index), *([(PEOPLE + label * CLIPS + index, 0)] if index else [])]
            frame = scene(shown, len(shown) - 1)
            write_video(root / folders[split] / name, [frame] * 9, (888, 480), 20)
            lines["IQIYI_VID.txt"].append(name)
            if split == "train":
                lines["train_v2.txt"].append(f"{name} {label}")
            else:
                found.append(name)
        lines["test_v2.txt"].append(f"{label} {' '.join(found)}")
    for file, text in lines.items():
        (root / "gt_v2" / file).write_text("".join(f"{line}\n" for line in text))
    return root


@pytest.fixture(scope="module")
def done(root, models, tmp_path_factory):
    """All stages by `--recipe best`."""
    place = tmp_path_factory.mktemp("best")
    fixed = {"gpu": -1, "recipe": BEST}
    for stage in ("trainval", "test"):
        detect(
            DetectSettings(
                **models, output=f"{place}/det_{stage}", dataset=str(root), stage=stage, quality_threshold=4.0,
                **fixed,
            )
        )  # fmt: skip
        paths = {"input": f"{place}/det_{stage}", "output": f"{place}/feat_{stage}"}
        feature(FeatureSettings(models["model"], **paths, **fixed))
    genfeat(GenfeatSettings((f"{place}/feat_trainval",), f"{place}/set", recipe=BEST))
    train_mlp(TrainSettings(f"{place}/set", f"{place}/iqiyi", num_classes=3, **fixed))
    predict(PredictSettings(f"{place}/iqiyi,40", (f"{place}/feat_test",), f"{place}/pred", **fixed))
    submit(SubmitSettings((f"{place}/pred",), f"{place}/submission.txt", recipe=BEST))
    return place


def test_every_clip_with_two_people_has_two_tracks(done):
    reader = StageReader(f"{done}/det_test", ("detect",))
    assert reader.tracked
    tracks: dict[str, dict[int, int]] = {}
    for batch in reader.batches(["name", "track"]):
        for row in batch.to_pylist():
            own = tracks.setdefault(row["name"], {})
            own[row["track"]] = own.get(row["track"], 0) + 1
    assert len(tracks) == PEOPLE * 2
    for found in tracks.values():  # three frames are looked at
        assert found == {0: 3, 1: 3}


def test_features_have_a_row_a_track_and_predictions_a_row_a_clip(done):
    reader = StageReader(f"{done}/feat_test", ("feature",))
    assert reader.accounts.ok == PEOPLE * 2 and reader.rows == 2 * reader.accounts.ok
    (batch,) = reader.batches()
    keys = list(zip(batch.column("name").to_pylist(), batch.column("track").to_pylist(), strict=True))
    assert keys == sorted(set(keys)) and {track for _, track in keys} == {0, 1}
    np.testing.assert_allclose(np.linalg.norm(vectors(batch.column("feature")), axis=1), 1, rtol=1e-5)
    assert StageReader(f"{done}/pred", ("predict",)).rows == PEOPLE * 2
    assert StageReader(f"{done}/set", ("genfeat",)).rows == PEOPLE * 2


def test_the_smaller_person_whom_the_label_means_is_learnt_and_found(done, root):
    found = read_ground_truth(f"{done}/submission.txt")
    truth = read_ground_truth(str(root / "gt_v2/test_v2.txt"))
    for label, names in truth.items():
        assert set(found[label][: len(names)]) == set(names)


def test_the_central_face_alone_is_the_wrong_one_there(done, root, models, tmp_path):
    """What the seed's way takes: the larger face, so that the two clips of a person have nothing in common."""
    settings = {"dataset": str(root), "stage": "test", "quality_threshold": 4.0, "gpu": -1, "rate": 8.0}
    detect(DetectSettings(**models, output=str(tmp_path / "det"), **settings))
    reader = StageReader(str(tmp_path / "det"), ("detect",))
    assert not reader.tracked
    central = {(row["name"], row["frame"]): row["box"] for b in reader.batches() for row in b.to_pylist()}
    main = {
        (row["name"], row["frame"]): row["box"]
        for b in StageReader(f"{done}/det_test", ("detect",)).batches() for row in b.to_pylist() if row["track"] == 0
    }  # fmt: skip
    assert central == main
    with pytest.raises(InputError, match=r"was made with --recipe seed, and this run has --recipe best"):
        feature(FeatureSettings(models["model"], str(tmp_path / "det"), str(tmp_path / "f"), gpu=-1, recipe=BEST))
    feature(FeatureSettings(models["model"], str(tmp_path / "det"), str(tmp_path / "feat"), gpu=-1))
    with pytest.raises(InputError, match=r"some are of detect.py --faces all and others are not"):
        genfeat(GenfeatSettings((f"{done}/feat_test", str(tmp_path / "feat")), str(tmp_path / "set"), recipe=BEST))


def test_parts_and_workers_make_the_same_rows(done, root, models, tmp_path):
    whole = {path.name: path.read_bytes() for path in Path(f"{done}/feat_test/features").iterdir()}
    parts = []
    for part in range(2):
        parts.append(str(tmp_path / f"part{part}"))
        feature(
            FeatureSettings(
                models["model"], f"{done}/det_test", parts[-1], gpu=-1, workers=2, split=(part, 2), recipe=BEST,
            )
        )  # fmt: skip
    merge(MergeSettings(tuple(parts), str(tmp_path / "feat"), dataset=str(root)))
    assert {path.name: path.read_bytes() for path in (tmp_path / "feat/features").iterdir()} == whole


def test_search_counts_a_clip_once(done):
    reader = StageReader(f"{done}/feat_test", ("feature",))
    (batch,) = reader.batches()
    matches = nearest(open_features((f"{done}/feat_test",)), vectors(batch.column("feature"))[1], 10).matches
    names = [match.clip for match in matches]
    assert names[0] == batch.column("name")[1].as_py() and len(names) == len(set(names)) == PEOPLE * 2


def test_a_report_and_previews_are_made_of_tracks(done, root, tmp_path):
    command = ["submit.py", "--recipe", "best", "--inputs", f"{done}/pred", "--output", str(tmp_path / "s.txt"),
               "--gt", str(root / "gt_v2/test_v2.txt"), "--report", str(tmp_path / "report.html")]  # fmt: skip
    run = subprocess.run([sys.executable, str(ROOT / command[0]), *command[1:]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "MAP@100 1.0000" in run.stdout
    preview = [sys.executable, "-m", "rcnn", "preview", "--input", f"{done}/det_test", "--output", str(tmp_path / "p"),
               "--every", "1"]  # fmt: skip
    run = subprocess.run(preview, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert len(list((tmp_path / "p").rglob("*.jpg"))) == PEOPLE * 2


def test_a_run_that_was_stopped_goes_on_to_the_same_rows(root, models, tmp_path, monkeypatch):
    """Both stages whose tables have tracks, a clip a group; saved always and stopped after some groups."""
    monkeypatch.setattr(rcnn.stages.detect, "GROUP_CLIPS", 1)
    monkeypatch.setattr(rcnn.stages.feature, "BATCH_CLIPS", 1)
    monkeypatch.setattr(rcnn.tables.writer, "SAVE_SECONDS", 0.0)
    found = {"dataset": str(root), "stage": "test", "quality_threshold": 4.0, "gpu": -1, "faces": "all"}

    def run(place: Path) -> None:
        if not (place / "det/manifest.json").exists():
            detect(DetectSettings(**models, output=str(place / "det"), **found))
        feature(FeatureSettings(models["model"], str(tmp_path / "whole/det"), str(place / "feat"), gpu=-1))

    def tables(place: Path) -> dict[str, bytes]:
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*.parquet")}

    run(tmp_path / "whole")
    real = StageWriter.save
    for stop in (1, 2):
        place = tmp_path / f"run{stop}"
        for stage in ("detect", "feature"):
            calls = iter(range(1, 100))

            def save(self, stage=stage, calls=calls, stop=stop, **state):
                real(self, **state)
                if self.stage == stage and next(calls) == stop:
                    raise Stopped(15)

            with monkeypatch.context() as patch, pytest.raises(Stopped):
                patch.setattr(StageWriter, "save", save)
                run(place)
        run(place)
        assert tables(place) == tables(tmp_path / "whole"), f"stopped after {stop}"
