"""The classes are those of the training set and nobody; tracks are not clips; what can't be a label is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels

from rcnn.errors import InputError
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.scoring import absent_classes
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import StageReader, StageWriter, features_schema, vector_array, vectors

ROOT = Path(__file__).resolve().parents[2]
WIDTH, PEOPLE, CLIPS = 16, 10, 6
CENTRES = np.random.default_rng(7).normal(size=(4000, WIDTH)).astype(np.float32)


def write(path: Path, split: str, people: list[int], tracks: int = 1) -> str:
    """Features of some clips a person; label -1 where the split is test. Track 0 is of the person, others of nobody."""
    rng = np.random.default_rng(len(people))
    names = [f"{split}_{label:04d}_{take}.mp4" for label in people for take in range(CLIPS)]
    labels = [label if split != "test" else -1 for label in people for _ in range(CLIPS)]
    who = {"split": split, "state": "ok", "reason": "", "frames": 3, "faces": 3}
    arguments = {"dataset": write_labels(path.with_suffix(".labels"), dict(zip(names, labels, strict=True)))}
    with StageWriter(str(path), "feature", features_schema(WIDTH, tracks > 1), arguments=arguments) as writer:
        for name in names:
            centre = CENTRES[int(name.split("_")[1])]
            values = [centre + rng.normal(scale=0.1, size=WIDTH), *rng.normal(size=(tracks - 1, WIDTH))]
            columns = [pa.array([name] * tracks), pa.array([split] * tracks)]
            columns += [pa.array(range(tracks), pa.int32())] if tracks > 1 else []
            writer.add_rows(
                pa.RecordBatch.from_arrays([*columns, vector_array(np.stack(values))], schema=writer.schema)
            )
            writer.add_clips([{"name": name, **who}])
    return str(path)


def lines(path: Path) -> dict[int, list[str]]:
    """A submission."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return {int(label): names for label, *names in rows}


def run(tmp_path: Path, people: list[int], **training) -> dict[int, list[str]]:
    """From features to the submission."""
    features = write(tmp_path / "feat", "train", people)
    genfeat(GenfeatSettings((features,), str(tmp_path / "set")))
    settings = {"num_filter": 16, "lr_step": (8, 10), "gpu": -1, "per_batch_size": 20, **training}
    train_mlp(TrainSettings(str(tmp_path / "set"), str(tmp_path / "mlp"), **settings))
    test = write(tmp_path / "test", "test", people)
    predict(PredictSettings(f"{tmp_path / 'mlp'},10", (test,), str(tmp_path / "pred"), gpu=-1))
    submit(SubmitSettings((str(tmp_path / "pred"),), str(tmp_path / "s.txt")))
    return lines(tmp_path / "s.txt")


def test_ten_people_make_ten_lines(tmp_path):
    people = list(range(1, PEOPLE + 1))
    assert sorted(run(tmp_path, people)) == people
    assert StageReader(str(tmp_path / "pred"), ("predict",)).width == PEOPLE + 1
    record = json.loads((tmp_path / "mlp-train.json").read_text())
    assert record["labels"] == people and record["arguments"]["num_classes"] == PEOPLE + 1


@pytest.mark.parametrize("head", ["mlp", "cosine"])
def test_labels_keep_the_challenges_numbers_and_those_between_have_no_line(tmp_path, head):
    people = [3, 700, 2000]
    found = run(tmp_path, people, num_classes=2500, head=head)
    assert sorted(found) == people
    reader = StageReader(str(tmp_path / "pred"), ("predict",))
    assert reader.width == 2500
    scores = np.concatenate([vectors(batch.column("scores")) for batch in reader.batches()])
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    assert not scores[:, absent_classes(people, 2500)].any()
    for label, names in found.items():  # nobody loses a place to labels that do not exist
        assert len(names) == len(people) * CLIPS
        assert {name.split("_")[1] for name in names[:CLIPS]} == {f"{label:04d}"}


