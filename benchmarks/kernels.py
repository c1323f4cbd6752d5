"""Alternatives to our use of OpenVINO for networks with narrow or depthwise layers.

    python benchmarks/kernels.py
    python benchmarks/kernels.py --only "float planes;channels padded to 16" --rounds 5

Every method gets the same images, uses all cores, and takes its turn in each round; `ratio` is the median over the
rounds of its rate relative to ours, `difference` the largest difference of its outputs from ours, relative to the
largest value of each. `narrow layers` are only the first layers of a detector, with random weights, unpadded and padded
with zero channels: a method that makes them faster would make the network faster too.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.preprocess import ColorFormat, PrePostProcessor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from precision import speed
from tuning import rate
from versus.machine import machine

from benchmarks.models import PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.commands.arguments import Parser, number, positive
from rcnn.config import config
from rcnn.errors import run_script
from rcnn.exports.convert import convert
from rcnn.faces.embedding import OUTPUT
from rcnn.networks.checkpoint import Graph, load_checkpoint
from rcnn.networks.engine import load_network
from rcnn.networks.engine.images import ImageInput
from rcnn.networks.engine.openvino import OpenVinoNetwork, core
from rcnn.networks.engine.torch import TorchNetwork
from rcnn.workers.pipeline import cores

WIDTH, HEIGHT = config.FRAME.CANVASES[0]
NARROW = (3, 8, 16, 32, 32)  # channels of the first layers of MobileNet-0.25, each of two layers except the first
OURS = "ours: bytes, 2 streams"


@dataclass
class Way:
    """A method of computing a network: an OpenVINO model with its input, or any function of the images."""

    model: ov.Model | None
    data: np.ndarray
    streams: int = cores()
    call: Callable[[np.ndarray], list[np.ndarray]] | None = None

    def outputs(self) -> list[np.ndarray]:
        if self.call is not None:
            return self.call(self.data)
        found = core().compile_model(self.model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([self.data])
        return [np.array(found[index]) for index in range(len(found))]

    def rate(self, seconds: float) -> float:
        if self.call is not None:
            return speed(self.call, self.data, seconds)
        return rate(_Made(self.model), self.data, self.streams, seconds)


class _Made(OpenVinoNetwork):
    """A network for an existing OpenVINO model."""

    def __init__(self, model: ov.Model) -> None:
        self._whole = model

    def model(self, shape: tuple[int, ...], dtype: np.dtype) -> ov.Model:
        return self._whole


def ways(graph: Graph, images: np.ndarray, folder: Path, model: str) -> Iterator[tuple[str, Way]]:
    """Every method of computing a network with input `images` (1, H, W, 3) uint8, BGR."""
    fed = load_network(graph, None, images=True)
    assert isinstance(fed, OpenVinoNetwork)
    yield OURS, Way(fed.model(images.shape, images.dtype), images)
    yield "1 stream on all cores", Way(fed.model(images.shape, images.dtype), images, streams=1)
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)[:, ::-1].astype(np.float32))
    plain = load_network(graph, None)
    assert isinstance(plain, OpenVinoNetwork)
    yield "float planes: the first step for nothing", Way(plain.model(planes.shape, planes.dtype), planes)
    prepared = PrePostProcessor(plain.model(planes.shape, planes.dtype))
    tensor = prepared.input().tensor()
    tensor.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(ColorFormat.BGR)
    prepared.input().preprocess().convert_color(ColorFormat.RGB).convert_element_type(ov.Type.f32)
    prepared.input().model().set_layout(ov.Layout("NCHW"))
    yield "OpenVINO's preprocessor", Way(prepared.build(), images)
    path = folder / "network.onnx"
    convert(model, str(path))
    yield "by ONNX, as OpenVINO reads it", Way(_of_onnx(path, planes.shape), planes)
    simple = _simplified(path, planes.shape)
    if simple is not None:
        yield "by ONNX, simplified by onnxsim", Way(_of_onnx(simple, planes.shape), planes)
    yield "PyTorch (oneDNN), channels-last", Way(None, images, call=TorchNetwork(graph, -1, ImageInput()))


def _of_onnx(path: Path, shape: tuple[int, ...]) -> ov.Model:
    model = core().read_model(path)
    model.reshape(list(shape))
    return model


def _simplified(path: Path, shape: tuple[int, ...]) -> Path | None:
    """The file simplified by onnxsim, which is optional; None if it is not installed."""
    try:
        import onnx
        import onnxsim
    except ImportError:
        print("onnxsim is not installed (pip install onnxsim), so that way is left out", file=sys.stderr)
        return None
    simple, _ = onnxsim.simplify(onnx.load(path), overwrite_input_shapes={"data": list(shape)})
    onnx.save(simple, path.with_suffix(".simple.onnx"))
    return path.with_suffix(".simple.onnx")


def narrow(least: int) -> ov.Model:
    """The first layers of a detector on frames, each at least `least` channels wide: a 3x3 convolution, then 3x3
    depthwise and 1x1 convolutions."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> ov.Node:
        return ops.constant(rng.standard_normal(shape, np.float32))

    wide = [max(width, least) for width in NARROW[1:]]
    parameter = ops.parameter((1, NARROW[0], HEIGHT, WIDTH), np.float32)
    around = ([1, 1], [1, 1], [1, 1])  # pads and dilation
    value = ops.relu(ops.convolution(parameter, weights(wide[0], NARROW[0], 3, 3), [2, 2], *around))
    for index, (before, after) in enumerate(pairwise(wide)):
        stride = [2, 2] if index % 2 else [1, 1]
        value = ops.relu(ops.group_convolution(value, weights(before, 1, 1, 3, 3), stride, *around))
        value = ops.relu(ops.convolution(value, weights(after, before, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1]))
    return ov.Model([ops.result(value)], [parameter], "narrow")


