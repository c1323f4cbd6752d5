"""Training data from unknown people: clips of strangers, and companions of known people, as classes or as class 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..clips.labels import Labels, labels_of
from ..config import config
from ..faces.vectors import normalise
from ..tables import clip_starts
from ..tables.join import Batch

Place = tuple[str, int]  # a track: name of its clip, and its index among the clip's tracks
BLOCK = 4096  # tracks compared together


@dataclass(frozen=True)
class Clips:
    """The n clips of a batch; its rows are their tracks.

    starts : (n,) int, the first row of each clip
    counts : (n,) int, tracks of each clip
    labels : (n,) int32, label of a known person; 0 for nobody known
    chosen : (n,) int, the row used for training: the track of the labelled person, else the main track
    """

    batch: Batch
    starts: np.ndarray
    counts: np.ndarray
    labels: np.ndarray
    chosen: np.ndarray

    @staticmethod
    def of(batch: Batch, known: Labels, chosen: Mapping[str, int]) -> Clips:
        """Clips of a batch.

        Parameters
        ----------
        chosen : index of the training track, by clip name; 0 if missing
        """
        starts = np.array(clip_starts(batch.names), np.int64)
        names = [batch.names[row] for row in starts]
        labels = labels_of(names, [batch.splits[row] for row in starts], known)
        places = np.array([chosen.get(name, 0) for name in names], np.int64)
        counts = np.diff([*starts, len(batch.names)])
        return Clips(batch, starts, counts, np.maximum(labels, config.SUBMIT.NOBODY), starts + places)

    def others(self) -> np.ndarray:
        """The rows (m,) int of tracks in a known person's clip other than the chosen one."""
        beside = np.repeat(self.labels != config.SUBMIT.NOBODY, self.counts)
        beside[self.chosen] = False
        return np.flatnonzero(beside)

    def places(self, rows: np.ndarray) -> list[Place]:
        """The places of some rows."""
        starts = np.repeat(self.starts, self.counts)
        return [(self.batch.names[row], int(row - starts[row])) for row in rows]


@dataclass(frozen=True)
class Templates:
    """Templates of the known people: (p, D) float32, unit; p may be 0."""

    vectors: np.ndarray

    @staticmethod
    def of(clips: Iterable[Clips]) -> Templates:
        """The normalised sums of the chosen tracks of each label; keeps one vector per label in memory."""
        sums: dict[int, np.ndarray] = {}
        for each in clips:
            rows = np.flatnonzero(each.labels != config.SUBMIT.NOBODY)
            unit = normalise(each.batch.vectors[each.chosen[rows]])
            for label, vector in zip(each.labels[rows].tolist(), unit, strict=True):
                sums[label] = sums[label] + vector if label in sums else vector
        return Templates(normalise(np.stack(list(sums.values()))) if sums else np.zeros((0, 0), np.float32))

    def likeness(self, vectors: np.ndarray) -> np.ndarray:
        """(n,) float32, the highest cosine of each vector (n, D) with a template; -1 without known people."""
        if not len(self.vectors) or not len(vectors):
            return np.full(len(vectors), -1, np.float32)
        blocks = (normalise(vectors[at : at + BLOCK]) for at in range(0, len(vectors), BLOCK))
        return np.concatenate([(block @ self.vectors.T).max(1) for block in blocks])


def companions(clips: Clips, templates: Templates) -> np.ndarray:
    """The rows (m,) int of tracks in clips of known people that show no known person.

    A track as similar to a known person as two faces of one person is left out: it may show that person, and would
    train the classifier to reject them.
    """
    rows = clips.others()
    return rows[templates.likeness(clips.batch.vectors[rows]) < config.TRACK.ALIKE]


@dataclass(frozen=True)
class Strangers:
    """Classes of unknown people, numbered above the known ones.

    people : the largest label of a known person
    classes : number of additional classes
    labels : class of each grouped track; other tracks are class 0
    """

    people: int
    classes: int = 0
    labels: Mapping[Place, int] = field(default_factory=dict)

    @staticmethod
    def of(
        clips: Iterable[Clips],
        templates: Templates,
        beside: bool,
        people: int,
        least: int,
        group: Callable[[np.ndarray], np.ndarray],
    ) -> Strangers:
        """Group the main tracks of clips of unknown people, and the companions of known people.

        A group whose mean is as similar to a known person as two tracks of one person forms no class: it may show that
        person, and would compete for the person's clips.

        Parameters
        ----------
        beside : whether to include companions
        people : see `Strangers`
        least : minimum number of clips per class
        group : groups unit vectors (n, D) float32, all in memory: (n,) int, -1 for tracks without group
        """
        places: list[Place] = []
        parts: list[np.ndarray] = []
        for each in clips:
            rows = each.chosen[each.labels == config.SUBMIT.NOBODY]
            if beside:
                rows = np.sort(np.concatenate([rows, companions(each, templates)]))
            places += each.places(rows)
            parts.append(normalise(each.batch.vectors[rows]))
        if not places:
            return Strangers(people)
        vectors = np.concatenate(parts)
        parts.clear()
        groups = group(vectors)
        names = np.array([name for name, _ in places], object)
        labels: dict[Place, int] = {}
        classes = 0
        for members in _members(groups):
            mean = vectors[members].sum(0)[None]
            if len(set(names[members])) >= least and templates.likeness(mean)[0] < config.TRACK.JOIN:
                classes += 1
                labels.update((places[member], people + classes) for member in members)
        return Strangers(people, classes, labels)


def _members(groups: np.ndarray) -> list[np.ndarray]:
    """The tracks of each group, by group number; -1 is skipped."""
    order = np.argsort(groups, kind="stable")
    first = np.searchsorted(groups[order], 0)
    cuts = np.flatnonzero(np.diff(groups[order][first:])) + 1
    return [part for part in np.split(order[first:], cuts) if len(part)]
