"""train_mlp.py --folds, the mean that predict.py takes of them, and predict.py --calibrate.

Costs about 2 s.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels

from rcnn.errors import InputError
from rcnn.networks.zoo.roles import members_of, model_files
from rcnn.stages.predict import predict
from rcnn.stages.settings import PredictSettings, TrainSettings
from rcnn.stages.train import train_mlp
from rcnn.tables import StageReader, StageWriter, features_schema, training_schema, vector_array, vectors
from rcnn.training.folds import NO_FOLD, deal_folds
from rcnn.training.snapshot import Snapshot

WIDTH, PEOPLE, CLIPS = 16, 4, 9
WHO = {"state": "ok", "reason": "", "frames": 1, "faces": 1}


def people(clips: int = CLIPS, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, labels and vectors: people round corners, and class 0 in the middle."""
    labels = np.repeat(np.arange(PEOPLE + 1), clips)
    centres = 4 * np.eye(PEOPLE + 1, WIDTH) * (np.arange(PEOPLE + 1) > 0)[:, None]
    found = centres[labels] + np.random.default_rng(seed).normal(size=(len(labels), WIDTH))
    return [f"{label}_{row:03d}.mp4" for row, label in enumerate(labels)], labels, found.astype(np.float32)


def write_set(path: Path, names, labels, found) -> Path:
    dataset = write_labels(path.with_suffix(".labels"), dict(zip(names, labels.tolist(), strict=True)))
    with StageWriter(str(path), "genfeat", training_schema(WIDTH), arguments={"dataset": dataset}) as writer:
        columns = [pa.array(names), pa.array(["train"] * len(names)), pa.array(labels, pa.int32()), vector_array(found)]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        writer.add_clips([{"name": name, "split": "train", **WHO} for name in names])
    return path


def write_features(path: Path, names, found, rows=None) -> Path:
    with StageWriter(str(path), "feature", features_schema(WIDTH)) as writer:
        columns = [pa.array(names), pa.array(["test"] * len(names)), vector_array(found)]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        rows = rows or [{}] * len(names)
        writer.add_clips([{"name": n, "split": "test", **WHO, **row} for n, row in zip(names, rows, strict=True)])
    return path


@pytest.fixture
def place(tmp_path) -> Path:
    write_set(tmp_path / "set", *people())
    names, _, found = people(3, seed=1)
    write_features(tmp_path / "feat", names, found)
    return tmp_path


def train(place: Path, **changes) -> None:
    fixed = {"num_filter": 8, "lr_step": (2, 3), "gpu": -1}
    train_mlp(TrainSettings(str(place / "set"), str(place / "m"), **{**fixed, **changes}))


def scores(place: Path, model: str = "m", **changes) -> np.ndarray:
    out = place / f"pred-{model}"
    predict(PredictSettings(f"{place / model},3", (str(place / "feat"),), str(out), gpu=-1, overwrite=True, **changes))
    return np.concatenate([vectors(b.column("scores")) for b in StageReader(str(out), ("predict",)).batches()])


def test_sources_stay_together_and_no_fold_takes_all_of_a_person():
    labels = np.array([1] * 6 + [2] * 4 + [3] + [0] * 4)
    sources = ["a", "a", "b", "b", "c", "c", "d", "d", "d", "d", "e", "f", "g", "h", "i"]
    names = [f"{row}.mp4" for row in range(15)]
    folds = deal_folds(labels, names, sources, 3)
    for source in "abc":
        assert len({folds[row] for row in range(6) if sources[row] == source}) == 1
    assert sorted(folds[:6:2]) == [0, 1, 2]
    assert set(folds[6:10]) == {0, 1, 2}  # all of one source: its clips are dealt
    assert folds[10] == NO_FOLD
    order = np.random.default_rng(0).permutation(15)
    again = deal_folds(labels[order], [names[row] for row in order], [sources[row] for row in order], 3)
    np.testing.assert_array_equal(again, folds[order])


