"""Cost of additional training rows: means of faces, weights, classes of strangers, companions.

    python benchmarks/training_rows.py --clips 60000

Vectors are synthetic: clips of known people, of strangers (one in five, half of whom recur), and every other clip of a
known person has a second track. Seconds are processor time; the last column extrapolates them to `--whole` clips,
proportionally unless noted.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from made_up import clip_rows, write_labels
from memory import size_of
from timing.measure import python

from rcnn.commands.arguments import Parser, positive
from rcnn.errors import run_script
from rcnn.faces.pooling import RandomMeans, Weighting, pool
from rcnn.faces.vectors import normalise
from rcnn.networks.graphs.classifier import ClassifierShape
from rcnn.scores.extra_classes import ExtraClasses
from rcnn.tables import StageWriter, features_schema, vector_array
from rcnn.tables.schema import MEANS
from rcnn.training.cosine import CosineClassifier
from rcnn.training.epochs import Schedule, train_epochs
from rcnn.training.mlp import Classifier, Learner, Trainable, initialise
from rcnn.training.momentum import Momentum

WIDTH, PEOPLE = 512, 10_034  # of iQIYI-VID-2019
CLUSTERS = 3_691  # of strangers, as reported by the winners
STRANGERS = 5  # one clip in so many
FACES = 14  # per clip, at sampling 3
MEANS_A_CLIP, SIZES = 3, (1, 3, 5)
BATCH = 5_000  # clips generated together
ROWS, STEPS, EPOCHS = 1024, 8, 40  # rows per step; measured steps; epochs per training
NOISE = 0.7  # norm of a track's noise around its person's unit vector: cosines of 0.67


def write_features(path: str, clips: int, whole: int, means: int) -> None:
    """Write a feature directory with `means` additional vectors per track, and its labels."""
    random = np.random.default_rng(0)
    clusters = max(1, CLUSTERS * clips // whole)  # each of as many clips as in the whole
    who = normalise(random.standard_normal((1 + PEOPLE + clusters, WIDTH), np.float32))
    schema = features_schema(WIDTH, True, bool(means))
    known: dict[str, int] = {}
    arguments = {"dataset": f"{path}-labels", "means": SIZES if means else None}
    with StageWriter(path, "feature", schema, arguments=arguments) as writer:
        for start in range(0, clips, BATCH):
            count = min(BATCH, clips - start)
            number = np.arange(start, start + count)
            stranger = number % STRANGERS == 0
            labels = np.where(stranger, 0, 1 + number % PEOPLE)
            person = np.where(stranger, PEOPLE + 1 + number // STRANGERS % (2 * clusters), labels)
            tracks = np.where(stranger | (number % 2 == 0), 1, 2)
            of, main = np.repeat(np.arange(count), tracks), np.r_[0, np.cumsum(tracks)[:-1]]
            vectors = random.standard_normal((len(of), WIDTH), np.float32) * NOISE / WIDTH**0.5
            comes_again = person <= PEOPLE + clusters
            vectors[main[comes_again]] += who[person[comes_again]]
            track = np.zeros(len(of), np.int32)
            track[np.setdiff1d(np.arange(len(of)), main)] = 1
            names = np.array([f"clip_{each:09d}.mp4" for each in number], object)
            columns = [pa.array(names[of]), pa.array(["train"] * len(of)), pa.array(track)]
            if means:
                more = random.standard_normal(len(of) * means * WIDTH, np.float32)
                columns.append(pa.ListArray.from_arrays(np.arange(len(of) + 1) * means * WIDTH, more).cast(MEANS[1]))
            rows = pa.RecordBatch.from_arrays([*columns, vector_array(normalise(vectors))], schema=schema)
            writer.add_rows(rows)
            writer.add_clips(clip_rows(names, ["train"] * count, 1))
            known.update(zip(names, labels.tolist(), strict=True))
    write_labels(f"{path}-labels", known)


def line(what: str, seconds: float, peak: float | str, whole: float, size: str = "") -> None:
    peak = peak if isinstance(peak, str) else f"{peak:,.0f}"
    print(f"| {what} | {seconds:,.1f} | {peak} | {size} | {whole:,.0f} |", flush=True)


def measured(what: str, times: float, action: Callable[[], object]) -> None:
    """Measure an action in this process that is 1/times of the whole."""
    began = time.process_time()
    action()
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    line(what, seconds, f"{peak:,.0f} of all so far", seconds * times)


def pooling(clips: int, whole: int) -> None:
    """feature.py's work apart from embedding, without and with the options."""
    random = np.random.default_rng(1)
    faces = normalise(random.standard_normal((FACES, WIDTH), np.float32))
    qualities, scores = random.random((2, FACES)).astype(np.float32)
    weighting, means = Weighting(True, True, 1.0), RandomMeans(SIZES, 1)
    measured("feature.py: pooling", whole / clips, lambda: [pool(faces, [FACES]) for _ in range(clips)])
    measured(
        "with --weights both",
        whole / clips,
        lambda: [pool(faces, [FACES], weighting.of(qualities, scores)) for _ in range(clips)],
    )
    measured(
        f"--means {','.join(map(str, SIZES))}, beside it",
        whole / clips,
        lambda: [means.of(faces, None, f"{clip}/0") for clip in range(clips)],
    )


