"""The number of photographs per person from which a trained head ranks better than templates.

    python benchmarks/few.py --cache output/few.npz

People are split by a hash of the name: heads were chosen on one half, `--check` evaluates on the other. Some
photographs of some people are for training. Their other photographs are to be ranked among one photograph of everybody
else.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.models import OWN_EMBEDDING, PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.commands.arguments import Parser, numbers, positive
from rcnn.errors import InputError, run_script
from rcnn.faces.choice import central_crop
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import normalise
from rcnn.networks.engine import CPU
from rcnn.networks.graphs.classifier import ClassifierShape
from rcnn.scores.metrics import mean_average_precision, score
from rcnn.stages.head_choice import Head
from rcnn.stages.heads import HeadTrainer
from rcnn.stages.settings import TrainSettings
from rcnn.stages.settings.vectors import AUTO, COSINE, MLP, TEMPLATES
from rcnn.stages.training_set import TrainingSet
from rcnn.training.epochs import train_epochs
from rcnn.training.judging import mean_precision
from rcnn.training.mlp import Learner
from rcnn.training.people import held_out
from rcnn.training.team import Team
from rcnn.video.photographs import read_image

DETECTOR = PUBLISHED_DETECTOR
MODELS = {"MobileFaceNet": PUBLISHED_EMBEDDING, "face-m": OWN_EMBEDDING}
OURS = "face-m"  # trained on most of the people: only held-out people count
CLEAN, SMALL = "clean", "small"  # photographs; the same downscaled, dark and noisy
CHUNK = 64  # photographs in memory at a time
MOST = 40  # most photographs per person to rank
NEAREST = "nearest centroid"
HEADS = {
    "templates": (TEMPLATES, AUTO),
    "cosine": (COSINE, AUTO),
    "mlp, by steps": (MLP, AUTO),
    "mlp, seed": (MLP, MLP),
}


def worse(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A crop (112, 112, 3) uint8 degraded as by a bad camera."""
    side = int(random.integers(14, 36))
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    noisy = large * random.uniform(0.4, 1.1) + random.normal(0, random.uniform(2, 10), crop.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def embed(folder: Path, cache: Path) -> dict[str, np.ndarray]:
    """Embeddings (n, D) by `MODEL/QUALITY`, and `names` (n,) `PERSON/FILE`; cached in a file."""
    if cache.exists():
        with np.load(cache) as kept:
            return dict(kept)
    paths = sorted(folder.glob("*/*.jpg"))
    if not paths:
        raise InputError(f"--faces {folder}: contains no PERSON/*.jpg; give the folder above the people")
    detector, random = load_detector(DETECTOR, CPU), np.random.default_rng(0)
    embedders = {name: load_embedder(model, CPU) for name, model in MODELS.items()}
    names: list[str] = []
    found: dict[str, list[np.ndarray]] = {f"{name}/{quality}": [] for name in MODELS for quality in (CLEAN, SMALL)}
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        images = [read_image(path) for path in chunk]
        faces = detector.detect(images, scales=(1.0,), batch_size=8)
        crops = [central_crop(image, of) for image, of in zip(images, faces, strict=True) if len(of)]
        names += [f"{path.parent.name}/{path.name}" for path, of in zip(chunk, faces, strict=True) if len(of)]
        for quality, shown in {CLEAN: crops, SMALL: [worse(crop, random) for crop in crops]}.items():
            for name, embedder in embedders.items():
                found[f"{name}/{quality}"].append(embedder.embed(shown))
    result = {"names": np.array(names), **{key: normalise(np.concatenate(parts)) for key, parts in found.items()}}
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, **result)
    return result