@pytest.mark.parametrize("head", ["mlp", "cosine", "templates"])
def test_predictions_are_the_mean_of_the_folds(head, place, capsys):
    train(place, folds=3, head=head)
    assert not (place / "m-0003.params").exists()
    model = f"{place / 'm'},3"
    assert members_of(model) == tuple(f"{place}/m-fold{number},3" for number in (1, 2, 3))
    assert len(model_files(model)) == 7
    each = [scores(place, f"m-fold{number}") for number in (1, 2, 3)]
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(scores(place), np.mean(each, 0), atol=1e-6)
    record = json.loads((place / "m-train.json").read_text())
    assert (record["folds"], record["labels"], len(record["files"])) == (3, [0, 1, 2, 3, 4], 6)
    assert "the mean of 3 folds" in capsys.readouterr().out
    train(place, folds=3, head=head)
    assert "m,3 exists and was made from the same inputs; it is kept" in capsys.readouterr().out


def test_folds_that_were_stopped_go_on_to_the_same_bytes(place, monkeypatch, capsys):
    train_mlp(TrainSettings(str(place / "set"), str(place / "whole"), folds=3, num_filter=8, lr_step=(2, 3), gpu=-1))
    real, saved = Snapshot.save, []

    def save(snapshot, curve, **more) -> None:
        real(snapshot, curve, **more)
        saved.append(snapshot.path)
        if len(saved) == 5:  # in the second fold
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Snapshot, "save", save)
        train(place, folds=3)
    assert not (place / "m-train.json").exists()
    train(place, folds=3)
    said = capsys.readouterr().out
    assert "m-fold1,3 exists and was made from the same inputs; it is kept" in said and "resumes after epoch 2" in said
    for number in (1, 2, 3):
        one, other = (place / f"{prefix}-fold{number}-0003.params" for prefix in ("whole", "m"))
        assert one.read_bytes() == other.read_bytes()


def test_one_classifier_and_folds_do_not_replace_each_other_unasked(place):
    train(place)
    with pytest.raises(InputError, match=r"another folds \(None, now 2\); give the same, --overwrite"):
        train(place, folds=2)
    train(place, folds=2, overwrite=True)
    with pytest.raises(InputError, match=r"another folds \(2, now None\), another m-symbol"):
        train(place)
    (place / "m-fold2-0003.params").unlink()
    with pytest.raises(InputError, match=r"m-fold2-0003\.params; give the same, --overwrite"):
        train(place, folds=2)
    train(place, folds=2, renew=True)
    assert (place / "m-fold2-0003.params").exists()


def test_calibration_evens_norms_and_takes_off_what_impostors_score(place):
    train(place, head="mlp")
    plain = scores(place)
    even, less = scores(place, calibrate="norm"), scores(place, calibrate="impostors")
    for other in (even, less):
        assert not np.allclose(other, plain, atol=1e-4)
        np.testing.assert_allclose(other.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(scores(place, calibrate="none"), plain)
    (place / "set/manifest.json").unlink()
    with pytest.raises(InputError, match=r"from which .*m,3 learnt, is gone or was rebuilt; give --calibrate none"):
        scores(place, calibrate="impostors")


def test_a_label_that_everybody_is_like_loses_by_calibration(tmp_path):
    """Person 4 lies in the middle of all; with templates strangers score most for them."""
    names, labels, found = people(20)
    found[labels == 4] += 4 * np.eye(PEOPLE + 1, WIDTH)[1:4].sum(0)
    write_set(tmp_path / "set", names, labels, found)
    write_features(tmp_path / "feat", names, found)
    train(tmp_path, head="templates")
    plain, less = scores(tmp_path), scores(tmp_path, calibrate="impostors")
    others = (labels > 0) & (labels < 4)
    assert (less[others, 4] < plain[others, 4]).all()
    np.testing.assert_allclose(scores(tmp_path, calibrate="norm"), plain, atol=1e-5)  # they have one length already
