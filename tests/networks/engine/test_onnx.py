"""Graphs written as ONNX, run by ONNX Runtime, against what MXNet 1.9.1 computed and against our engine."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino as ov
import pytest
from make_references import (
    CASES,
    DETECTOR_SIZES,
    DETECTORS,
    OPERATORS_FILE,
    OWN_SIZES,
    image,
    numbers,
    reference,
    sample,
    symbol,
)
from reference_models import CHECKPOINTS, OWN

from rcnn.commands import convert as command
from rcnn.errors import InputError, run_script
from rcnn.exports import convert
from rcnn.networks.checkpoint import Graph, load_checkpoint, save_checkpoint
from rcnn.networks.checkpoint.arrays import write_arrays
from rcnn.networks.checkpoint.onnx import LOWER, OPSET, to_onnx
from rcnn.networks.checkpoint.operators import OPERATORS
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.training.mlp import Classifier

ROOT = Path(__file__).resolve().parents[3]
OPERATOR_TOLERANCE = 1e-5  # of the largest value
HALF_TOLERANCE = 2**-11  # half an ulp: MXNet rounds what it casts to float16, ONNX computes in float32
TOLERANCE = 1e-4  # of the largest value, of a whole network
BATCH_TOLERANCE = 1e-5  # of a network against itself with another batch size
LOWEST = np.finfo(np.float32).min  # MXNet's maximum of a pooling window without a pixel
SHIPPED = {"essh-m25": ("batch", 3, "height", "width"), "face-m": ("batch", 3, 112, 112),
           "people": ("batch", 4, "height", "width")}  # fmt: skip


class Runtime:
    """An ONNX model in ONNX Runtime, with one thread: tests share the cores."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        return self.session.run(None, {self.session.get_inputs()[0].name: data.astype(np.float32)})


def assert_close(found, expected, tolerance: float) -> None:
    """Every output within `tolerance` of its largest value."""
    assert len(found) == len(expected)
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == np.float32
        assert f.shape == e.shape
        np.testing.assert_allclose(f, e, rtol=0, atol=tolerance * np.abs(e).max())


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    with np.load(OPERATORS_FILE) as stored:
        return dict(stored)


def write(folder: Path, name: str) -> Graph:
    """The graph of a case of make_references, by way of a checkpoint."""
    (folder / "case-symbol.json").write_text(symbol(CASES[name]), encoding="utf-8")
    write_arrays(str(folder / "case-0000.params"), numbers(name, CASES[name])[1])
    return load_checkpoint(f"{folder / 'case'},0").select()


@pytest.mark.parametrize("name", CASES)
def test_layer_computes_what_mxnet_does(name, expected, tmp_path):
    data, _ = numbers(name, CASES[name])
    graph = write(tmp_path, name)
    wanted = expected[name]
    largest = np.abs(wanted, where=wanted != LOWEST, out=np.zeros_like(wanted)).max()
    tolerance = HALF_TOLERANCE if CASES[name].attributes.get("dtype") == "float16" else OPERATOR_TOLERANCE
    # once with every size known, once with all of them open but the channels
    for shape in (data.shape, tuple(size if axis == 1 else f"size{axis}" for axis, size in enumerate(data.shape))):
        model = to_onnx(graph, shape)
        (found,) = Runtime(model.SerializeToString())(data)
        assert found.dtype == np.float32
        assert found.shape == wanted.shape
        assert len(model.graph.output[0].type.tensor_type.shape.dim) == wanted.ndim
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * largest)


def test_every_operator_has_a_lowering():
    assert set(LOWER) == set(OPERATORS)


@pytest.mark.parametrize("op", ["BatchNorm", "LeakyReLU"])
def test_a_computed_parameter_is_an_input_error_that_names_the_layer(op, tmp_path):
    case = "batch norm, defaults" if op == "BatchNorm" else "prelu"
    graph = write(tmp_path, case)
    index = next(i for i, node in enumerate(graph.nodes) if node.op == op)
    layer = graph.nodes[index]
    at = 2 if op == "BatchNorm" else 1  # beta, slope
    twisted = type(layer)(layer.name, op, (*layer.inputs[:at], 0, *layer.inputs[at + 1 :]), layer.attributes)
    broken = Graph((*graph.nodes[:index], twisted), graph.outputs, graph.params, "broken")
    with pytest.raises(InputError, match="broken: layer layer: one of its parameters is computed"):
        to_onnx(broken, (2, 3, 5, 7))


@cache
def converted(model: str) -> Runtime:
    whole = load_checkpoint(model)
    graph = whole.select(convert.default_outputs(whole))
    crop = any(node.op == "FullyConnected" for node in graph.nodes)
    return Runtime(to_onnx(graph, ("n", 3, 112, 112) if crop else ("n", 3, "h", "w")).SerializeToString())


