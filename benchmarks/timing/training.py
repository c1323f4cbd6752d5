"""Part `training`: genfeat, train_mlp, predict and submit at the size of the challenge, on random vectors."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator

from memory import write_features

from .measure import Usage, python
from .setup import Row, Setup, speed
from .stages import FLOP, PASSES, classifier_weights

TRAINING_CLIPS = 392_537  # in the challenge, train and val
TEST_CLIPS = 172_835
WIDTH = 512  # length of a vector
CLASSES = 4935
BATCH = 1024  # clips per step


def measure(setup: Setup, ceiling: float, scale: float, steps: tuple[int, int]) -> Iterator[Row]:
    """One row per script.

    Parameters
    ----------
    scale : share of the challenge's clips
    steps : steps of two training runs; their difference gives the time per step and epoch
    """
    folder = setup.fresh("training")
    folder.mkdir()
    vectors, training, test, scores = (folder / name for name in ("vectors", "set", "test", "scores"))
    rows, test_rows = round(TRAINING_CLIPS * scale), round(TEST_CLIPS * scale)
    cores = len(setup.cores)

    def row(stage: str, unit: str, units: int, usage: Usage, flop: float = 0.0) -> Row:
        return {"stage": stage, "unit": unit, "units": units, **speed(units, usage, flop, ceiling, cores)}

    write_features(str(vectors), rows, WIDTH)
    yield row("genfeat", "clip", rows, python("genfeat.py", "--inputs", vectors, "--output", training))
    shutil.rmtree(vectors)

    few, many = (
        python(
            "train_mlp.py", "--data", training, "--prefix", folder / f"mlp{count}", "--num-classes", CLASSES,
            "--per-batch-size", BATCH, "--lr-step", 1, "--max-steps", count, "--gpu", -1,
        )
        for count in steps
    )  # fmt: skip
    weights = classifier_weights(folder / f"mlp{steps[1]}", 1)
    difference = Usage(many.seconds - few.seconds, many.cpu_seconds - few.cpu_seconds, many.peak_mb, "")
    step = difference.seconds / (steps[1] - steps[0])
    clips = (steps[1] - steps[0]) * BATCH
    epoch = math.ceil(rows / BATCH)
    yield {
        **row(f"train_mlp, {steps[0]} to {steps[1]} steps", "clip", clips, difference, clips * weights * FLOP * PASSES),
        "note": f"{step:.3f} s a step, so {step * epoch:.0f} s an epoch of {epoch} steps (extrapolated); "
        f"{few.seconds - steps[0] * step:.1f} s around them, to start, read {rows} clips and save",
    }

    write_features(str(test), test_rows, WIDTH)
    usage = python(
        "predict.py", "--model", f"{folder / f'mlp{steps[1]}'},1", "--inputs", test, "--output", scores, "--gpu", -1
    )
    yield row("predict", "clip", test_rows, usage, test_rows * weights * FLOP)
    usage = python("submit.py", "--inputs", scores, "--output", folder / "submission.txt")
    yield row("submit", "clip", test_rows, usage)
    shutil.rmtree(folder)