def training(whole: int) -> None:
    """Steps of both heads, with and without classes of strangers; training time is proportional to its rows."""
    random = torch.Generator().manual_seed(0)
    for extra, rows in ((0, 1), (CLUSTERS, 1), (0, 1 + MEANS_A_CLIP), (CLUSTERS, 1 + MEANS_A_CLIP)):
        classes = 1 + PEOPLE + extra
        mlp = Classifier(ClassifierShape(WIDTH, 1024, classes))
        initialise(mlp, "r50", random)
        cosine = CosineClassifier(WIDTH, classes, 0.4, 16.0)
        heads: dict[str, Trainable] = {"mlp": mlp, "cosine": cosine}
        for name, head in heads.items():
            data = torch.randn(ROWS * STEPS, WIDTH, generator=random)
            labels = torch.randint(0, classes, (len(data),), generator=random)
            momentum = Momentum(head.named_mxnet_parameters(), 0.9, 0.0005)
            if name == "cosine":
                torch.nn.init.normal_(cosine.stage2_weight, generator=random)
            steps = EPOCHS * whole * rows / len(data)
            measured(
                f"train_mlp.py, {name}, {classes:,} classes, {rows} rows a clip, {EPOCHS} epochs",
                steps,
                lambda head=head, data=data, labels=labels, momentum=momentum: list(
                    train_epochs(Learner(head), (data, labels), None, Schedule(0.2, (9,), 0, 1, ROWS), momentum, random)
                ),
            )


def folding(whole: int) -> None:
    scores = np.random.default_rng(2).random((ROWS, 1 + PEOPLE + CLUSTERS), np.float32)
    extra = ExtraClasses(PEOPLE, CLUSTERS)
    measured("predict.py: strangers to nobody", whole / ROWS / STEPS, lambda: [
        extra.people_only(scores) for _ in range(STEPS)
    ])  # fmt: skip


def genfeat(clips: int, whole: int) -> None:
    """The stage with each of its options, in separate processes."""
    folder = Path(tempfile.mkdtemp())
    try:
        write_features(f"{folder}/feat", clips, whole, 0)
        write_features(f"{folder}/means", clips, whole, MEANS_A_CLIP)
        sizes = [f"{size_of(folder / name) / 1e6:,.0f} MB" for name in ("feat", "means")]
        print(f"features: {sizes[0]}, with means {sizes[1]}")
        for what, name, options in (
            ("genfeat.py", "feat", []),
            ("on features with means, without --means", "means", []),
            ("--means on", "means", ["--means", "on"]),
            ("--not-this-one on", "feat", ["--not-this-one", "on"]),
            ("--strangers classes", "feat", ["--strangers", "classes"]),
            ("all three", "means", ["--means", "on", "--not-this-one", "on", "--strangers", "classes"]),
        ):
            output = folder / "set"
            usage = python("genfeat.py", "--inputs", folder / name, "--output", output, "--overwrite", *options)
            size = f"{size_of(output) / 1e6:,.0f}"
            line(what, usage.cpu_seconds, usage.peak_mb, usage.cpu_seconds * whole / clips, size)
            print(
                "".join(f"  {words}\n" for words in usage.output.splitlines() if words.startswith("genfeat: ")), end=""
            )
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/training_rows.py --clips 60000")
    parser.add_argument("--clips", default=60_000, type=positive, help="clips to generate and measure")
    parser.add_argument("--stages", default="feature,train_mlp,predict,genfeat", help="stages to measure")
    parser.add_argument("--whole", default=565_000, type=positive, help="clips that the last column extrapolates to")
    args = parser.parse_args()
    print(f"{args.clips} clips, {WIDTH} wide, {PEOPLE} people, {MEANS_A_CLIP} means a track")
    print(f"| what | CPU s | peak MB | output MB | CPU s at {args.whole:,} |")
    print("| --- | ---: | ---: | ---: | ---: |")
    torch.set_num_threads(1)
    stages = args.stages.split(",")
    if "feature" in stages:
        pooling(args.clips // 10, args.whole)
    if "train_mlp" in stages:
        training(args.whole)
    if "predict" in stages:
        folding(args.whole)
    if "genfeat" in stages:
        genfeat(args.clips, args.whole)


if __name__ == "__main__":
    run_script(main)
