"""Part `networks`: the bare networks in our engine, ONNX Runtime and MXNet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rcnn.faces.embedding import OUTPUT as EMBEDDING
from rcnn.networks.checkpoint import load_checkpoint, save_checkpoint

from .measure import ROOT, run
from .setup import CROP, FRAME, GIGA, Row, Setup, last_json, model_name, unit_flop
from .wide import widen

SCRIPT = "benchmarks/timing/network_rate.py"
SHARED = ROOT.parent / "shared" / "checkpoints"
OWN = ("essh-m25", "face-m")  # in model/
WIDE = {"iresnet50-e": CROP, "iresnet100-e": CROP, "essh-resnet50": FRAME}  # in ../shared/checkpoints/narrow
BATCH = {FRAME: 8, CROP: 32}  # images per call; our engine runs them one by one, one core each
WIDE_BATCH = {FRAME: 2, CROP: 8}  # at least one image per core
ALONE = 1  # the batch of the plain reference


@dataclass(frozen=True)
class _Subject:
    """A network and the shape of one unit of its input."""

    name: str
    model: str
    unit: tuple[int, ...]
    batch: int


def measure(setup: Setup, ceiling: float) -> Iterator[Row]:
    """One row per network, engine and batch."""
    for subject in _subjects(setup):
        flop = unit_flop(subject.model)
        for engine, model, batch, interpreter in _ways(setup, subject):
            shape = ",".join(str(size) for size in (batch, *subject.unit[1:]))
            command = [interpreter, SCRIPT, "--engine", engine, "--model", model, "--shape", shape,
                       "--seconds", setup.seconds]  # fmt: skip
            usage = run(command)
            rate = last_json(usage.output)["rate"]
            yield {
                "network": subject.name,
                "unit": "frame" if subject.unit == FRAME else "face",
                "engine": engine,
                "batch": batch,
                "units/s": round(rate, 1),
                "GFLOP/unit": round(flop / GIGA, 2),
                "GFLOP/s": round(rate * flop / GIGA, 1),
                "ceiling": f"{rate * flop / ceiling:.0%}",
                "MB": round(usage.peak_mb),
            }


def our_rate(setup: Setup, model: str, unit: tuple[int, ...]) -> float:
    """Frames or crops per second of a network in our engine, called as by the stages."""
    shape = ",".join(str(size) for size in (BATCH[unit], *unit[1:]))
    command = [sys.executable, SCRIPT, "--engine", "ours", "--model", model, "--shape", shape]
    return last_json(run([*command, "--seconds", setup.seconds]).output)["rate"]


def _ways(setup: Setup, subject: _Subject) -> Iterator[tuple[str, str, int, str]]:
    """Engine, model, images per call and Python of each measurement."""
    yield "ours", subject.model, subject.batch, sys.executable
    for batch in sorted({ALONE, subject.batch}):
        yield "onnx", setup.onnx(subject.model), batch, sys.executable
    if setup.mxnet:
        yield "mxnet", subject.model, ALONE, setup.mxnet


def _subjects(setup: Setup) -> Iterator[_Subject]:
    models = [setup.detector, setup.model, *(f"{ROOT / 'model' / name},0" for name in OWN)]
    for model in dict.fromkeys(models):
        unit = CROP if EMBEDDING in load_checkpoint(model).internal_names else FRAME
        yield _Subject(model_name(model), model, unit, BATCH[unit])
    for name, unit in WIDE.items():
        narrow = SHARED / "narrow" / f"{name}-narrow"
        if Path(f"{narrow}-symbol.json").exists():
            yield _Subject(f"{name}, random", _wide(setup, f"{narrow},0", name, unit), unit, WIDE_BATCH[unit])


def _wide(setup: Setup, narrow: str, name: str, unit: tuple[int, ...]) -> str:
    """Write a full-width network; returns its `PREFIX,EPOCH`."""
    graph = load_checkpoint(narrow)
    part = graph.select([EMBEDDING] if EMBEDDING in graph.internal_names else None)
    model = f"{setup.folder / 'wide' / name},0"
    save_checkpoint(model, widen(part, unit))
    return model
