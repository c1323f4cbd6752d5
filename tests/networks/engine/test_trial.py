"""ONNX files that ask for all memory or for ever: one line, within limits; good ones are tried once."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import onnx_kinds
import pytest
from onnx import TensorProto, helper

from rcnn.errors import InputError
from rcnn.faces.load import load_detector, load_embedder
from rcnn.networks.engine import trial
from rcnn.networks.engine.onnx_graph import OnnxGraph
from rcnn.stages.scoring import read_classifier


@pytest.fixture(autouse=True)
def small_limits(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(trial, "CPU_SECONDS", 2)
    monkeypatch.setattr(trial, "MEMORY_BYTES", 2 << 30)


def save(path: Path, nodes: list, constants: list = (), shape: tuple = (1, 3, 112, 112)) -> str:
    """A graph from `data` to `out`."""
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, list(shape))
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [data], [out], list(constants))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def ints(name: str, *values: int, shape: tuple[int, ...] | None = None) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, (len(values),) if shape is None else shape, values)


def constants_of_16_gb(path: Path) -> str:
    """A constant of 2^32 numbers that takes thirty bytes, added to the input."""
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["data", "sum"], ["out"]),
    ]
    return save(path, nodes, [ints("size", 1 << 32)])


def expanded(path: Path) -> str:
    """An input that is repeated until it takes 64 GB."""
    nodes = [helper.make_node("Expand", ["data", "size"], ["out"])]
    return save(path, nodes, [ints("size", 1 << 20, 3, 112, 112)])


def huge_input(path: Path) -> str:
    return save(path, [helper.make_node("Relu", ["data"], ["out"])], shape=(1, 3, 100_000, 100_000))


def endless_loop(path: Path) -> str:
    """2^62 turns, each of which adds one."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["go_on_out"]),
            helper.make_node("Sin", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [1, 3, 112, 112]),
        ],
        [
            helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [1, 3, 112, 112]),
        ],
    )
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    nodes = [helper.make_node("Loop", ["turns", "yes", "data"], ["out"], body=body)]
    return save(path, nodes, [ints("turns", 1 << 62, shape=()), yes])


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (constants_of_16_gb, r"asks for more than 2\.0 GiB of memory"),
        (expanded, r"asks for more than 2\.0 GiB of memory"),
        (huge_input, r"asks for more than 2\.0 GiB of memory"),
        (endless_loop, "takes more than 2 s of processor time"),
    ],
)
def test_what_asks_for_too_much_is_one_line(make, words, engine, tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path}/x\.onnx: {words} in its first run, so it is not used; .*$"):
        trial.try_onnx(make(tmp_path / "x.onnx"), engine)
    assert not (tmp_path / "cache/rcnn-tried").exists()


@pytest.mark.parametrize("load", [OnnxGraph, load_embedder, load_detector, read_classifier])
def test_whoever_loads_an_onnx_file_tries_it(load, tmp_path):
    with pytest.raises(InputError, match=r"x\.onnx: asks for more than"):
        load(expanded(tmp_path / "x.onnx"))


def test_a_good_file_is_tried_once_and_again_when_it_changed(tmp_path, monkeypatch):
    path = onnx_kinds.embedding(tmp_path / "x.onnx", mean=127.5, std=128.0)
    tried = []
    real = trial._problem
    monkeypatch.setattr(trial, "_problem", lambda path, engine: tried.append(engine) or real(path, engine))
    for _ in range(2):
        load_embedder(path)
    assert tried == ["openvino"]
    load_embedder(path, engine="onnxruntime")
    assert tried == ["openvino", "onnxruntime"]
    onnx_kinds.embedding(tmp_path / "x.onnx", mean=127.5, std=127.5)
    load_embedder(path)
    assert tried == ["openvino", "onnxruntime", "openvino"]
    (kept,) = {os.stat(found).st_mode & 0o777 for found in (tmp_path / "cache/rcnn-tried").iterdir()}
    assert kept == 0o600


def test_models_that_are_known_are_not_tried(tmp_path, monkeypatch):
    path = onnx_kinds.embedding(tmp_path / "x.onnx", mean=127.5, std=128.0)
    monkeypatch.setattr(trial, "_problem", lambda *_: pytest.fail("was tried"))
    monkeypatch.setattr("rcnn.networks.zoo.registry.by_sha256", lambda digest: object())
    OnnxGraph(path)


def test_a_cache_that_can_not_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    OnnxGraph(onnx_kinds.embedding(tmp_path / "x.onnx", mean=127.5, std=128.0))


@pytest.mark.parametrize("text", [b"", b"no model", os.urandom(500)])
def test_a_damaged_file_is_named_by_who_reads_it(text, tmp_path):
    (tmp_path / "x.onnx").write_bytes(text)
    with pytest.raises(InputError, match=r"x\.onnx: OpenVINO can't read it|takes the inputs"):
        OnnxGraph(str(tmp_path / "x.onnx"))


def test_shapes_that_are_tried():
    assert list(trial._shapes((None, 3, None, None))) == [(1, 3, 112, 112), (1, 3, 480, 888)]
    assert list(trial._shapes((1, 3, 112, 112))) == [(1, 3, 112, 112)]
    assert list(trial._shapes((None, 512))) == [(1024, 512)]
    assert list(trial._shapes((None, None))) == list(trial._shapes(())) == []
