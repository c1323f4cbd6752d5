"""Peak memory of the stages after detect.py, by number of clips.

    python benchmarks/memory.py --rows 10000,1000000
    python benchmarks/memory.py --rows 60000,600000 --faces 10 --classes 4935
    python benchmarks/memory.py --rows 400000 --faces 3 --width 128 --stages feature,appearances

Features are random. With --faces, clips have two or three tracks, as with --recipe best. feature.py then processes
synthetic faces with a trivial network file, which shows the memory of feature.py itself; if it is not among --stages,
its features are random too. Each stage runs in a separate process; the memory of all its processes together is
measured.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from made_up import TRACKS, clip_rows, made_up_crops, pooling_network, write_labels, write_made_up_faces
from timing.measure import python

from rcnn.commands.arguments import Parser, positive, whole
from rcnn.errors import run_script
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.tables import MANIFEST, StageWriter, features_schema, vector_array
from rcnn.training.mlp import Classifier

BATCH = 10_000  # rows generated together
HIDDEN = 64  # width of the classifier's hidden layers
CROPS = 64  # different synthetic ones


def write_features(path: str, rows: int, width: int, people: int, tracked: bool) -> None:
    """A feature directory of `rows` clips with random vectors, one each, or with `tracked` two or three in turn."""
    random = np.random.default_rng(0)
    arguments = {"dataset": f"{path}-labels", **({"recipe": "best"} if tracked else {})}
    known: dict[str, int] = {}
    with StageWriter(path, "feature", features_schema(width, tracked), arguments=arguments) as writer:
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            names = np.array([f"clip_{start + i:09d}.mp4" for i in range(count)], object)
            labels = random.integers(-1, people, count)
            tracks = TRACKS + np.arange(count) % 2 if tracked else np.ones(count, int)
            of = np.repeat(np.arange(count), tracks)  # the clip of each row
            columns = [pa.array(names[of]), pa.array(["train"] * len(of))]
            if tracked:
                columns.append(pa.array(np.concatenate([np.arange(n) for n in tracks]), pa.int32()))
            columns.append(vector_array(random.standard_normal((len(of), width), np.float32)))
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
            writer.add_clips(clip_rows(names, ["train"] * count, 1))
            known.update(zip(names, labels.tolist(), strict=True))
    write_labels(f"{path}-labels", known)


def size_of(path: Path) -> int:
    """Size of a file or of all files in a folder, bytes."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) or path.stat().st_size


def commands(folder: Path, tracked: bool) -> dict[str, list[str]]:
    """The stages by name: script, arguments, and last the output."""
    recipe = ["--recipe", "best"] if tracked else []
    feat, train, pred = (str(folder / name) for name in ("feat", "train", "pred"))
    model = ["--model", f"{folder}/embedding,1", "--gpu", "-1"]
    feature = {"feature": ["feature.py", "--input", f"{folder}/det", *model, *recipe, "--output", feat]}
    classifier = ["--model", f"{folder}/mlp,1", "--gpu", "-1"]
    known = ["appearances", "--features", feat, "--known", feat, "--faces", f"{folder}/det"]
    seen = {"appearances": ["-m", "rcnn", *known, "--output", f"{folder}/appearances"]}
    return {
        **(feature | seen if tracked else {}),
        "genfeat": ["genfeat.py", "--inputs", feat, *recipe, "--output", train],
        "predict": ["predict.py", "--inputs", feat, *classifier, *recipe, "--output", pred],
        "submit": ["submit.py", "--inputs", pred, *recipe, "--output", f"{folder}/submission.txt"],
    }


def prepare(folder: Path, rows: int, args: Namespace, stages: Sequence[str]) -> None:
    """Create the models and the first stage's input if they do not exist."""
    shape = ClassifierShape(args.width, HIDDEN, args.classes)
    save_checkpoint(f"{folder}/mlp,1", build_graph(shape, Classifier(shape).arrays()))
    save_checkpoint(f"{folder}/embedding,1", pooling_network(args.width))
    first = folder / ("det" if "feature" in stages else "feat")
    if (first / MANIFEST).exists():
        return
    if "feature" in stages:
        write_made_up_faces(str(first), rows, args.faces, args.classes, made_up_crops(CROPS))
    else:
        write_features(str(first), rows, args.width, args.classes, args.faces > 0)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/memory.py --rows 10000,1000000")
    add = parser.add_argument
    add("--rows", default="10000,1000000", help="numbers of clips")
    add("--width", default=512, type=positive, help="length of a vector")
    add("--classes", default=500, type=positive, help="classes of the classifier")
    add("--faces", default=0, type=whole, help="start with feature.py, with this many faces per clip")
    add("--work", type=Path, metavar="DIR", help="keep all output for reuse; default: keep nothing")
    add("--stages", metavar="A,B", help="stages to measure; default: all")
    args = parser.parse_args()
    print(f"vectors {args.width} wide, {args.classes} classes, float32, {args.faces or 1} faces a clip")
    print(f"{'clips':>9} {'stage':<11} {'peak MB':>8} {'seconds':>8} {'of CPU':>8} {'output MB':>9}", flush=True)
    for rows in (int(text) for text in args.rows.split(",")):
        folder = args.work / str(rows) if args.work else Path(tempfile.mkdtemp())
        folder.mkdir(parents=True, exist_ok=True)
        try:
            known = commands(folder, args.faces > 0)
            stages = args.stages.split(",") if args.stages else list(known)
            prepare(folder, rows, args, stages)
            for stage in stages:
                *command, output = known[stage]
                again = ["--overwrite"] if os.path.isdir(output) else []
                usage = python(*command, output, *again)
                print(
                    f"{rows:>9} {stage:<11} {usage.peak_mb:>8.0f} {usage.seconds:>8.1f} {usage.cpu_seconds:>8.1f} "
                    f"{size_of(Path(output)) / 1e6:>9.0f}",
                    flush=True,
                )
        finally:
            if not args.work:
                shutil.rmtree(folder)


if __name__ == "__main__":
    run_script(main)
