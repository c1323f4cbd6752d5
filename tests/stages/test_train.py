"""train_mlp.py: MXNet's rules of training, the splits, and a checkpoint that gives what was trained."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from rcnn.errors import InputError
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import load_network
from rcnn.networks.graphs.classifier import OUTPUT, ClassifierShape, build_graph, shape_of
from rcnn.stages import train as stage
from rcnn.stages.settings import TrainSettings
from rcnn.stages.train import train_mlp
from rcnn.stages.training_set import TrainingSet, choose_rows
from rcnn.tables import StageWriter, training_schema, vector_array
from rcnn.training.centroids import NOBODY_COSINE
from rcnn.training.cosine import CosineClassifier, start_at_templates
from rcnn.training.epochs import LONGEST_GRADIENT, Schedule
from rcnn.training.loop import apply_gradients
from rcnn.training.mlp import Classifier, initialise
from rcnn.training.momentum import Momentum
from rcnn.training.snapshot import Snapshot

WIDTH, CLASSES = 16, 4


def write_set(path: Path, count: int = 90, labels: int = 3) -> None:
    """Clips of three people round three corners, the third of them val, and class 0 in the middle."""
    random = np.random.default_rng(0)
    label = np.arange(count) % (labels + 1)
    corners = np.eye(labels + 1, WIDTH) * 4
    corners[0] = 0
    features = (corners[label] + random.normal(size=(count, WIDTH)) * 0.3).astype(np.float32)
    names = [f"{i:05d}.mp4" for i in range(count)]
    splits = ["val" if i % 3 == 2 else "train" for i in range(count)]
    with StageWriter(str(path), "genfeat", training_schema(WIDTH)) as writer:
        writer.add_rows(
            pa.RecordBatch.from_arrays(
                [pa.array(names), pa.array(splits), pa.array(label, pa.int32()), vector_array(features)],
                schema=writer.schema,
            )
        )
        who = zip(names, splits, strict=True)
        rest = {"state": "ok", "reason": "", "frames": 3, "faces": 3}
        writer.add_clips([{"name": n, "split": s, **rest} for n, s in who])


@pytest.fixture
def data(tmp_path) -> Path:
    write_set(tmp_path / "set")
    return tmp_path / "set"


def run(data: Path, prefix: Path, **changes) -> dict:
    fixed = {"num_classes": CLASSES, "num_filter": 32, "lr_step": (6, 8), "gpu": -1}
    train_mlp(TrainSettings(str(data), str(prefix), **{**fixed, **changes}))
    return json.loads(Path(f"{prefix}-train.json").read_text())


def test_it_learns_and_saves_the_epoch_that_the_seed_names(data, tmp_path):
    record = run(data, tmp_path / "m/iqiyi", per_batch_size=15)
    assert record["curve"][-1]["accuracy"] > 0.95
    assert [round(e["lr"] / record["curve"][0]["lr"], 6) for e in record["curve"]] == [1] * 6 + [0.1] * 2
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "iqiyi-0008.params", "iqiyi-symbol.json", "iqiyi-train.json",
    ]  # fmt: skip


@pytest.mark.parametrize("fbn", [False, True])
@pytest.mark.parametrize("filters", [WIDTH, 32])  # with a residual round both layers, or round the second
@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_the_checkpoint_gives_what_the_trained_model_gives(data, tmp_path, engine, filters, fbn):
    run(data, tmp_path / "iqiyi", num_filter=filters, fbn=fbn)
    graph = load_checkpoint(f"{tmp_path / 'iqiyi'},8")
    shape = shape_of(graph)
    assert shape == ClassifierShape(WIDTH, filters, CLASSES, fbn)
    model = Classifier(shape)
    model.load(graph.params)
    model.eval()
    rows = np.random.default_rng(1).normal(size=(7, WIDTH)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(load_network(graph, [OUTPUT], engine=engine)(rows)[0], expected, rtol=1e-4, atol=1e-5)
    probabilities = load_network(graph, engine=engine)(rows)[0]
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)  # over classes, not clips


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_a_cosine_head_learns_and_its_checkpoint_gives_scaled_cosines(data, tmp_path, engine):
    record = run(data, tmp_path / "iqiyi", head="cosine", scale=16.0, margin=0.3, per_batch_size=15)
    assert record["curve"][-1]["accuracy"] > 0.85  # nobody known lies in no direction
    graph = load_checkpoint(f"{tmp_path / 'iqiyi'},8")
    assert shape_of(graph) == ClassifierShape(WIDTH, 0, CLASSES)
    weight = graph.params["stage2_weight"]
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1), [0, 1, 1, 1], rtol=1e-5)
    rows = np.random.default_rng(1).normal(size=(7, WIDTH)).astype(np.float32)
    cosines = rows / np.linalg.norm(rows, axis=1, keepdims=True) @ weight.T
    cosines[:, 0] = NOBODY_COSINE
    np.testing.assert_allclose(load_network(graph, [OUTPUT], engine=engine)(rows)[0], 16 * cosines, atol=1e-4)


def test_the_margin_is_asked_of_people_and_not_of_nobody():
    model = CosineClassifier(2, 3, margin=0.25, scale=8.0)
    model.load({"stage2_weight": np.array([[-1, 0], [1, 0], [0, 1]], np.float32)})
    none = 8 * NOBODY_COSINE  # its score, whatever the clip
    data, labels = torch.tensor([[2.0, 0.0], [-3.0, 0.0]]), torch.tensor([1, 0])
    loss, scores = model.loss(data, labels)
    np.testing.assert_allclose(scores.detach(), [[none, 8, 0], [none, -8, 0]], atol=1e-5)
    person = np.log(np.exp(none) + np.exp(8 - 2) + 1) - (8 - 2)
    nobody = np.log(np.exp(none) + np.exp(-8) + 1) - none
    assert float(loss.detach()) == pytest.approx((person + nobody) / 2, rel=1e-4)


def test_a_cosine_head_starts_at_the_templates():
    model = CosineClassifier(3, 4, 0.4, 32.0)
    features = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 5]])
    start_at_templates(model, features, torch.tensor([1, 1, 0]), torch.Generator().manual_seed(0))
    weight = model.arrays()["stage2_weight"]
    np.testing.assert_allclose(weight[1], [2**-0.5, 2**-0.5, 0], atol=1e-6)
    assert not weight[0].any()  # nobody known has no face of its own
    np.testing.assert_allclose(np.linalg.norm(weight[1:], axis=1), 1, rtol=1e-5)  # also of class 3, which has no clip


def test_two_runs_give_the_same_bytes(data, tmp_path):
    run(data, tmp_path / "a")
    run(data, tmp_path / "b")
    run(data, tmp_path / "c", seed=1)
    files = [(tmp_path / f"{name}-0008.params").read_bytes() for name in "abc"]
    assert files[0] == files[1] != files[2]


def test_pretrained_goes_on_from_the_weights(data, tmp_path):
    run(data, tmp_path / "a")
    run(data, tmp_path / "b", pretrained=f"{tmp_path / 'a'},8", begin_epoch=8, end_epoch=9, lr=0.0)
    first, second = (load_checkpoint(f"{tmp_path / name}").params for name in ("a,8", "b,9"))
    np.testing.assert_array_equal(first["stage1_weight"], second["stage1_weight"])
    with pytest.raises(InputError, match=r"--pretrained .*stage0_weight"):
        run(data, tmp_path / "c", pretrained=f"{tmp_path / 'a'},8", num_filter=48)


def test_a_step_is_mxnets():
    layer = nn.Linear(2, 1)
    start = {name: value.detach().numpy().copy() for name, value in layer.named_parameters()}
    optimizer = Momentum([("x_weight", layer.weight), ("x_bias", layer.bias)], momentum=0.9, decay=0.01)
    velocity = {"weight": 0.0, "bias": 0.0}
    for rate in (0.2, 0.02):  # the rate stands inside of the velocity, so it matters when it falls
        layer.weight.grad = torch.tensor([[0.3, -0.2]])
        layer.bias.grad = torch.tensor([0.1])
        apply_gradients(optimizer, layer.parameters(), rate, LONGEST_GRADIENT)
        gradient = np.array([[0.3, -0.2]]) + 0.01 * start["weight"]
        velocity["weight"] = 0.9 * velocity["weight"] - rate * gradient
        velocity["bias"] = 0.9 * velocity["bias"] - 2 * rate * 0.1  # twice the rate, no decay
        for name in start:
            start[name] = start[name] + velocity[name]
    np.testing.assert_allclose(layer.weight.detach().numpy(), start["weight"], rtol=1e-5)
    np.testing.assert_allclose(layer.bias.detach().numpy(), start["bias"], rtol=1e-5)


def test_long_gradients_are_shortened():
    layer = nn.Linear(1, 1)
    before = layer.weight.item()
    layer.weight.grad, layer.bias.grad = torch.tensor([[1e6]]), torch.tensor([0.0])
    optimizer = Momentum([("weight", layer.weight), ("bias", layer.bias)], 0.9, 0.0)
    apply_gradients(optimizer, layer.parameters(), 0.2, LONGEST_GRADIENT)
    assert before - layer.weight.item() == pytest.approx(0.2 * LONGEST_GRADIENT, rel=1e-3)


def test_the_rate_falls_at_each_step():
    schedule = Schedule(0.2, (30, 35, 40), 0, 40, 1024)
    rates = [schedule.rate_of(epoch) for epoch in (0, 29, 30, 34, 35, 39)]
    np.testing.assert_allclose(rates, [0.2, 0.2, 0.02, 0.02, 0.002, 0.002])


@pytest.mark.parametrize(
    ("network", "fan", "spread"), [("r50", 0, 1.0), ("y1", 0, 1.0), ("i50", 1, 1.0), ("m", 1, 3**-0.5)]
)
def test_initial_weights(network, fan, spread):
    model = Classifier(ClassifierShape(100, 300, 50))
    initialise(model, network, torch.Generator().manual_seed(0))
    weight = model.stage0.weight
    scale = (2 / weight.shape[fan]) ** 0.5
    assert weight.std().item() == pytest.approx(scale * spread, rel=0.03)
    assert (weight.abs().max().item() <= scale) == (network == "m")  # uniform has an end
    assert not model.stage0.bias.any()


@pytest.mark.parametrize(
    ("split", "trained", "validated"),
    [(1, [1] * 6, [0] * 6), (-1, [0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 1]), (-2, [0, 1, 1, 1, 0, 1], [0] * 6)],
)
def test_splits(split, trained, validated):
    labels = np.array([0, 1, 2, 3, 0, 1])
    data = TrainingSet(np.zeros((6, 2), np.float32), labels, np.array([1, 1, 0, 1, 0, 0], bool))
    training, validating = choose_rows(data, split, 0)
    assert training.astype(int).tolist() == trained
    assert validating.astype(int).tolist() == validated


def test_one_percent_is_held_out_the_same_each_time():
    data = TrainingSet(np.zeros((1000, 2), np.float32), np.ones(1000, np.int64), np.ones(1000, bool))
    training, validating = choose_rows(data, 0, 5)
    assert validating.sum() == 10
    assert (training ^ validating).all()
    np.testing.assert_array_equal(choose_rows(data, 0, 5)[1], validating)
    assert (choose_rows(data, 0, 6)[1] != validating).any()


def test_bad_input_is_named(data, tmp_path, capsys):
    with pytest.raises(InputError, match="label 3 does not fit --num-classes 3"):
        run(data, tmp_path / "a", num_classes=3)
    with pytest.raises(InputError, match="--begin-epoch 8"):
        run(data, tmp_path / "a", begin_epoch=8)
    run(data, tmp_path / "a", per_batch_size=1000, max_steps=3)
    assert "more than the 90 clips" in capsys.readouterr().out
    with pytest.raises(InputError, match="--overwrite"):
        run(data, tmp_path / "a")
    write_set(tmp_path / "one", count=1)
    with pytest.raises(InputError, match="1 clips to train on"):
        run(tmp_path / "one", tmp_path / "b")


def test_graph_lists_every_parameter_once():
    model = Classifier(ClassifierShape(8, 8, 3, True))
    graph = build_graph(model.shape, model.arrays())
    variables = {node.name for node in graph.nodes if node.op == "null"} - {"data", "softmax_label"}
    assert variables == set(model.arrays())
    assert graph.auxiliary_names == {name for name in model.arrays() if "moving" in name}


@pytest.mark.parametrize("epochs", [1, 5, 8])
def test_training_that_was_stopped_goes_on_to_the_same_weights(epochs, data, tmp_path, monkeypatch, capsys):
    options = {"split": 0, "max_steps": 60}
    whole = run(data, tmp_path / "whole", **options)

    class Killed(BaseException):
        pass

    real = Snapshot.save

    def save(snapshot, curve, **more) -> None:
        real(snapshot, curve, **more)
        if len(curve) == epochs:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Snapshot, "save", save)
        run(data, tmp_path / "stopped", **options)
    assert not list(tmp_path.glob("stopped-0*.params"))
    with pytest.raises(
        InputError, match=r"stopped-training\.params: contains a run with another lr, another mom; give"
    ):
        run(data, tmp_path / "stopped", **options, lr=0.1, mom=0.5)
    stopped = run(data, tmp_path / "stopped", **options)
    assert f"resumes after epoch {epochs}" in capsys.readouterr().out
    one, other = (tmp_path / f"{name}-0008.params" for name in ("whole", "stopped"))
    assert one.read_bytes() == other.read_bytes()
    for lines in (whole["curve"], stopped["curve"]):
        for line in lines:
            del line["rows_per_second"]
    assert whole["curve"] == stopped["curve"]
    assert not (tmp_path / "stopped-training.params").exists()


@pytest.mark.parametrize("last", ["classifier_writer.write_json", "train_going_on.Snapshot.remove"])
def test_a_run_that_was_killed_in_its_last_step_goes_on(last, data, tmp_path, monkeypatch):
    whole = run(data, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(f"rcnn.stages.{last}", lambda *arguments: {}["killed"])
        run(data, tmp_path / "m")
    assert (tmp_path / "m-0008.params").exists()
    goes_on = run(data, tmp_path / "m")
    assert (tmp_path / "m-0008.params").read_bytes() == (tmp_path / "whole-0008.params").read_bytes()
    assert goes_on["labels"] == whole["labels"]
    assert not (tmp_path / "m-training.params").exists()


def test_overwrite_begins_anew(data, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(stage.Writer, "save", lambda *arguments: {}["stopped"])
        run(data, tmp_path / "m")
    assert (tmp_path / "m-training.params").exists()
    run(data, tmp_path / "m", lr=0.1, overwrite=True)
    assert "resumes" not in capsys.readouterr().out
    assert not (tmp_path / "m-training.params").exists()
