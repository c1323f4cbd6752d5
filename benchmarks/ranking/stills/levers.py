"""Measures ranking options on val, alone and combined, from a table of faces: seconds instead of minutes.

Training uses the train clips, and half of the strangers of val for class 0; ranked are the known clips of val and the
other half. Then the halves are swapped, and the mean counts. So a stranger is never both in training and ranked, and no
test clip of the same seed is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from rcnn.clips.dataset import NOBODY_KNOWN, TRAIN, VAL
from rcnn.faces.vectors import normalise
from rcnn.networks.graphs.classifier import ClassifierShape
from rcnn.people.teaching import agreeing_tracks
from rcnn.scores.metrics import mean_average_precision, score
from rcnn.stages.scoring import softmax
from rcnn.tables.join import Batch
from rcnn.training.cosine import CosineClassifier, start_at_templates
from rcnn.training.epochs import Schedule, train_epochs
from rcnn.training.mlp import Classifier, Learner, Trainable, initialise
from rcnn.training.momentum import Momentum

from .faces import FaceTable
from .recipes import THRESHOLD
from .sets import PEOPLE

MLP, COSINE, CENTROID = "mlp", "cosine", "centroid"
Scorer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Levers:
    """A ranking method; the defaults are those of the challenge's baseline, with the protocol's quality threshold.

    tracks : use all faces, by track, and score a clip by its best track; else only the central faces
    agree : train on the track most similar to the label's other clips, else on the main track
    augment : see feature.py --aug
    quality, confidence : exponents of a face's quality and score in its weight
    outliers : drop faces whose cosine to the mean is this much below the median; 0: none
    subset : each epoch trains on one to five random faces of a clip instead of all
    strangers : whether class 0 is trained
    head, rate, epochs, margin, scale : of the classifier; rate None: train_mlp.py's default, scaled
    by_softmax : score by softmax, else by cosine or logit
    together : weight of an MLP's softmax that is added
    rounds, share : of re-ranking: a clip takes a share from its k-reciprocal neighbours
    expand : query expansion: add a clip's nearest vectors, weighted by this power of the cosine
    runner_up : subtract this share of the second best class's score
    """

    tracks: bool = False
    agree: bool = False
    augment: int = 0
    threshold: float = THRESHOLD
    quality: float = 0.0
    confidence: float = 0.0
    outliers: float = 0.0
    subset: bool = False
    strangers: bool = True
    head: str = MLP
    rate: float | None = None
    epochs: int = 40
    margin: float = 0.4
    scale: float = 16.0
    by_softmax: bool = True
    together: float = 0.0
    rounds: int = 0
    share: float = 1.0
    expand: float = 0.0
    runner_up: float = 0.0


@dataclass(frozen=True)
class Row:
    """A track of a clip: its vector (D,) and the rows of its faces in the table."""

    vector: np.ndarray
    faces: np.ndarray


def weights(table: FaceTable, faces: np.ndarray, levers: Levers) -> np.ndarray:
    """(n,) weight of each face."""
    return table.qualities[faces] ** levers.quality * table.scores[faces] ** levers.confidence


def pool(table: FaceTable, faces: np.ndarray, levers: Levers) -> np.ndarray:
    """The pooled vector (D,) of some faces."""
    vectors = table.embeddings[faces, levers.augment]
    weight = weights(table, faces, levers)
    if levers.outliers and len(faces) > 2:
        cosines = vectors @ normalise(weight @ vectors)
        weight = weight * (cosines >= np.median(cosines) - levers.outliers)
    return normalise(weight @ vectors)


def rows_of(table: FaceTable, levers: Levers) -> dict[str, list[Row]]:
    """The tracks of each clip with a face of sufficient quality."""
    result = {}
    for name, faces in table.clips.items():
        chosen = faces if levers.tracks else faces[table.central[faces]]
        chosen = chosen[table.qualities[chosen] >= levers.threshold]
        tracks = table.tracks[chosen] if levers.tracks else np.zeros(len(chosen), int)
        parts = [chosen[tracks == track] for track in sorted(set(tracks.tolist()))]
        if parts:
            result[name] = [Row(pool(table, part, levers), part) for part in parts]
    return result


def _teachers(rows: dict[str, list[Row]], labels: dict[str, int], agree: bool) -> list[tuple[Row, int]]:
    chosen: dict[str, int] = {}
    if agree:
        names = [name for name in labels for _ in rows[name]]
        vectors = np.stack([row.vector for name in labels for row in rows[name]])
        batch = Batch(names, [TRAIN] * len(names), vectors)
        chosen = agreeing_tracks(lambda: [batch], labels)
    return [(rows[name][chosen.get(name, 0)], label) for name, label in labels.items()]


def _network(levers: Levers, head: str, width: int) -> Trainable:
    if head == COSINE:
        return CosineClassifier(width, PEOPLE + 1, levers.margin, levers.scale)
    return Classifier(ClassifierShape(width, 1024, PEOPLE + 1))


def fit(table: FaceTable, teachers: list[tuple[Row, int]], levers: Levers, head: str) -> Scorer:
    """Train; returns a function from vectors (n, D) to scores (n, classes)."""
    vectors = np.stack([row.vector for row, _ in teachers]).astype(np.float32)
    labels = np.array([label for _, label in teachers])
    if head == CENTROID:
        sums = np.zeros((PEOPLE + 1, vectors.shape[1]), np.float32)
        np.add.at(sums, labels, vectors)
        sums[0] = 0
        known = normalise(sums)
        return lambda new: levers.scale * new @ known.T
    generator = torch.Generator().manual_seed(0)
    model = _network(levers, head, vectors.shape[1])
    if isinstance(model, CosineClassifier):
        start_at_templates(model, torch.from_numpy(vectors), torch.from_numpy(labels), generator)
    else:
        initialise(model, "r50", generator)
    size = min(1024, max(16, len(labels) // 16))  # as in train_mlp.py
    rate = 0.2 * size / 1024 if levers.rate is None else levers.rate
    steps = tuple(round(levers.epochs * part) for part in (0.75, 0.875, 1))
    schedule = Schedule(rate, steps, 0, levers.epochs, size)
    optimizer = Momentum(model.named_mxnet_parameters(), 0.9, 0.0005)
    random = np.random.default_rng(0)
    targets = torch.from_numpy(labels)
    for epoch in range(levers.epochs) if levers.subset else (None,):
        if epoch is None:
            now, data = schedule, vectors
        else:
            now = Schedule(schedule.rate_of(epoch), (levers.epochs + 1,), epoch, epoch + 1, size)
            some = [random.permutation(row.faces)[: random.integers(1, 6)] for row, _ in teachers]
            data = np.stack([pool(table, faces, levers) for faces in some]).astype(np.float32)
        for _ in train_epochs(Learner(model), (torch.from_numpy(data), targets), None, now, optimizer, generator):
            pass
    model.eval()

    def scores(new: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(new.astype(np.float32))).numpy()

    return scores


def rank(rows: list[list[Row]], scorers: list[tuple[float, Scorer]], levers: Levers) -> np.ndarray:
    """Combined scores (clips, classes)."""
    vectors = np.stack([row.vector for tracks in rows for row in tracks])
    starts = np.cumsum([0, *(len(tracks) for tracks in rows[:-1])])
    if levers.expand:
        near = _reciprocal(vectors, levers.expand)
        vectors = normalise(vectors + near @ vectors)
    total = sum(weight * (softmax(found) if levers.by_softmax else found)
                for weight, found in ((weight, scorer(vectors)) for weight, scorer in scorers))  # fmt: skip
    if levers.runner_up:
        first_two = np.sort(total, 1)[:, :-3:-1]
        second = np.where(total == first_two[:, :1], first_two[:, 1:], first_two[:, :1])
        total = total - levers.runner_up * second
    best = np.maximum.reduceat(total, starts, axis=0)
    if levers.rounds:
        ends = [*starts[1:], len(vectors)]
        top = [start + int(total[start:end, 1:].max(1).argmax()) for start, end in zip(starts, ends, strict=True)]
        near = _reciprocal(vectors[top], 2.0)
        for _ in range(levers.rounds):
            best = (best + levers.share * near @ best) / (1 + levers.share * near.sum(1, keepdims=True))
    return best


def _reciprocal(vectors: np.ndarray, power: float, count: int = 8, least: float = 0.35) -> np.ndarray:
    """(n, n) cosine to a power between mutual nearest neighbours, else 0."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    near = np.zeros(cosines.shape, bool)
    np.put_along_axis(near, np.argsort(-cosines, 1)[:, :count], True, 1)
    return np.where(near & near.T & (cosines > least), np.maximum(cosines, 0) ** power, 0)


