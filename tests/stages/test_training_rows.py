"""What clips teach beside their own vectors: means of faces, strangers as classes, people beside; through to a ranking.

Costs about 6 s.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels

from rcnn.errors import InputError, Stopped
from rcnn.networks.zoo.record import read_training_record
from rcnn.report import Lineage
from rcnn.report.coverage import labels_of
from rcnn.scores.extra_classes import ExtraClasses
from rcnn.stages import genfeat as stage
from rcnn.stages.changed_labels import check_labels
from rcnn.stages.genfeat import genfeat
from rcnn.stages.predict import predict
from rcnn.stages.settings import GenfeatSettings, PredictSettings, SubmitSettings, TrainSettings
from rcnn.stages.submit import submit
from rcnn.stages.train import train_mlp
from rcnn.stages.training_set import choose_rows, fold_rows, read_training_set
from rcnn.tables import StageReader, StageWriter, features_schema, training_schema, vector_array, vectors
from rcnn.tables.schema import MEANS
from rcnn.tables.without import Removal, write_without

WIDTH, PEOPLE, CLIPS = 64, 3, 6
RANDOM = np.random.default_rng(0)
FACES = np.linalg.qr(RANDOM.normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)  # people who are not alike at all
APART = 0.01  # what the means here have more than their vector
ANNA, BERT, CARA, STRANGER, COMPANION, PASSERBY = range(6)


def like(who: int, noise: float = 0.05) -> np.ndarray:
    vector = FACES[who] + noise * RANDOM.normal(size=WIDTH).astype(np.float32)
    return vector / np.linalg.norm(vector)


Clip = list[np.ndarray]  # the vectors of its tracks, the main one first


def clips_of(who: dict[str, list[int]]) -> dict[str, Clip]:
    return {name: [like(each) for each in tracks] for name, tracks in who.items()}


def write_features(
    path: Path, dataset: str, clips: dict[str, Clip], means: int | None = None, split: str = "train", **arguments
) -> str:
    schema = features_schema(WIDTH, True, means is not None)
    rows = [(name, track, vector) for name, tracks in sorted(clips.items()) for track, vector in enumerate(tracks)]
    names, tracks, values = zip(*rows, strict=True)
    columns = [pa.array(names), pa.array([split] * len(rows)), pa.array(tracks, pa.int32())]
    if means is not None:
        more = [
            np.concatenate([value + number * APART for number in range(1, 1 + means)] or [np.zeros(0)])
            for value in values
        ]
        columns.append(pa.array([each.astype(np.float32) for each in more], MEANS[1]))
    given = {"dataset": dataset, "means": None if means is None else [1, 3], **arguments}
    with StageWriter(str(path), "feature", schema, arguments=given) as writer:
        writer.add_rows(pa.RecordBatch.from_arrays([*columns, vector_array(np.stack(values))], schema=schema))
        rest = {"split": split, "state": "ok", "reason": "", "frames": 3, "faces": 3}
        writer.add_clips([{"name": name, **rest} for name in sorted(clips)])
    return str(path)


def run(features: str | tuple[str, ...], output: Path, **changes) -> StageReader:
    inputs = (features,) if isinstance(features, str) else features
    genfeat(GenfeatSettings(inputs, str(output), **changes))
    return StageReader(str(output), ("genfeat",))


def rows_of(reader: StageReader) -> list[dict]:
    return [row for batch in reader.batches() for row in batch.to_pylist()]


def labelled(tmp_path: Path) -> tuple[str, dict[str, Clip]]:
    """Three people with six clips each, a stranger with five, two passers-by with one; a companion stands beside Anna
    four times, Bert once, and Anna has a second track once."""
    who = {f"{name}{n}.mp4": [label] for label, name in enumerate("abc") for n in range(CLIPS)}
    who |= {f"s{n}.mp4": [STRANGER] for n in range(5)} | {f"t{n}.mp4": [PASSERBY + n] for n in range(2)}
    for number in range(4):
        who[f"a{number}.mp4"].append(COMPANION)
    who["a4.mp4"].append(BERT)
    who["a5.mp4"].append(ANNA)
    labels = {name: 1 + "abc".index(name[0]) for name in who if name[0] in "abc"}
    dataset = write_labels(tmp_path / "data", labels, [name for name in who if name not in labels])
    return dataset, clips_of(who)


def test_without_flags_the_training_set_is_what_it_was(tmp_path):
    dataset, clips = labelled(tmp_path)
    plain = run(write_features(tmp_path / "feat", dataset, clips), tmp_path / "set")
    assert plain.schema.equals(training_schema(WIDTH)) and plain.strangers is None
    assert set(plain.manifest["counts"]) == {
        "clips", "rows", "ok", "no_face", "unreadable", "nobody", "width",
    }  # fmt: skip
    with_means = run(write_features(tmp_path / "means", dataset, clips, 2), tmp_path / "other", means="off")
    assert with_means.manifest["parts"] == plain.manifest["parts"]  # who doesn't ask for the means doesn't see them


def test_means_are_further_rows_of_their_clip(tmp_path):
    dataset, clips = labelled(tmp_path)
    features = write_features(tmp_path / "feat", dataset, clips, 2)
    reader = run(features, tmp_path / "set", means="on")
    rows = rows_of(reader)
    assert [row["name"] for row in rows] == [name for name in sorted(clips) for _ in range(3)]
    assert [row["kind"] for row in rows] == ["clip", "mean", "mean"] * len(clips)
    for at, name in enumerate(sorted(clips)):
        own, first, second = rows[3 * at : 3 * at + 3]
        assert (
            own["label"] == first["label"] == second["label"] == (1 + "abc".index(name[0]) if name[0] in "abc" else 0)
        )
        np.testing.assert_allclose(first["feature"], np.array(own["feature"]) + APART, atol=1e-6)
        np.testing.assert_allclose(second["feature"], np.array(own["feature"]) + 2 * APART, atol=1e-6)
    other = write_features(tmp_path / "feat2", dataset, clips, 1)
    both = rows_of(run((features, other), tmp_path / "both", means="on"))
    assert [row["kind"] for row in both] == ["clip", "mean"] * len(clips)  # as many as both have
    np.testing.assert_allclose(both[1]["feature"], np.array(both[0]["feature"]) + APART, atol=1e-6)


def test_inputs_without_means_or_with_others_are_refused(tmp_path):
    dataset, clips = labelled(tmp_path)
    features = write_features(tmp_path / "feat", dataset, clips, 2)
    none = write_features(tmp_path / "none", dataset, clips)
    other = write_features(tmp_path / "other", dataset, clips, 2, draws=4)
    with pytest.raises(InputError, match=r"none: has no means to learn from; give --means off"):
        run((features, none), tmp_path / "set", means="on")
    with pytest.raises(InputError, match=r"other: was made with another --means, --draws or --sampling than"):
        run((features, other), tmp_path / "set", means="on")
    for wrong in ({"stranger_clips": 3}, {"strangers": "one", "stranger_clips": 3}):
        with pytest.raises(InputError, match="--stranger-clips: is for --strangers classes"):
            run(features, tmp_path / "set", **wrong)


def test_strangers_make_classes_above_the_people(tmp_path, capsys):
    dataset, clips = labelled(tmp_path)
    features = write_features(tmp_path / "feat", dataset, clips)
    reader = run(features, tmp_path / "set", strangers="classes")
    assert reader.schema.equals(training_schema(WIDTH))
    assert reader.strangers == ExtraClasses(PEOPLE, 1)
    labels = {row["name"]: row["label"] for row in rows_of(reader)}
    assert [labels[f"s{n}.mp4"] for n in range(5)] == [PEOPLE + 1] * 5
    assert [labels[f"t{n}.mp4"] for n in range(2)] == [0, 0]  # too few clips
    assert reader.manifest["counts"]["nobody"] == 7
    assert "1 classes of strangers, of 5 tracks, above 3 people" in capsys.readouterr().out
    assert labels_of([reader]) == {1, 2, 3}
    assert run(features, tmp_path / "few", strangers="classes", stranger_clips=6).strangers == ExtraClasses(PEOPLE, 0)
    check_labels(Lineage(learnt=[reader]))


def test_a_group_that_looks_like_a_known_person_makes_no_class(tmp_path):
    """Else clips of Anna that nobody labelled would take hers."""
    dataset, clips = labelled(tmp_path)
    clips |= {f"t{n}.mp4": [like(ANNA)] for n in range(4)}
    write_labels(tmp_path / "data", {n: 1 + "abc".index(n[0]) for n in clips if n[0] in "abc"}, list(clips))
    labels = rows_of(run(write_features(tmp_path / "feat", dataset, clips), tmp_path / "set", strangers="classes"))
    assert {row["label"] for row in labels if row["name"][0] == "t"} == {0}
    assert {row["label"] for row in labels if row["name"][0] == "s"} == {PEOPLE + 1}


def test_people_beside_teach_unless_they_may_be_somebody_known(tmp_path):
    dataset, clips = labelled(tmp_path)
    features = write_features(tmp_path / "feat", dataset, clips)
    rows = rows_of(run(features, tmp_path / "set", not_this_one="on"))
    others = [row for row in rows if row["kind"] == "other"]
    assert [row["name"] for row in others] == [f"a{n}.mp4" for n in range(4)]  # not Bert beside Anna, nor Anna again
    assert {row["label"] for row in others} == {0}
    for number, row in enumerate(others):
        np.testing.assert_allclose(row["feature"], clips[f"a{number}.mp4"][1])
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    reader = run(features, tmp_path / "classes", not_this_one="on", strangers="classes")
    found = {row["label"] for row in rows_of(reader) if row["kind"] == "other"}
    stranger = {row["label"] for row in rows_of(reader) if row["name"][0] == "s"}
    assert reader.strangers == ExtraClasses(PEOPLE, 2) and found | stranger == {4, 5} and len(found) == 1
    check_labels(Lineage(learnt=[reader]))  # a clip of Anna with a row of another label is not a changed label


def test_a_run_that_was_stopped_makes_the_same_set(tmp_path, monkeypatch):
    dataset, clips = labelled(tmp_path)
    features = write_features(tmp_path / "feat", dataset, clips, 2)
    options = {"means": "on", "not_this_one": "on", "strangers": "classes"}
    monkeypatch.setattr(stage, "ROWS", 4)
    monkeypatch.setattr("rcnn.tables.writer.SAVE_SECONDS", 0.0)
    whole = run(features, tmp_path / "whole", **options)
    batches = stage.TrainingRows.of

    def stop(self, clips):
        if clips.batch.names[0] > "b":
            raise Stopped("asked to")
        return batches(self, clips)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(stage.TrainingRows, "of", stop)
        run(features, tmp_path / "set", **options)
    again = run(features, tmp_path / "set", **options)
    for name in ("parts", "counts"):
        assert again.manifest[name] == whole.manifest[name]
    assert run(features, tmp_path / "set", **options).manifest == again.manifest  # kept
    with pytest.raises(InputError, match=r"made with another means \(on, now None\)"):
        run(features, tmp_path / "set", not_this_one="on", strangers="classes")


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> tuple[Path, str]:
    """A training set with all there is, and features of clips to rank."""
    tmp_path = tmp_path_factory.mktemp("taught")
    dataset, clips = labelled(tmp_path)
    features = write_features(tmp_path / "feat", dataset, clips, 2)
    run(features, tmp_path / "set", means="on", not_this_one="on", strangers="classes")
    who = {f"x{n}{who}.mp4": [who] for n in range(4) for who in (ANNA, BERT, CARA, STRANGER, COMPANION)}
    return tmp_path, write_features(tmp_path / "test", dataset, clips_of(who), split="test")


def train(folder: Path, prefix: Path, head: str, **changes) -> None:
    fixed = {"num_filter": 32, "lr_step": (12, 15), "gpu": -1, "per_batch_size": 16, "lr": 0.05}
    train_mlp(TrainSettings(str(folder / "set"), str(prefix), head=head, **{**fixed, **changes}))


@pytest.mark.parametrize("classes", [None, 100])
@pytest.mark.parametrize("head", ["templates", "cosine", "mlp"])
def test_no_ranking_shows_a_stranger(head, classes, taught, tmp_path):
    folder, test = taught
    train(folder, tmp_path / "iqiyi", head, num_classes=classes)
    record = json.loads((tmp_path / "iqiyi-train.json").read_text())
    people = (classes or PEOPLE + 1) - 1
    assert record["classes"] == {"people": people, "strangers": 2}
    assert record["labels"] == [0, 1, 2, 3, people + 1, people + 2]
    assert record["arguments"]["num_classes"] == people + 1
    predict(PredictSettings(f"{tmp_path / 'iqiyi'},15", (test,), str(tmp_path / "pred"), gpu=-1))
    reader = StageReader(str(tmp_path / "pred"), ("predict",))
    assert reader.width == people + 1
    names = [row["name"] for row in rows_of(reader)]
    scores = np.concatenate([vectors(batch.column("scores")) for batch in reader.batches()])
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-4)
    best = {name: int(row) for name, row in zip(names, scores.argmax(1), strict=True)}
    assert all(best[name] == (int(name[2]) + 1 if int(name[2]) < PEOPLE else 0) for name in names), best
    submit(SubmitSettings((str(tmp_path / "pred"),), str(tmp_path / "submission.txt")))
    lines = (tmp_path / "submission.txt").read_text().splitlines()
    assert {int(line.split()[0]) for line in lines} == {1, 2, 3}
    train(folder, tmp_path / "iqiyi", head, num_classes=classes)  # is kept


def test_rows_of_a_clip_stay_on_one_side(taught):
    data = read_training_set(str(taught[0] / "set"))
    assert (data.people, data.classes) == (PEOPLE, PEOPLE + 3)
    held = choose_rows(data, 0, 0)[1]
    training, validating = choose_rows(data, 0, 0)
    assert validating.sum() == 1 and data.own[validating].all()
    assert not set(data.clips[training]) & set(data.clips[held])
    data.is_train[data.clips % 2 == 0] = False
    training, validating = choose_rows(data, -1, 0)
    assert not set(data.clips[training]) & set(data.clips[validating])
    assert data.own[validating].all() and set(data.labels[validating]) == {1, 2, 3}
    assert set(data.labels[training]) == {1, 2, 3, 4, 5}  # strangers teach, as classes


def test_the_templates_are_judged_against_by_people_alone(taught, tmp_path, capsys):
    train(taught[0], tmp_path / "iqiyi", "auto", recipe="seed", lr=0.2)
    assert "templates: 6 clips a person, under 50" in capsys.readouterr().out
    data = read_training_set(str(taught[0] / "set"))
    held = {seed: int(data.labels[choose_rows(data, 0, seed)[1]][0]) for seed in range(30)}
    for person in (True, False):
        seed = next(seed for seed, label in held.items() if (1 <= label <= PEOPLE) == person)
        train(taught[0], tmp_path / f"{person}", "cosine", split=0, seed=seed)
        assert ("MAP@100 1.0000 of cosine" in capsys.readouterr().out) == person  # of a stranger nothing is ranked


def test_classes_that_mean_others_are_refused(taught, tmp_path):
    folder, test = taught
    train(folder, tmp_path / "iqiyi", "cosine")
    plain = run(str(folder / "feat"), tmp_path / "set")
    assert plain.strangers is None
    with pytest.raises(InputError, match=r"--pretrained .*iqiyi,15: has 2 classes of strangers and .* has 0"):
        train(tmp_path, tmp_path / "next", "cosine", num_classes=6, pretrained=f"{tmp_path / 'iqiyi'},15")
    path = tmp_path / "iqiyi-train.json"
    record = json.loads(path.read_text())
    for wrong in ({"people": 3, "strangers": 1}, {"people": 0, "strangers": 5}, {"people": 3}):
        path.write_text(json.dumps({**record, "classes": wrong}))
        with pytest.raises(InputError, match=r"iqiyi-train\.json: can't be read"):
            predict(PredictSettings(f"{tmp_path / 'iqiyi'},15", (test,), str(tmp_path / "pred"), gpu=-1))
    path.write_text(json.dumps(record))
    assert read_training_record(str(path)).classes == ExtraClasses(3, 2)


def test_what_is_forgotten_goes_with_all_its_rows(taught, tmp_path):
    folder, _ = taught
    path = str(folder / "set")
    before = StageReader(path, ("genfeat",))
    removal = Removal(clips={"b0.mp4"}, tracks={"a0.mp4": {1}, "s0.mp4": {0}}, faces={"a0.mp4": 2})
    write_without(path, str(tmp_path / "left"), removal, {})
    left = StageReader(str(tmp_path / "left"), ("genfeat",))
    rows = rows_of(left)
    names = {row["name"] for row in rows}
    assert {row["name"] for row in rows_of(before)} - names == {"b0.mp4", "s0.mp4"}
    assert [row["kind"] for row in rows if row["name"] == "a0.mp4"] == ["clip", "mean", "mean"]
    assert (left.accounts.ok, left.accounts.no_face) == (before.accounts.ok - 2, 1)
    assert left.manifest["counts"]["nobody"] == 6 and left.strangers == before.strangers


def test_folds_noise_and_calibration_know_the_rows(taught, tmp_path, capsys):
    folder, test = taught
    options = {"num_classes": 50, "folds": 3, "noise": "report"}
    train(folder, tmp_path / "iqiyi", "templates", **options)
    record = json.loads((tmp_path / "iqiyi-train.json").read_text())
    assert record["classes"] == {"people": 49, "strangers": 2} and record["folds"] == 3
    assert re.search(r"--noise: 0 of \d+ clips", capsys.readouterr().out)
    data = read_training_set(str(folder / "set"), 50)
    folds = fold_rows(str(folder / "set"), data, 3)
    assert all(len(set(folds[data.clips == clip].tolist())) == 1 for clip in range(25))
    for calibrate in (None, "impostors"):
        output = str(tmp_path / f"pred-{calibrate}")
        predict(PredictSettings(f"{tmp_path / 'iqiyi'},15", (test,), output, gpu=-1, calibrate=calibrate))
        reader = StageReader(output, ("predict",))
        scores = np.concatenate([vectors(batch.column("scores")) for batch in reader.batches()])
        assert scores.shape == (20, 50)
        np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-4)
        names = [row["name"] for row in rows_of(reader)]
        for name, best in zip(names, scores.argmax(1).tolist(), strict=True):
            assert best == (int(name[2]) + 1 if int(name[2]) < PEOPLE else 0)
