"""The clips whose vectors are most like a given one, in one pass over any number of clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..errors import InputError
from ..faces.vectors import normalise
from ..tables import StageReader, clip_starts, vectors

BLOCK_ROWS = 4096  # clips that are compared at once: 8 MB of vectors 512 wide


@dataclass(frozen=True)
class Match:
    """A clip that was found: its similarity is the cosine of its vector and the one looked for, -1..1."""

    clip: str
    split: str
    label: int
    similarity: float


@dataclass(frozen=True)
class Likeness:
    """How like somebody known is: the mean and the best similarity over the `clips` that carry the label."""

    label: int
    mean: float
    best: float
    clips: int


@dataclass(frozen=True)
class Found:
    """What a search gives.

    matches : most like first; of equal ones the earlier name
    people : of the labels, most like first by the mean
    clips : that were compared
    mean, deviation : of the similarities of all clips, to see what is much
    """

    matches: Sequence[Match]
    people: Sequence[Likeness]
    clips: int
    mean: float
    deviation: float


def nearest(readers: Sequence[StageReader], vector: np.ndarray, count: int = 100) -> Found:
    """Compare a vector with every clip; a clip with several tracks is as like as the likest of them.

    The memory that it takes grows with `count` and the number of labels only, not with the clips.

    Parameters
    ----------
    readers : of features; a clip that is in two of them counts once
    vector : (D,) float32 of any length but 0
    count : clips to give

    Raises
    ------
    InputError
        If the vectors of clips have another width.
    """
    wanted = normalise(vector.reshape(1, -1))[0]
    best: list[Match] = []
    people = _People()
    total, total_square, clips = 0.0, 0.0, 0
    for reader in readers:
        if reader.width != len(wanted):
            raise InputError(
                f"{reader.path}: its vectors are {reader.width} wide, that of the photograph {len(wanted)}; "
                "embed it with the model that made the features"
            )
        for batch, similarities in _compare(reader, wanted):
            labels = batch.column("label").to_numpy()
            people.add(labels, similarities)
            clips += len(similarities)
            total += float(similarities.sum(dtype=np.float64))
            total_square += float((similarities.astype(np.float64) ** 2).sum())
            least = best[-1].similarity if len(best) == count else -np.inf
            rows = np.flatnonzero(similarities >= least)
            if len(rows) > count:  # all that are as like as the last one stay, for names to decide
                edge = -np.partition(-similarities[rows], count - 1)[count - 1]
                rows = rows[similarities[rows] >= edge]
            names, splits = batch.column("name"), batch.column("split")
            best += [
                Match(names[row].as_py(), splits[row].as_py(), int(labels[row]), float(similarities[row]))
                for row in rows.tolist()
            ]
            best = _best(best, count)
    mean = total / clips if clips else 0.0
    variance = max(total_square / clips - mean**2, 0.0) if clips else 0.0
    return Found(best, people.result(), clips, mean, variance**0.5)


def _compare(reader: StageReader, wanted: np.ndarray) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Name, split and label of clips, a row each, and their similarities."""
    held: tuple[pa.RecordBatch, np.ndarray] | None = None  # the last clip, whose tracks may go on in the next block
    for batch in reader.batches(rows=BLOCK_ROWS):
        block = vectors(batch.column("feature"))
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
        similarities = (block @ wanted) / np.maximum(lengths, np.finfo(np.float32).tiny)
        rows = batch.select(["name", "split", "label"])
        if not reader.tracked:
            yield rows, similarities
            continue
        if held is not None:
            rows = pa.concat_batches([held[0], rows])
            similarities = np.concatenate([held[1], similarities])
        names = rows.column("name").to_pylist()
        starts = clip_starts(names)
        rows, similarities = rows.take(pa.array(starts)), np.maximum.reduceat(similarities, starts)
        held = rows.slice(len(starts) - 1), similarities[-1:]
        if len(starts) > 1:
            yield rows.slice(0, len(starts) - 1), similarities[:-1]
    if held is not None:
        yield held


def _best(matches: list[Match], count: int) -> list[Match]:
    once: dict[str, Match] = {}
    for match in sorted(matches, key=lambda match: (-match.similarity, match.clip)):
        once.setdefault(match.clip, match)
    return list(once.values())[:count]


class _People:
    """Mean and best similarity of each label above 0."""

    def __init__(self) -> None:
        self.sums, self.counts, self.best = np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.float32)

    def add(self, labels: np.ndarray, similarities: np.ndarray) -> None:
        known = labels > 0
        labels, similarities = labels[known], similarities[known]
        if not len(labels):
            return
        grown = int(labels.max()) + 1 - len(self.sums)
        if grown > 0:
            self.sums = np.concatenate([self.sums, np.zeros(grown)])
            self.counts = np.concatenate([self.counts, np.zeros(grown, np.int64)])
            self.best = np.concatenate([self.best, np.full(grown, -1, np.float32)])
        np.add.at(self.sums, labels, similarities)
        np.add.at(self.counts, labels, 1)
        np.maximum.at(self.best, labels, similarities)

    def result(self) -> list[Likeness]:
        labels = np.flatnonzero(self.counts)
        people = [
            Likeness(
                label, float(self.sums[label] / self.counts[label]), float(self.best[label]), int(self.counts[label])
            )
            for label in labels.tolist()
        ]
        return sorted(people, key=lambda person: (-person.mean, person.label))