def measure(table: FaceTable, levers: Levers, few: bool = False) -> float:
    """MAP@100 on val in percent, the mean over both halves."""
    torch.set_num_threads(1)
    rows = rows_of(table, levers)
    val = [clip for clip in table.placed if clip.split == VAL]
    strangers = sorted(clip.name for clip in val if clip.label == NOBODY_KNOWN)
    known = {
        clip.name: clip.label
        for clip in table.placed
        if clip.split == TRAIN and clip.name in rows and (not few or clip.name in table.few)
    }
    truth: dict[int, list[str]] = {}
    for clip in val:
        if clip.label != NOBODY_KNOWN:
            truth.setdefault(clip.label, []).append(clip.name)
    results = []
    for learnt in (strangers[::2], strangers[1::2]):
        teachers = _teachers(rows, known, levers.tracks and levers.agree)
        if levers.strangers and levers.head != CENTROID:
            teachers += [(rows[name][0], 0) for name in learnt if name in rows]
        scorers = [(1.0, fit(table, teachers, levers, levers.head))]
        if levers.together:
            scorers.append((levers.together, fit(table, teachers, levers, MLP)))
        names = [clip.name for clip in val if clip.name not in learnt and clip.name in rows]
        scores = rank([rows[name] for name in names], scorers, levers)
        order = np.argsort(-scores, 0, kind="stable")[:100]
        ranking = {label: [names[row] for row in order[:, label]] for label in range(1, PEOPLE + 1)}
        results.append(100 * mean_average_precision(score(ranking, truth)))
    return float(np.mean(results))