def narrow_ways() -> Iterator[tuple[str, Way]]:
    """The first layers unpadded, named ours, and padded."""
    planes = np.random.default_rng(0).integers(0, 256, (1, NARROW[0], HEIGHT, WIDTH)).astype(np.float32)
    yield OURS, Way(narrow(0), planes)
    for least in (16, 32):
        yield f"channels padded to {least}", Way(narrow(least), planes)


def compare(title: str, found: dict[str, Way], rounds: int, seconds: float, exact: bool) -> None:
    """Print the table of one network."""
    rates: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(rounds):
        for name in list(found)[:: 1 if turn % 2 == 0 else -1]:
            rates[name].append(found[name].rate(seconds))
    expected = found[OURS].outputs() if exact else []
    print(f"\n{title}\n\n| way | images/s | ratio | difference |\n| --- | ---: | ---: | ---: |")
    for name, way in found.items():
        ratio = np.median(np.array(rates[name]) / np.array(rates[OURS]))
        cell = ""
        if exact:
            pairs = zip(way.outputs(), expected, strict=True)
            cell = f"{max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs):.1e}"
        print(f"| {name} | {np.median(rates[name]):.1f} | {ratio:.2f} | {cell} |", flush=True)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/kernels.py")
    add = parser.add_argument
    add("--detector", default=PUBLISHED_DETECTOR, metavar="PREFIX,EPOCH", help="detector")
    add("--model", default=PUBLISHED_EMBEDDING, metavar="PREFIX,EPOCH", help="embedding")
    add("--rounds", default=3, type=positive, metavar="N", help="turns of each method")
    add("--seconds", default=3.0, type=number, metavar="S", help="duration of a turn")
    add("--only", default="", metavar="WAY;...", help="methods to run besides ours; default: all")
    args = parser.parse_args()
    wanted = {name.strip() for name in args.only.split(";") if name.strip()}

    def chosen(found: Iterator[tuple[str, Way]]) -> dict[str, Way]:
        return {name: way for name, way in found if name == OURS or not wanted or name in wanted}

    print(machine())
    side = config.ALIGN.SIZE
    for model, outputs, size in ((args.detector, None, (HEIGHT, WIDTH)), (args.model, [OUTPUT], (side, side))):
        graph = load_checkpoint(model).select(outputs)
        images = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            found = chosen(ways(graph, images, Path(folder), model))
            compare(f"{model}, {size[1]}x{size[0]}", found, args.rounds, args.seconds, True)
    compare("narrow layers", chosen(narrow_ways()), args.rounds, args.seconds, False)


if __name__ == "__main__":
    run_script(main)
