"""Compares our engines with MXNet 1.9.1: every checkpoint on the same random input, and the largest difference.

    .venv/bin/python benchmarks/parity.py --mxnet .venv-mxnet/bin/python

The checkpoints are those under ./model and ../shared/checkpoints, a classifier freshly written by train_mlp, and those
named by --models. MXNet loads the original files, and again as written by save_checkpoint, which must give identical
bits. The exit code is 1 if an engine differs by more than 1e-4 of the largest value.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from rcnn.commands.arguments import Parser
from rcnn.errors import InputError, run_script
from rcnn.faces.embedding import OUTPUT as EMBEDDING_OUTPUT
from rcnn.networks.checkpoint import Graph, checkpoint_files, load_checkpoint, save_checkpoint
from rcnn.networks.engine import CPU, choose_device, load_network
from rcnn.networks.graphs.classifier import OUTPUT as CLASSIFIER_OUTPUT
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import CLIPS_SCHEMA, StageWriter, training_schema, vector_array
from rcnn.tables.schema import unknown_source, unknown_video

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "model", ROOT.parent / "shared" / "checkpoints")
TOLERANCE = 1e-4  # of the largest value of an output
CROPS = ((2, 3, 112, 112), (2, 3, 112, 96))  # input shapes of embedding networks
IMAGE = (1, 3, 120, 184)  # small, and not divisible by a detector's strides
ROWS = 5  # of vectors, for networks with vector input
STRIDE = "stride"  # in the output names of detectors

# the classifier that is trained here: the first layer has a residual connection, because its input is as wide
CLIPS, CLASSES, WIDTH, EPOCHS = 256, 20, 64, 3


@dataclass(frozen=True)
class Job:
    """A network and its input.

    model : `PREFIX,EPOCH`
    outputs : names of the compared outputs
    data : float32 or uint8, the network's input
    ours : outputs of each engine, by engine name; float32 arrays, one per output
    """

    model: str
    outputs: tuple[str, ...]
    data: np.ndarray
    ours: dict[str, list[np.ndarray]]


def find_models() -> list[str]:
    """`PREFIX,EPOCH` of every checkpoint, by path and epoch."""
    models = []
    for folder in FOLDERS:
        for symbol in sorted(folder.rglob("*-symbol.json")):
            prefix = str(symbol).removesuffix("-symbol.json")
            pattern = re.compile(re.escape(Path(prefix).name) + r"-(\d{4,9})\.params")
            found = filter(None, (pattern.fullmatch(path.name) for path in sorted(symbol.parent.iterdir())))
            models += [f"{prefix},{int(match.group(1))}" for match in found]
    return models


def train_classifier(folder: Path) -> str:
    """Train briefly on random vectors; returns `PREFIX,EPOCH` of train_mlp's checkpoint."""
    random = np.random.default_rng(0)
    with StageWriter(str(folder / "set"), "genfeat", training_schema(WIDTH)) as writer:
        names = pa.array([f"{i:05d}.mp4" for i in range(CLIPS)])
        labels = pa.array(random.integers(0, CLASSES, CLIPS), pa.int32())
        features = vector_array(random.normal(size=(CLIPS, WIDTH)).astype(np.float32))
        columns = [names, pa.array(["train"] * CLIPS), labels, features]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        ones = pa.array([1] * CLIPS, pa.int32())
        states = [pa.array(["ok"] * CLIPS), pa.array([""] * CLIPS), ones, ones]
        states = [*columns[:2], *unknown_source(CLIPS), *states, *unknown_video(CLIPS)]
        writer.add_clips(pa.RecordBatch.from_arrays(states, schema=CLIPS_SCHEMA))
    prefix = str(folder / "trained-classifier")
    settings = TrainSettings(
        str(folder / "set"), prefix, num_classes=CLASSES, num_filter=WIDTH, lr_step=(EPOCHS,), fbn=True, gpu=CPU
    )
    with contextlib.redirect_stdout(io.StringIO()):
        train_mlp(settings)
    return f"{prefix},{EPOCHS}"


def wanted_outputs(graph: Graph) -> tuple[str, ...]:
    """The outputs that the stages use, and those of the graph if they need only supported operators."""
    inner = [name for name in (EMBEDDING_OUTPUT, CLASSIFIER_OUTPUT) if name in graph.internal_names]
    names = tuple(dict.fromkeys([*inner, *graph.output_names]))
    try:
        graph.select(names)
    except InputError:
        if not inner:
            raise
        return tuple(inner)
    return names


def input_shapes(graph: Graph) -> list[tuple[int, ...]]:
    """Possible input shapes of the network, most likely first."""
    operators = {node.op for node in graph.nodes}
    if "Convolution" not in operators:
        first = next((node for node in graph.nodes if node.op == "FullyConnected"), None)
        if first is None:
            raise InputError(f"{graph.source}: has neither Convolution nor FullyConnected, so its input is not known")
        return [(ROWS, graph.params[graph.nodes[first.inputs[1]].name].shape[1])]
    if any(STRIDE in name for name in graph.output_names):
        return [IMAGE]
    first = next(node for node in graph.nodes if node.op == "Convolution")
    channels = graph.params[graph.nodes[first.inputs[1]].name].shape[1]  # 3, but 4 for the refiner of drawn faces
    return [(batch, channels, height, width) for batch, _, height, width in CROPS]