def test_a_classifier_without_a_record_is_used_as_it_is(tmp_path):
    run(tmp_path, [1, 3])
    (tmp_path / "mlp-train.json").unlink()
    predict(PredictSettings(f"{tmp_path / 'mlp'},10", (str(tmp_path / "test"),), str(tmp_path / "other"), gpu=-1))
    submit(SubmitSettings((str(tmp_path / "other"),), str(tmp_path / "s2.txt")))
    assert sorted(lines(tmp_path / "s2.txt")) == [1, 2, 3]


def test_what_a_classifier_learnt_before_stays(tmp_path):
    run(tmp_path, [1, 2, 3, 5])
    settings = {
        "num_filter": 16,
        "lr_step": (2, 3),
        "gpu": -1,
        "num_classes": 6,
        "pretrained": f"{tmp_path / 'mlp'},10",
    }
    genfeat(GenfeatSettings((write(tmp_path / "few", "train", [1, 2]),), str(tmp_path / "fewer")))
    train_mlp(TrainSettings(str(tmp_path / "fewer"), str(tmp_path / "tuned"), **settings))
    assert json.loads((tmp_path / "tuned-train.json").read_text())["labels"] == [1, 2, 3, 5]
    (tmp_path / "mlp-train.json").unlink()  # what it knew is not known
    train_mlp(TrainSettings(str(tmp_path / "fewer"), str(tmp_path / "tuned"), overwrite=True, **settings))
    assert json.loads((tmp_path / "tuned-train.json").read_text())["labels"] is None


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """A run with two people."""
    place = tmp_path_factory.mktemp("two")
    run(place, [1, 2])
    return place


@pytest.mark.parametrize("labels", [7, ["1"], [10**30], [-1], {"1": 2}, [True, "x"], [6]])
def test_a_record_that_lies_is_one_line(tmp_path, two, labels):
    shutil.copytree(two, tmp_path, dirs_exist_ok=True)
    record = json.loads((tmp_path / "mlp-train.json").read_text())
    (tmp_path / "mlp-train.json").write_text(json.dumps({**record, "labels": labels}))
    with pytest.raises(InputError, match=r"mlp-train\.json: can't be read .*train again, or remove it"):
        predict(PredictSettings(f"{tmp_path / 'mlp'},10", (str(tmp_path / "test"),), str(tmp_path / "p"), gpu=-1))


def test_clips_of_test_are_no_training_set(tmp_path):
    features = write(tmp_path / "test", "test", [1, 2])
    with pytest.raises(InputError, match=r"test_0001_0\.mp4 is of the test part.*--stage trainval"):
        genfeat(GenfeatSettings((features,), str(tmp_path / "set")))
    assert not (tmp_path / "set/manifest.json").exists()


@pytest.mark.parametrize("name", ["foo", "", "50", "r50x", "R50", "r-50"])
def test_a_network_that_is_none_is_refused(tmp_path, name):
    genfeat(GenfeatSettings((write(tmp_path / "feat", "train", [1, 2]),), str(tmp_path / "set")))
    with pytest.raises(InputError, match=r"--network .*is not the name of a network"):
        train_mlp(TrainSettings(str(tmp_path / "set"), str(tmp_path / "mlp"), network=name, gpu=-1))


def test_tracks_are_not_counted_as_clips(tmp_path):
    """benchmarks/centroids.py on features of --faces all: a clip with several tracks stood there more than once."""
    people = [1, 3]  # label 2 is nobody's
    genfeat(GenfeatSettings((write(tmp_path / "feat", "train", people),), str(tmp_path / "set")))
    write(tmp_path / "test", "test", people, tracks=3)
    truth = [f"{label} " + " ".join(f"test_{label:04d}_{take}.mp4" for take in range(CLIPS)) for label in people]
    (tmp_path / "gt.txt").write_text("\n".join(truth) + "\n")
    command = [
        sys.executable, str(ROOT / "benchmarks/centroids.py"), "--train", str(tmp_path / "set"), "--test",
        str(tmp_path / "test"), "--gt", str(tmp_path / "gt.txt"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "MAP@100 1.0000 over 2 labels" in done.stdout
