"""Cost of each option at the size of the challenge, on synthetic vectors: the cost table of docs/ranking.md.

python -m benchmarks.ranking.cost
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from rcnn.faces.tracking import track_faces
from rcnn.networks.graphs.classifier import ClassifierShape
from rcnn.people.teaching import agreeing_tracks
from rcnn.tables.join import Batch
from rcnn.training.cosine import CosineClassifier, start_at_templates
from rcnn.training.epochs import Schedule, train_epochs
from rcnn.training.mlp import Classifier, Learner, initialise
from rcnn.training.momentum import Momentum

TRAIN, TEST, CLASSES, WIDTH = 392_537, 172_835, 4_935, 512
BATCH, STEPS = 1024, 20
TRACKS = 1.5  # per clip, with all faces
NEIGHBOURS = 20_000  # clips searched for neighbours in re-ranking; the cost is scaled quadratically to TEST


def report(name: str, size: float, action: Callable[[], object]) -> None:
    """Print the extrapolated seconds of an action that is 1/size of the whole, and this process's peak memory so
    far."""
    started = time.monotonic()
    action()
    seconds = (time.monotonic() - started) * size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"| {name} | {seconds:,.1f} | {peak:.1f} |", flush=True)


def vectors(count: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((count, WIDTH), np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def main() -> None:
    print("| what | seconds | peak so far, GB |")
    print("| --- | ---: | ---: |")
    random = np.random.default_rng(0)
    frames, boxes = np.repeat(np.arange(3, 126, 3), 2), np.tile([[50, 50, 150, 150], [500, 50, 600, 150]], (41, 1))
    # two people, each self-similar across frames and dissimilar to the other
    faces, central = np.tile(vectors(2, 1), (41, 1)) + vectors(82, 2) / 2, np.tile([True, False], 41)
    track_faces(frames, boxes.astype(np.float32), central, faces)  # triggers imports, once per process
    report("tracks of all clips, 5 s with two faces each, one core", (TRAIN + TEST) / 100,
           lambda: [track_faces(frames, boxes.astype(np.float32), central, faces) for _ in range(100)])  # fmt: skip
    features = torch.from_numpy(vectors(BATCH * STEPS, 2))
    labels = torch.from_numpy(random.integers(0, CLASSES, len(features)))
    generator = torch.Generator().manual_seed(0)
    schedule, whole = Schedule(0.2, (30,), 0, 1, BATCH), 40 * TRAIN / len(features)

    mlp = Classifier(ClassifierShape(WIDTH, 1024, CLASSES))
    initialise(mlp, "r50", generator)
    slow = Momentum(mlp.named_mxnet_parameters(), 0.9, 0.0005)
    data = features, labels
    report("train_mlp.py, mlp head, 40 epochs", whole,
           lambda: list(train_epochs(Learner(mlp), data, None, schedule, slow, generator)))  # fmt: skip
    cosine = CosineClassifier(WIDTH, CLASSES, 0.4, 16.0)
    start_at_templates(cosine, features, labels, generator)
    fast = Momentum(cosine.named_mxnet_parameters(), 0.9, 0.0005)
    report("train_mlp.py, cosine head, 40 epochs", whole,
           lambda: list(train_epochs(Learner(cosine), data, None, schedule, fast, generator)))  # fmt: skip
    rows = torch.from_numpy(vectors(4096, 3))
    for name, model in (("mlp", mlp), ("cosine", cosine)):
        model.eval()
        with torch.no_grad():
            report(f"scores of the test clips, {name} head, a row a clip", TEST / len(rows), lambda m=model: m(rows))
            report(f"the same, {TRACKS} tracks a clip", TEST * TRACKS / len(rows), lambda m=model: m(rows))
    some = torch.from_numpy(vectors(NEIGHBOURS, 4))
    report("not kept: neighbours for re-ranking (10 of each)", (TEST / NEIGHBOURS) ** 2,
           lambda: [(part @ some.T).topk(10) for part in some.split(1000)])  # fmt: skip
    labels = {f"{clip:07}": 1 + clip % (CLASSES - 1) for clip in range(TRAIN // 4 + 1024)}
    report(
        "genfeat.py --tracks agree, a third of the clips with two tracks", 4, lambda: agreeing_tracks(_clips, labels)
    )


def _clips() -> Iterator[Batch]:
    """A quarter of the labelled clips; a third of them have a second track."""
    random = np.random.default_rng(5)
    for start in range(0, TRAIN // 4, 1024):
        names = [f"{start + at:07}" for at in range(1024) for _ in range(1 + (at % 3 == 0))]
        values = random.standard_normal((len(names), WIDTH), np.float32)
        yield Batch(names, ["train"] * len(names), values)


if __name__ == "__main__":
    main()
