"""Applies answers to the gallery: they change templates and decide verdicts.

A confirmed track adds a vector to the person's template. A share of the mean of the denied tracks is subtracted. A
template with vectors of dark or small faces has higher cosines with all such faces than one of photographs. So the
cosines of each affected person are shifted back to the previous scale: the `QUANTILE` of the cosines with other people
stays fixed. docs/review-details.md has the measurement.
of what does not show the person stays where it was. docs/review-details.md has the measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..faces.vectors import normalise
from ..scores.calibration import Trials
from ..tables import clip_starts
from .meaning import Given, Spot
from .templates import NOBODY, Gallery

PENALTY = 0.25  # weight of the mean of the denied tracks, subtracted from the person's mean; benchmarks/review.py
QUANTILE = 0.9  # of the cosines with other people, kept fixed; benchmarks/review.py
LIKE = 0.3  # cosine from which a track may show the person and is not counted among the others
FEWEST_OTHERS = 20  # tracks; with fewer, cosines are not shifted
SINGLE = 32  # tracks of a person without photographs used to compare single tracks


@dataclass(frozen=True)
class Lesson:
    """The vectors behind a person's template.

    photographs : sum (D,) float64 of the unit vectors of labelled clips
    count : number of these clips
    spots, own : other tracks that show the person, and their unit vectors (n, D) float32
    not_spots, denied : tracks denied to the person, and their unit vectors (m, D) float32
    """

    photographs: np.ndarray
    count: int
    spots: tuple[Spot, ...]
    own: np.ndarray
    not_spots: tuple[Spot, ...]
    denied: np.ndarray

    @property
    def vectors(self) -> int:
        """Number of vectors of the person."""
        return self.count + len(self.own)

    @cached_property
    def among(self) -> frozenset[Spot]:
        """The tracks of `own`."""
        return frozenset(self.spots)

    @cached_property
    def _total(self) -> np.ndarray:
        total: np.ndarray = self.photographs + self.own.sum(0, np.float64)
        return total

    @cached_property
    def _penalty(self) -> np.ndarray | float:
        return PENALTY * self.denied.mean(0, np.float64) if len(self.denied) else 0.0

    def template(self, without: np.ndarray | None = None) -> np.ndarray:
        """(D,) float32, unit; optionally leaving out one of its vectors, which must not be the only one."""
        mean = self._total / max(self.vectors, 1) if without is None else (self._total - without) / (self.vectors - 1)
        return normalise(mean - self._penalty)

    def shift(self, spots: Sequence[Spot], cohort: np.ndarray) -> float:
        """The increase of other people's cosines over a template of the photographs alone, or of a single track."""
        if not self.spots and not self.not_spots:
            return 0.0
        plain = normalise(self.photographs)[None] if self.count else self.own[:: -(-len(self.own) // SINGLE)]
        before = cohort @ plain.T
        others = (before.mean(1) < LIKE) & np.array([spot not in self.among for spot in spots], bool)
        if others.sum() < FEWEST_OTHERS:
            return 0.0
        after = cohort[others] @ self.template()
        return float(np.quantile(after, QUANTILE) - np.quantile(before[others], QUANTILE, axis=0).mean())


@dataclass(frozen=True)
class TaughtGallery:
    """Known people, with the answers about them.

    labels : (people,) int32, rising: people with photographs, and people named only at the desk
    lessons : of each person
    templates : (people, D) float32, unit
    shifts : (people,) float32, subtracted from the cosines with the templates
    plain : gallery of the photographs alone
    shown : row of the person, by track
    denied : rows of people, by track
    """

    labels: np.ndarray
    lessons: tuple[Lesson, ...]
    templates: np.ndarray
    shifts: np.ndarray
    plain: Gallery
    shown: Mapping[Spot, int]
    denied: Mapping[Spot, tuple[int, ...]]

    @staticmethod
    def of(
        plain: Gallery,
        given: Given,
        vectors: Mapping[Spot, np.ndarray],
        spots: Sequence[Spot],
        cohort: np.ndarray,
        before: TaughtGallery | None = None,
    ) -> TaughtGallery:
        """Build from answers.

        Parameters
        ----------
        plain : of the photographs, read with the same answers
        given : answers; those about tracks without a vector are ignored
        vectors : unit vectors of the tracks
        spots, cohort : see `rcnn.people.track_vectors.read_cohort`
        before : gallery of earlier answers; with the same photographs, unchanged people are not recomputed
        """
        shown = {spot: label for spot, label in given.shown.items() if spot in vectors}
        labels = np.array(sorted({*plain.labels.tolist(), *shown.values()}), np.int32)
        row_of = {label: row for row, label in enumerate(labels.tolist())}
        teaching = {Spot(name, track) for name, (_, track) in plain.known.items()}
        own: dict[int, list[Spot]] = {}
        against: dict[int, list[Spot]] = {}
        for spot in sorted(shown.keys() - teaching):
            own.setdefault(shown[spot], []).append(spot)
        for spot in sorted(given.denied.keys() & vectors.keys()):
            for label in given.denied[spot]:
                against.setdefault(label, []).append(spot)
        was = before.labels.tolist() if before is not None and before.plain is plain else []
        old = {label: row for row, label in enumerate(was)}
        lessons = []
        templates = np.empty((len(labels), cohort.shape[1]), np.float32)
        shifts = np.zeros(len(labels), np.float32)
        for row, label in enumerate(labels.tolist()):
            mine, others = tuple(own.get(label, ())), tuple(against.get(label, ()))
            if before is not None and label in old:
                lesson = before.lessons[old[label]]
                if (lesson.spots, lesson.not_spots) == (mine, others):
                    lessons.append(lesson)
                    templates[row], shifts[row] = before.templates[old[label]], before.shifts[old[label]]
                    continue
            lessons.append(_lesson(plain, label, mine, others, vectors))
            templates[row], shifts[row] = lessons[-1].template(), lessons[-1].shift(spots, cohort)
        denied = {
            spot: tuple(sorted(row_of[label] for label in people if label in row_of))
            for spot, people in given.denied.items()
        }
        rows = {spot: row_of[label] for spot, label in shown.items()}
        return TaughtGallery(labels, tuple(lessons), templates, shifts, plain, rows, denied)

    def trials(self) -> Trials:
        """Trials of the photographs, the scale of all cosines."""
        return self.moved(self.plain.trials())

    def moved(self, trials: Trials) -> Trials:
        """Trials of the photographs, renumbered to this gallery's rows."""
        rows = np.searchsorted(self.labels, self.plain.labels).astype(np.int32)
        genuine, impostor = (rows[people] for people in (trials.genuine_person, trials.impostor_person))
        return replace(trials, genuine_person=genuine, impostor_person=impostor)

    def cosines(self, unit: np.ndarray, people: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Cosines (n, k) float32 of unit vectors (n, D) with some people, shifted to the scale of the photographs."""
        return unit @ self.templates[people].T - self.shifts[people]

    @cached_property
    def clips(self) -> frozenset[str]:
        """Clips with an answer about a track, and labelled clips."""
        return frozenset({*(spot.clip for spot in (*self.shown, *self.denied)), *self.plain.known})

    def compare(self, names: Sequence[str], tracks: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Cosines (n, people) float32, each vector left out of its own template, and `NOBODY` for denied people.

        Parameters
        ----------
        names, tracks : see `Gallery.nearest`
        unit : (n, D) float32, unit
        """
        cosines = self.cosines(unit)
        rows_of = np.searchsorted(self.labels, self.plain.labels)
        for start, end in pairwise([*clip_starts(names), len(names)]):
            if names[start] not in self.clips:
                continue
            mine = np.asarray(tracks[start:end]).tolist()
            if names[start] in self.plain.known:
                row, track = self.plain.known[names[start]]
                person = int(rows_of[row])
                at = mine.index(track) if track in mine else int(cosines[start:end, person].argmax())
                self._leave_out(person, unit[start + at], slice(start, end), unit, cosines)
            for row, spot in enumerate((Spot(names[start], track) for track in mine), start):
                if spot in self.shown and spot in self.lessons[self.shown[spot]].among:
                    self._leave_out(self.shown[spot], unit[row], slice(row, row + 1), unit, cosines)
                cosines[row, list(self.denied.get(spot, ()))] = NOBODY
        return cosines

    def _leave_out(self, person: int, unit: np.ndarray, rows: slice, units: np.ndarray, cosines: np.ndarray) -> None:
        if self.lessons[person].vectors > 1:
            cosines[rows, person] = units[rows] @ self.lessons[person].template(unit) - self.shifts[person]

    def best(self, names: Sequence[str], tracks: np.ndarray, cosines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The person of each track and the cosine, from the result of `compare`; an answer takes precedence.

        A track denied to all people has the cosine `NOBODY`.
        """
        if not len(self.labels):
            return np.full(len(names), NOBODY, np.float32), np.zeros(len(names), np.int32)
        people = cosines.argmax(1)
        for row in np.flatnonzero(self.sure(names, tracks)).tolist():
            people[row] = self.shown[Spot(names[row], int(tracks[row]))]
        return cosines[np.arange(len(people)), people].astype(np.float32), people.astype(np.int32)

    def nearest(self, names: Sequence[str], tracks: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Like `Gallery.nearest`, using `best`."""
        return self.best(names, tracks, self.compare(names, tracks, normalise(vectors)))

    def sure(self, names: Sequence[str], tracks: np.ndarray) -> np.ndarray:
        """(n,) bool, whether an answer says whom a track shows."""
        found = np.array([name in self.clips for name in names], bool)
        for row in np.flatnonzero(found).tolist():
            found[row] = Spot(names[row], int(tracks[row])) in self.shown
        return found


def _lesson(
    plain: Gallery, label: int, own: tuple[Spot, ...], denied: tuple[Spot, ...], vectors: Mapping[Spot, np.ndarray]
) -> Lesson:
    width = plain.sums.shape[1]
    row = int(np.searchsorted(plain.labels, label))
    known = row < len(plain.labels) and plain.labels[row] == label
    none = np.zeros((0, width), np.float32)
    return Lesson(
        plain.sums[row] if known else np.zeros(width),
        int(plain.counts[row]) if known else 0,
        own,
        np.stack([vectors[spot] for spot in own]) if own else none,
        denied,
        np.stack([vectors[spot] for spot in denied]) if denied else none,
    )
