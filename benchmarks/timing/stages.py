"""Part `stages`: the six scripts in sequence, as in the README."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rcnn.networks.checkpoint import read_arrays

from .measure import Usage, python
from .networks import our_rate
from .setup import CROP, FRAME, Row, Setup, read_rows, speed, unit_flop

EPOCHS = 40
PASSES = 3  # of training: forward, and back to the inputs and to the weights
FLOP = 2  # per multiply-add


def measure(setup: Setup, ceiling: float) -> Iterator[Row]:
    """One row per script."""
    folder = setup.fresh("stages")
    folder.mkdir()
    cores = len(setup.cores)
    detector, embedder = unit_flop(setup.detector), unit_flop(setup.model)

    def row(
        stage: str, unit: str, units: int, usage: Usage, flop: float = 0.0, network_seconds: float | None = None
    ) -> Row:
        part = {} if network_seconds is None else {"of network": f"{network_seconds / usage.seconds:.0%}"}
        return {"stage": stage, "unit": unit, "units": units, **speed(units, usage, flop, ceiling, cores), **part}

    faces, vectors = folder / "faces", folder / "vectors"
    usage = setup.detect(setup.dataset, faces)
    frames = sum(clip["frames"] for clip in read_rows(faces, "clips"))
    count = len(read_rows(faces, "faces"))
    alone = count / our_rate(setup, setup.model, CROP)  # seconds that the bare networks take
    both = frames / our_rate(setup, setup.detector, FRAME) + alone
    yield row("detect", "frame", frames, usage, frames * detector + count * embedder, both)
    yield row("feature", "face", count, setup.feature(faces, vectors), count * embedder, alone)

    clips = len(read_rows(vectors, "features"))
    training, prefix, scores = folder / "training", folder / "mlp", folder / "scores"
    yield row("genfeat", "clip", clips, python("genfeat.py", "--inputs", vectors, "--output", training))
    usage = python("train_mlp.py", "--data", training, "--prefix", prefix, "--lr-step", f"30,35,{EPOCHS}", "--gpu", -1)
    weights = classifier_weights(prefix, EPOCHS)
    yield row("train_mlp", "clip x epoch", clips * EPOCHS, usage, clips * EPOCHS * weights * FLOP * PASSES)
    usage = python("predict.py", "--model", f"{prefix},{EPOCHS}", "--inputs", vectors, "--output", scores, "--gpu", -1)
    yield row("predict", "clip", clips, usage, clips * weights * FLOP)
    usage = python("submit.py", "--inputs", scores, "--output", folder / "submission.txt")
    yield row("submit", "clip", clips, usage)


def classifier_weights(prefix: Path, epoch: int) -> int:
    """Numbers in the matrices of a classifier that train_mlp.py wrote."""
    return sum(array.size for array in read_arrays(f"{prefix}-{epoch:04d}.params").values() if array.ndim == 2)