def assert_as_mxnet(network: Runtime, name: str, size: tuple[int, int]) -> None:
    """On the image of a size."""
    wanted = reference(name, size)
    found = sample(network(image(size)))
    assert list(found) == list(wanted)
    for part in found:
        tolerance = TOLERANCE if part.startswith("value") else 0
        np.testing.assert_allclose(found[part], wanted[part], rtol=0, atol=tolerance * np.abs(wanted[part]).max())


@pytest.mark.parametrize("name", OWN)
def test_what_ships_computes_what_mxnet_does(name):
    for size in OWN_SIZES[name]:
        assert_as_mxnet(converted(OWN[name]), name, size)


def test_published_models_compute_what_mxnet_does(shared, checkpoints, subtests):
    for name, path in CHECKPOINTS.items():
        with subtests.test(name):
            with np.load(shared / "checkpoints" / f"{path}-reference.npz") as stored:
                data, outputs = stored["data"], [stored[f"output{i}"] for i in range(len(stored.files) - 1)]
            network = converted(checkpoints[name])
            assert_close(network(data), outputs, TOLERANCE)
            for size in DETECTOR_SIZES if name in DETECTORS else ():
                assert_as_mxnet(network, name, size)


@pytest.mark.parametrize("name", OWN)
def test_a_batch_of_three_and_each_of_its_images_alone(name):
    one = image(OWN_SIZES[name][0])
    images = np.concatenate([one, one[..., ::-1], np.roll(one, 9, axis=3)])
    network = converted(OWN[name])
    together = network(images)
    for row in range(len(images)):
        assert_close([output[row : row + 1] for output in together], network(images[row : row + 1]), BATCH_TOLERANCE)


@pytest.mark.parametrize("name", SHIPPED)
def test_convert_writes_what_ships(name, tmp_path, capsys):
    path = tmp_path / "new" / f"{name}.onnx"
    assert convert.convert(f"{ROOT / 'model' / name},0", str(path)) <= TOLERANCE
    model = onnx.load(path)
    assert [opset.version for opset in model.opset_import] == [OPSET]
    graph = load_checkpoint(f"{ROOT / 'model' / name},0")
    assert [output.name for output in model.graph.output] == list(graph.output_names)
    (data,) = model.graph.input
    assert tuple(dim.dim_param or dim.dim_value for dim in data.type.tensor_type.shape.dim) == SHIPPED[name]
    # the card of a model that is known goes with it
    card = [path.with_suffix(".toml").name] if name == "face-m" else []
    assert sorted(part.name for part in path.parent.iterdir()) == [path.name, *card]
    assert str(path) in capsys.readouterr().out


def test_openvino_reads_it(tmp_path):
    path = str(tmp_path / "face-m.onnx")
    convert.convert(f"{ROOT / 'model' / 'face-m'},0", path)
    data = next(convert.trial_inputs(("batch", 3, 112, 112)))
    found = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([data])
    (wanted,) = Runtime(Path(path).read_bytes())(data)
    assert_close([found[0]], [wanted], TOLERANCE)


def test_inner_outputs_can_be_asked_for(tmp_path):
    model = f"{ROOT / 'model' / 'face-m'},0"
    inner = load_checkpoint(model).internal_names[9]
    path = str(tmp_path / "part.onnx")
    convert.convert(model, path, (inner, "fc1_output"))
    assert [output.name for output in onnx.load(path).graph.output] == [inner, "fc1_output"]


def test_a_classifier_takes_vectors(tmp_path):
    shape = ClassifierShape(8, 16, 5)
    save_checkpoint(f"{tmp_path / 'mlp'},1", build_graph(shape, Classifier(shape).arrays()))
    path = str(tmp_path / "mlp.onnx")
    convert.convert(f"{tmp_path / 'mlp'},1", path)
    assert [output.name for output in onnx.load(path).graph.output] == ["fc7_output"]
    assert Runtime(Path(path).read_bytes())(np.zeros((7, 8)))[0].shape == (7, 5)


def run_main(monkeypatch, capsys, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of `python -m rcnn convert`."""
    monkeypatch.setattr(sys, "argv", ["convert.py", *arguments])
    with pytest.raises(SystemExit) as caught:
        run_script(command.main)
    return caught.value.code, capsys.readouterr().err


def test_disagreement_ends_with_one_line_and_no_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(convert, "TOLERANCE", 0.0)
    arguments = ("--model", f"{ROOT / 'model' / 'face-m'},0", "--output", str(tmp_path / "x.onnx"))
    code, error = run_main(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "differ by" in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_package_that_is_missing_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    arguments = ("--model", f"{ROOT / 'model' / 'face-m'},0", "--output", str(tmp_path / "x.onnx"))
    code, error = run_main(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "requirements-onnx.txt" in error


def test_an_output_that_is_not_there(monkeypatch, capsys, tmp_path):
    arguments = ("--model", f"{ROOT / 'model' / 'face-m'},0", "--output", str(tmp_path / "x.onnx"), "--outputs", "no")
    code, error = run_main(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "has no output no" in error
