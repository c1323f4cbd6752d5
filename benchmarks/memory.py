"""Peak memory of genfeat, predict and submit against the number of clips.

    python benchmarks/memory.py --rows 10000,1000000

Features are random; each stage runs in a process of its own, whose largest resident set is read at its end.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from timing.measure import python

from rcnn.commands.arguments import Parser, positive
from rcnn.errors import run_script
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.tables import CLIPS_SCHEMA, StageWriter, features_schema, vector_array
from rcnn.tables.schema import unknown_video
from rcnn.training.mlp import Classifier

BATCH = 10_000  # rows that are made at a time


def write_features(path: str, rows: int, width: int) -> None:
    """A feature directory of `rows` clips with random vectors."""
    random = np.random.default_rng(0)
    with StageWriter(path, "feature", features_schema(width)) as writer:
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            names = pa.array([f"clip_{start + i:09d}.mp4" for i in range(count)])
            splits = pa.array(["train"] * count)
            labels = pa.array(random.integers(-1, 400, count), pa.int32())
            writer.add_rows(
                pa.RecordBatch.from_arrays(
                    [names, splits, labels, vector_array(random.normal(size=(count, width)))], schema=writer.schema
                )
            )
            ones = pa.array(np.ones(count), pa.int32())
            columns = [names, splits, labels, pa.array(["ok"] * count), pa.array([""] * count), ones, ones]
            columns += unknown_video(count)
            writer.add_clips(pa.RecordBatch.from_arrays(columns, schema=CLIPS_SCHEMA))


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/memory.py --rows 10000,1000000")
    parser.add_argument("--rows", default="10000,1000000", help="numbers of clips")
    parser.add_argument("--width", default=512, type=positive, help="of a vector")
    parser.add_argument("--classes", default=500, type=positive, help="of the classifier")
    args = parser.parse_args()
    shape = ClassifierShape(args.width, 64, args.classes)
    print(f"vectors {args.width} wide, {args.classes} classes, float32")
    print(f"{'clips':>9} {'stage':<8} {'peak MB':>8} {'seconds':>8} {'output MB':>9}")
    for rows in (int(text) for text in args.rows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            paths = {name: os.path.join(folder, name) for name in ("feat", "train", "pred", "submission.txt", "mlp")}
            write_features(paths["feat"], rows, args.width)
            save_checkpoint(f"{paths['mlp']},1", build_graph(shape, Classifier(shape).arrays()))
            runs = {
                "genfeat": (["genfeat.py", "--inputs", paths["feat"], "--output", paths["train"]], "train"),
                "predict": (
                    [
                        "predict.py",
                        "--model",
                        f"{paths['mlp']},1",
                        "--inputs",
                        paths["feat"],
                        "--output",
                        paths["pred"],
                    ],
                    "pred",
                ),
                "submit": (
                    ["submit.py", "--inputs", paths["pred"], "--output", paths["submission.txt"]],
                    "submission.txt",
                ),
            }
            for stage, (command, output) in runs.items():
                usage = python(*command)
                size = sum(file.stat().st_size for file in Path(folder, output).rglob("*") if file.is_file())
                size = size or Path(folder, output).stat().st_size
                print(
                    f"{rows:>9} {stage:<8} {usage.peak_mb:>8.0f} {usage.seconds:>8.1f} {size / 1e6:>9.0f}", flush=True
                )


if __name__ == "__main__":
    run_script(main)
