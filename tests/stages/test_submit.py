"""genfeat, predict and submit on small stage directories: no clip lost, nothing mixed up, bad input named."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from labelled import write_labels

from rcnn.errors import InputError
from rcnn.networks.checkpoint import load_checkpoint, save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.stages import genfeat as genfeat_stage
from rcnn.stages import predict as predict_stage
from rcnn.stages import submit as submit_stage
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.scoring import softmax
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.tables import StageReader, StageWriter, features_schema, scores_schema, vector_array, vectors
from rcnn.training.mlp import Classifier

ROOT = Path(__file__).resolve().parents[2]


def write(
    path: Path, stage: str, rows: dict[str, np.ndarray], without: tuple[str, ...] = (), known: tuple[str, ...] = ()
) -> str:
    """A stage directory: a vector a clip; clips in `without` have no face. Labels are -1, 0, 1, ... by name, of all
    clips in `known` where there are others than in the rows."""
    width = len(next(iter(rows.values())))
    names = sorted(rows)
    order = sorted(known or [*rows, *without])
    schema = features_schema(width) if stage != "predict" else scores_schema(width)
    labels = {name: order.index(name) - 1 for name in sorted([*rows, *without])}
    arguments = {"dataset": write_labels(path.with_suffix(".labels"), labels)}
    with StageWriter(str(path), stage, schema, arguments=arguments) as writer:
        for name in sorted([*rows, *without]):
            state = "no face" if name in without else "ok"
            who = {"name": name, "split": "train" if order.index(name) % 2 else "val"}
            writer.add_clips([{**who, "state": state, "reason": "", "frames": 3, "faces": 3}])
        splits = ["train" if order.index(name) % 2 else "val" for name in names]
        columns = [pa.array(names), pa.array(splits)]
        columns.append(vector_array(np.stack([rows[name] for name in names])))
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
    return str(path)


def table(path: str, stage: str) -> tuple[list[dict], np.ndarray, list[dict]]:
    reader = StageReader(path, (stage,))
    batches = list(reader.batches(rows=7))
    named = ["name", "split", *(["label"] if stage == "genfeat" else [])]
    rows = [row for b in batches for row in b.select(named).to_pylist()]
    values = np.concatenate([vectors(b.column(len(named))) for b in batches])
    return rows, values, [row for b in reader.clips() for row in b.to_pylist()]


def random_rows(count: int, width: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {f"{i:04d}.mp4": generator.normal(size=width).astype(np.float32) for i in range(count)}


@pytest.fixture
def model(tmp_path) -> str:
    shape = ClassifierShape(8, 16, 5)
    classifier = Classifier(shape)
    name = f"{tmp_path / 'mlp'},3"
    save_checkpoint(name, build_graph(shape, classifier.arrays()))
    return name


@pytest.mark.parametrize("batch", [1, 7, 1024])
def test_genfeat_joins_models_and_makes_strangers_class_0(tmp_path, monkeypatch, batch):
    monkeypatch.setattr(genfeat_stage, "ROWS", batch)
    left, right = random_rows(30, 4), random_rows(30, 3, seed=1)
    inputs = (write(tmp_path / "a", "feature", left, ("nobody.mp4",)), write(tmp_path / "b", "feature", right))
    genfeat(GenfeatSettings(inputs, str(tmp_path / "set")))
    rows, values, clips = table(str(tmp_path / "set"), "genfeat")
    np.testing.assert_array_equal(values, [np.concatenate([left[r["name"]], right[r["name"]]]) for r in rows])
    assert [r["label"] for r in rows] == [0, *range(29)]  # -1 became 0
    assert [r["split"] for r in rows[:3]] == ["val", "train", "val"]
    assert len(clips) == 31
    assert clips[-1]["state"] == "no face"


def test_a_clip_that_one_input_lacks_is_accounted_for(tmp_path):
    left, right = random_rows(9, 4), random_rows(9, 4)
    del right["0004.mp4"]
    inputs = (write(tmp_path / "a", "feature", left), write(tmp_path / "b", "feature", right, known=tuple(left)))
    genfeat(GenfeatSettings(inputs, str(tmp_path / "set")))
    rows, _, clips = table(str(tmp_path / "set"), "genfeat")
    assert [r["name"] for r in rows] == sorted(right)
    lost = [c for c in clips if c["state"] != "ok"]
    assert [(c["name"], c["state"]) for c in lost] == [("0004.mp4", "no face")]
    assert str(tmp_path / "b") in lost[0]["reason"]


@pytest.mark.parametrize("batch", [1, 8, 64])
def test_predict_gives_each_clip_its_own_probabilities(tmp_path, monkeypatch, model, batch):
    monkeypatch.setattr(predict_stage, "ROWS", batch)
    features = random_rows(21, 8)
    source = write(tmp_path / "feat", "feature", features, ("zz.mp4",))
    predict(PredictSettings(model, (source,), str(tmp_path / "pred"), gpu=-1))
    rows, values, clips = table(str(tmp_path / "pred"), "predict")
    assert [r["name"] for r in rows] == sorted(features)
    np.testing.assert_allclose(values.sum(1), 1, rtol=1e-5)
    classifier = Classifier(ClassifierShape(8, 16, 5))
    classifier.load(load_checkpoint(model).params)
    classifier.eval()
    import torch

    with torch.no_grad():
        scores = classifier(torch.from_numpy(np.stack([features[r["name"]] for r in rows])))
    np.testing.assert_allclose(values, torch.softmax(scores, 1).numpy(), rtol=1e-4, atol=1e-6)
    assert len(clips) == 22


def test_softmax_is_over_classes_and_does_not_overflow():
    values = softmax(np.array([[1000.0, 1000.0], [0.0, np.log(3.0)]], np.float32))
    np.testing.assert_allclose(values, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-5)


def scores_of(**clips: list[float]) -> dict[str, np.ndarray]:
    return {f"{name}.mp4": np.array(row, np.float32) for name, row in clips.items()}


def test_submission_by_hand(tmp_path):
    source = write(tmp_path / "p", "predict", scores_of(a=[0.9, 0.1, 0.0], b=[0.0, 0.3, 0.7], c=[0.0, 0.3, 0.2]))
    submit(SubmitSettings((source,), str(tmp_path / "s.txt")))
    # class 0 has no line; equal scores by name; a score of 0 is not an entry
    assert (tmp_path / "s.txt").read_text() == "1 b.mp4 c.mp4 a.mp4\n2 b.mp4 c.mp4\n"


def test_weights_and_clips_of_one_input_only(tmp_path):
    known = ("a.mp4", "b.mp4", "c.mp4")
    first = write(tmp_path / "p", "predict", scores_of(a=[0, 0.6], b=[0, 0.5]), known=known)
    second = write(tmp_path / "q", "predict", scores_of(b=[0, 0.4], c=[0, 1.0]), known=known)
    submit(SubmitSettings((first, second), str(tmp_path / "s.txt"), (1.0, 0.5)))
    assert (tmp_path / "s.txt").read_text() == "1 b.mp4 a.mp4 c.mp4\n"  # 0.7, 0.6, 0.5


def test_batches_do_not_change_the_submission(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    rows = {f"{i:04d}.mp4": np.round(generator.random(40), 2).astype(np.float32) for i in range(300)}
    source = write(tmp_path / "p", "predict", rows)
    texts = []
    for batch in (1, 64, 1024):
        monkeypatch.setattr(submit_stage, "ROWS", batch)
        submit(SubmitSettings((source,), str(tmp_path / "s.txt")))
        texts.append((tmp_path / "s.txt").read_text())
    assert texts[0] == texts[1] == texts[2]
    assert all(len(line.split()) == 101 for line in texts[0].splitlines())


def test_the_score_is_printed(tmp_path, capsys):
    source = write(tmp_path / "p", "predict", scores_of(a=[0, 0.9, 0], b=[0, 0.5, 0], c=[0, 0.1, 0]))
    (tmp_path / "gt.txt").write_text("1 a.mp4 c.mp4\n5 b.mp4\n")
    submit(SubmitSettings((source,), str(tmp_path / "s.txt"), gt=str(tmp_path / "gt.txt")))
    text = capsys.readouterr().out
    assert "MAP@100 0.4167 over 2 labels" in text  # ((1 + 2/3) / 2 + 0) / 2
    assert "1 covered" in text
    assert text.index("label 5: AP 0.0000, 0 of 1") < text.index("label 1: AP 0.8333, 2 of 2")


def test_what_does_not_fit_is_named(tmp_path, model):
    wide = write(tmp_path / "wide", "feature", random_rows(4, 9))
    with pytest.raises(InputError, match=r"features are 9 wide, model .* takes 8"):
        predict(PredictSettings(model, (wide,), str(tmp_path / "pred"), gpu=-1))
    three = write(tmp_path / "three", "predict", scores_of(a=[0, 1, 0]))
    four = write(tmp_path / "four", "predict", scores_of(a=[0, 1, 0, 0]))
    with pytest.raises(InputError, match="3 and 4 classes"):
        submit(SubmitSettings((three, four), str(tmp_path / "s.txt"), (1.0, 1.0)))
    with pytest.raises(InputError, match="--weights: 1 for 2 inputs"):
        submit(SubmitSettings((three, four), str(tmp_path / "s.txt")))
    with pytest.raises(InputError, match="twice"):
        submit(SubmitSettings((three, three), str(tmp_path / "s.txt"), (1.0, 1.0)))
    with pytest.raises(InputError, match=r"expected the output of predict\.py"):
        submit(SubmitSettings((wide,), str(tmp_path / "s.txt")))


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        ("genfeat.py", ["--inputs", "nowhere"], ["nowhere", "feature.py first"]),
        ("train_mlp.py", ["--data", "nowhere", "--gpu", "-1"], ["nowhere", "genfeat.py first"]),
        ("train_mlp.py", ["--lr-step", "30,20"], ["rising"]),
        ("train_mlp.py", ["--lr", "fast"], ["--lr", "fast"]),
        ("predict.py", ["--model", "nowhere"], ["PREFIX,EPOCH"]),
        ("submit.py", ["--weights", "x"], ["--weights"]),
        ("submit.py", ["--gt", "nowhere"], ["pred_test", "predict.py first"]),
        ("submit.py", ["--best"], ["--best"]),
    ],
)
def test_scripts_say_what_is_wrong_in_one_line(script, arguments, words, tmp_path):
    if script == "predict.py":
        write(tmp_path / "output/feat_test", "feature", random_rows(2, 8))
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"{script}: error:")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("script", ["detect", "feature", "genfeat", "train_mlp", "predict", "submit", "gendata"])
def test_help_shows_an_example_and_defaults(script):
    done = subprocess.run([sys.executable, str(ROOT / f"{script}.py"), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert f"python {script}.py" in done.stdout
    assert "default" in done.stdout