def random_input(shape: tuple[int, ...]) -> np.ndarray:
    """Pixels (uint8) for four dimensions, else normal numbers (float32)."""
    random = np.random.default_rng(0)
    if len(shape) == 4:
        return random.integers(0, 256, shape, np.uint8)
    return random.normal(size=shape).astype(np.float32)


def run_ours(model: str, engines: dict[str, tuple[str, int]]) -> Job:
    """Run every engine on one checkpoint."""
    graph = load_checkpoint(model)
    names = wanted_outputs(graph)
    networks = {
        label: load_network(graph, names, engine=engine, device=device) for label, (engine, device) in engines.items()
    }
    shapes = input_shapes(graph.select(names))
    for number, shape in enumerate(shapes):
        data = random_input(shape)
        try:
            return Job(model, names, data, {label: network(data) for label, network in networks.items()})
        except InputError:
            if number == len(shapes) - 1:
                raise
    raise AssertionError("input_shapes gives one at least")


def run_mxnet(python: str, jobs: list[Job], folder: Path) -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
    """MXNet's outputs for each job, from the original files and as written by save_checkpoint."""
    tasks = []
    for number, job in enumerate(jobs):
        graph = load_checkpoint(job.model)
        copy = f"{folder / f'copy{number}'},0"
        save_checkpoint(copy, graph)
        np.save(folder / f"{number}.npy", job.data)
        for kind, model in (("original", job.model), ("copy", copy)):
            tasks.append(
                {
                    "prefix": checkpoint_files(model)[0].removesuffix("-symbol.json"),
                    "epoch": int(model.rpartition(",")[2]),
                    "input": graph.select(job.outputs).input_names[0],
                    "data": str(folder / f"{number}.npy"),
                    "outputs": list(job.outputs),
                    "result": str(folder / f"{number}-{kind}.npz"),
                }
            )
    (folder / "jobs.json").write_text(json.dumps(tasks), encoding="utf-8")
    command = [python, str(ROOT / "benchmarks" / "mxnet_forward.py"), str(folder / "jobs.json")]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise InputError(
            f"--mxnet {python}: can't be run: {error.strerror}; use make parity, which sets it up"
        ) from None
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
        raise InputError(f"--mxnet {python}: MXNet failed, see its output above; it needs requirements-mxnet.txt")
    return [(_read(folder / f"{n}-original.npz"), _read(folder / f"{n}-copy.npz")) for n in range(len(jobs))]


def _read(path: Path) -> list[np.ndarray]:
    with np.load(path) as stored:
        return [stored[f"output{i}"] for i in range(len(stored.files))]


def short_name(model: str) -> str:
    """The path relative to the checkpoint folder; else its last part."""
    path = Path(model)
    return next((str(path.relative_to(folder)) for folder in FOLDERS if folder in path.parents), path.name)


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference relative to the largest value; infinite if shapes differ or values are not finite."""
    if found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return float("inf")
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(np.float32).tiny))


def report(job: Job, original: list[np.ndarray], copy: list[np.ndarray]) -> bool:
    """Print the worst output of each engine; returns whether all agree."""
    same = all(np.array_equal(a, b) for a, b in zip(original, copy, strict=True))
    well = same
    for engine, outputs in job.ours.items():
        off = [difference(found, expected) for found, expected in zip(outputs, original, strict=True)]
        worst = int(np.argmax(off))
        right = off[worst] <= TOLERANCE
        well = well and right
        shape = "x".join(str(size) for size in original[worst].shape)
        verdict = ("" if right else "  OFF") + ("" if same else "  COPY DIFFERS")
        print(
            f"{short_name(job.model):<30} {len(off):>7}  {job.outputs[worst]:<38} {shape:<12} {engine:<11} "
            f"{off[worst]:.1e}{verdict}"
        )
    return well


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/parity.py --mxnet .venv-mxnet/bin/python")
    parser.add_argument("--mxnet", default=".venv-mxnet/bin/python", metavar="PYTHON", help="a Python with mxnet 1.9.1")
    parser.add_argument("--models", default=[], nargs="+", metavar="PREFIX,EPOCH", help="more checkpoints")
    args = parser.parse_args()
    started = time.monotonic()
    torch.set_num_threads(1)  # more threads would wait for each other if MXNet or others use the cores
    engines = {"openvino": ("openvino", CPU), "torch": ("torch", CPU)}
    device = choose_device(None)
    if device != CPU:
        engines["torch, CUDA"] = ("torch", device)
    with tempfile.TemporaryDirectory() as folder:
        models = [*find_models(), *args.models, train_classifier(Path(folder))]
        jobs = [run_ours(model, engines) for model in models]
        results = run_mxnet(args.mxnet, jobs, Path(folder))
    print(f"{'model':<30} {'outputs':>7}  {'furthest off':<38} {'shape':<12} {'engine':<11} difference / largest value")
    well = [report(job, *result) for job, result in zip(jobs, results, strict=True)]
    print(f"{len(jobs)} models, {well.count(False)} off by more than {TOLERANCE:g}, {time.monotonic() - started:.1f} s")
    if not all(well):
        sys.exit(1)


if __name__ == "__main__":
    run_script(main)