def number(purpose: str, name: str) -> int:
    """A hash of the name, equal on every machine."""
    return int.from_bytes(hashlib.sha256(f"{purpose}/{name}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Draw:
    """Rows of the training and the ranked photographs, with their labels; 0 for strangers."""

    learnt: np.ndarray
    learnt_labels: np.ndarray
    ranked: np.ndarray
    ranked_labels: np.ndarray


def draw(people: dict[str, np.ndarray], known: int, items: int, seed: int) -> Draw:
    """Draw at most `known` people with more than `items` photographs, and one photograph of everybody else."""
    random = np.random.default_rng(seed)
    chosen = sorted((name for name in people if len(people[name]) > items), key=lambda name: number(str(seed), name))
    chosen = sorted(chosen[:known])
    shuffled = [random.permutation(people[name]) for name in chosen]
    others = np.array([people[name][0] for name in sorted(people) if name not in chosen])
    left = [rows[items : items + MOST] for rows in shuffled]
    return Draw(
        np.concatenate([rows[:items] for rows in shuffled]),
        np.repeat(np.arange(1, len(chosen) + 1), items),
        np.concatenate([*left, others]),
        np.concatenate([*(np.full(len(rows), label) for label, rows in enumerate(left, 1)), 0 * others]),
    )


def nearest(vectors: np.ndarray, drawn: Draw) -> float:
    """MAP@100 by cosine to the nearest centroid."""
    classes = int(drawn.learnt_labels.max()) + 1
    sums = np.zeros((classes, vectors.shape[1]))
    np.add.at(sums, drawn.learnt_labels, vectors[drawn.learnt])
    order = np.argsort(-(vectors[drawn.ranked] @ normalise(sums).T), 0, kind="stable")
    ranking = {label: [str(row) for row in order[:, label]] for label in range(1, classes)}
    truth = {label: [str(row) for row in np.flatnonzero(drawn.ranked_labels == label)] for label in range(1, classes)}
    return mean_average_precision(score(ranking, truth))


def measure(vectors: np.ndarray, drawn: Draw, kind: str, asked: str) -> float:
    """MAP@100 of a head trained as by train_mlp.py."""
    labels = drawn.learnt_labels.astype(np.int64)
    learnt = vectors[drawn.learnt].astype(np.float32)
    rows = np.ones(len(labels), bool)
    data = TrainingSet(learnt, labels, rows)
    settings = TrainSettings(head=asked)
    shape = ClassifierShape(learnt.shape[1], settings.num_filter, data.classes)
    trainer = HeadTrainer(settings, Team(), data, shape, 4935, torch.device("cpu"))
    head = Head(kind, "")
    model, optimizer, generator = trainer.begin(head, rows)
    schedule = trainer.schedule(head, len(labels))
    for _ in train_epochs(Learner(model), data.rows(rows, trainer.device), None, schedule, optimizer, generator):
        pass
    ranked = torch.from_numpy(vectors[drawn.ranked].astype(np.float32))
    result = mean_precision(model, ranked, torch.from_numpy(drawn.ranked_labels), np.unique(labels))
    return float("nan") if result is None else result


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/few.py --cache output/few.npz")
    add = parser.add_argument
    add("--faces", default="../shared/faces", type=Path, metavar="DIR", help="folder of PERSON/*.jpg")
    add("--cache", default="output/few.npz", type=Path, metavar="FILE", help="cache of the embeddings")
    add("--people", default=(10, 30, 100, 1000), type=numbers, metavar="N,...", help="numbers of known people")
    add("--items", default=(1, 2, 3, 5, 10, 20, 40), type=numbers, metavar="N,...", help="photographs per person")
    add("--draws", default=5, type=positive, metavar="N", help="random draws of people and photographs")
    add("--cheap", action="store_true", help="skip the fully connected heads, which take minutes")
    add("--check", action="store_true", help="use the half of the people reserved for evaluation")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = embed(args.faces, args.cache)
    owners = [name.partition("/")[0] for name in found["names"]]
    heads = [head for head, (kind, _) in HEADS.items() if not (args.cheap and kind == MLP)]
    print(f"{'':<24}{'people':>7}{'each':>5}{NEAREST:>19}" + "".join(f"{head:>19}" for head in heads))
    for key in (key for key in found if key != "names"):
        people: dict[str, list[int]] = {}
        for row, name in enumerate(owners):
            # few people are held out, so both halves are used; nothing was tuned on them alone
            if held_out(name) if key.startswith(OURS) else number("few", name) % 2 == args.check:
                people.setdefault(name, []).append(row)
        rows = {name: np.array(own) for name, own in people.items()}
        seen = set()
        for known in map(int, args.people):
            for items in map(int, args.items):
                there = min(known, sum(len(own) > items for own in rows.values()))
                if there < 5 or (there, items) in seen:
                    continue
                seen.add((there, items))
                results = []
                for seed in range(args.draws):
                    drawn = draw(rows, known, items, seed)
                    ours = [measure(found[key], drawn, *HEADS[head]) for head in heads]
                    results.append([100 * value for value in (nearest(found[key], drawn), *ours)])
                mean, spread = np.mean(results, 0), np.std(results, 0)
                figures = "".join(f"{value:>12.2f} ± {wide:4.2f}" for value, wide in zip(mean, spread, strict=True))
                print(f"{key:<24}{there:>7}{items:>5}{figures}", flush=True)


if __name__ == "__main__":
    run_script(main)
