"""All tracks of a run in memory, with the person and verdict implied by the current answers, for the desk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..clips.labels import Labels
from ..faces.vectors import normalise
from ..scores.calibration import CardThresholds, OperatingPoint, operating_point
from ..scores.verdicts import NO
from ..tables import StageReader
from ..tables.schema import vectors as vectors_of
from .appearances import decide
from .lessons import TaughtGallery
from .meaning import Answer, Given, Spot, meaning
from .relocation import FaceIndex, relocate
from .templates import NOBODY, Gallery
from .track_vectors import read_cohort, read_vectors


class Taught:
    """All tracks of some features; `update` and `teach` refresh the attributes.

    names, tracks : clip names (n) and numbers (n,) int32 of the tracks
    rows : row of each track
    given : the meaning of the answers about existing tracks
    lost : number of answers without a matching track, which are ignored
    labels : (people,) int32, rising
    scores : (n, people) float32, shifted cosines
    people : (n,) int32, row in `labels` of the best person of each track
    cosines, probabilities : (n,) float32, for that person
    verdicts : (n,) of yes, maybe, no

    Everything is in memory: 130 MB for 50,000 tracks and 500 people.

    Parameters
    ----------
    features : of feature.py, for the clips to search
    known : stage directories of feature.py, for the clips of known people
    known_labels : labels of these clips
    detections : of detect.py, the inputs of all these features
    false_hits, card : see `rcnn.scores.calibration.operating_point`

    Raises
    ------
    InputError
        If a table is damaged, or was made with another model.
    """

    def __init__(
        self,
        features: StageReader,
        known: Sequence[str],
        known_labels: Labels,
        detections: Sequence[StageReader],
        false_hits: float,
        card: CardThresholds | None,
    ) -> None:
        self._features, self._known, self._known_labels = features, tuple(known), known_labels
        self._known_readers = [StageReader(path, ("feature",)) for path in known]
        self._index = FaceIndex(detections)
        self._false_hits, self._card = false_hits, card
        self.names: list[str] = []
        tracks, units = [np.zeros(0, np.int32)], [np.zeros((0, features.width), np.float32)]
        for batch in features.batches():
            self.names += batch.column("name").to_pylist()
            count = batch.num_rows
            tracks.append(batch.column("track").to_numpy() if features.tracked else np.zeros(count, np.int32))
            units.append(normalise(vectors_of(batch.column("feature"))))
        self.tracks, self._units = np.concatenate(tracks), np.concatenate(units)
        self.rows = {Spot(*spot): row for row, spot in enumerate(zip(self.names, self.tracks.tolist(), strict=True))}
        self._rows_of: dict[str, list[int]] = {}
        for row, name in enumerate(self.names):
            self._rows_of.setdefault(name, []).append(row)
        self._cohort = read_cohort(features)
        self._elsewhere: dict[Spot, np.ndarray | None] = {}  # vectors of tracks of known clips
        self._known_clips = frozenset(
            name
            for reader in self._known_readers
            for batch in reader.batches(["name"])
            for name in batch.column("name").to_pylist()
        )
        self._plain: tuple[Given, Gallery] | None = None
        self._points: dict[tuple[int, ...], OperatingPoint] = {}
        self.gallery: TaughtGallery | None = None
        self._special: frozenset[str] = frozenset()
        self.scores = np.zeros((len(self.names), 0), np.float32)
        self.lost = 0
        self.teach(Given())

    @property
    def labels(self) -> np.ndarray:
        """(people,) int32, rising."""
        assert self.gallery is not None
        return self.gallery.labels

    @property
    def units(self) -> np.ndarray:
        """(n, D) float32, unit vectors of the tracks."""
        return self._units

    def who(self, unit: np.ndarray) -> int | None:
        """Label of the person that a unit vector (D,) shows, as "yes" or "maybe"; None for nobody."""
        gallery = self.gallery
        if gallery is None or not len(gallery.labels):
            return None
        cosines = gallery.cosines(unit[None])[0]
        best = int(cosines.argmax())
        verdict = self._point(gallery).verdicts(cosines[[best]], np.array([best]))[0]
        return None if verdict == NO else int(gallery.labels[best])

    def update(self, answers: Iterable[Answer]) -> frozenset[int]:
        """Apply all valid answers, after relocating their tracks; returns the labels with changed scores."""
        now, self.lost = relocate(answers, self._index)
        return self.teach(meaning(now))

    def teach(self, given: Given) -> frozenset[int]:
        """Apply the meaning of answers about existing tracks; returns the labels with changed scores."""
        self.given = given
        before = self.gallery
        gallery = TaughtGallery.of(self._gallery(given), given, self._vectors(given), *self._cohort, before)
        self.gallery = gallery
        changed = self._compare(gallery, before)
        self._judge(gallery)
        return changed

    def _compare(self, gallery: TaughtGallery, before: TaughtGallery | None) -> frozenset[int]:
        """Update `scores`: the columns of people with changed templates, and the rows of clips with answers."""
        labels = gallery.labels.tolist()
        old = {} if before is None else {label: row for row, label in enumerate(before.labels.tolist())}
        same = [
            label in old and before is not None and before.lessons[old[label]] is gallery.lessons[row]
            for row, label in enumerate(labels)
        ]
        if before is None or labels != before.labels.tolist():
            scores = np.empty((len(self.names), len(labels)), np.float32)
            kept = [row for row, known in enumerate(same) if known]
            scores[:, kept] = self.scores[:, [old[labels[row]] for row in kept]]
            self.scores = scores
        new = np.flatnonzero(~np.array(same, bool))
        if len(new):
            self.scores[:, new] = gallery.cosines(self._units, new)
        clips = sorted((gallery.clips | self._special) & self._rows_of.keys())
        self._special = gallery.clips
        rows = [row for clip in clips for row in self._rows_of[clip]]
        if rows:
            names = [self.names[row] for row in rows]
            self.scores[rows] = gallery.compare(names, self.tracks[rows], self._units[rows])
        gone = {*old} - {*labels}
        return frozenset(gone | {label for label, known in zip(labels, same, strict=True) if not known})

    def _judge(self, gallery: TaughtGallery) -> None:
        self.cosines, self.people = gallery.best(self.names, self.tracks, self.scores)
        sure = gallery.sure(self.names, self.tracks)
        if not len(gallery.labels):
            self.verdicts, self.probabilities = np.full(len(sure), NO), np.zeros(len(sure), np.float32)
            return
        point = self._point(gallery).adjusted(self.cosines, self.people)
        self.verdicts, self.probabilities = decide(self.cosines, self.people, point, sure)

    def others(self, spot: Spot, count: int = 3) -> list[tuple[int, float]]:
        """The next best people of a track as (label, cosine), best first, without its current person and denied
        people."""
        row = self.rows[spot]
        own = self.people[row] if self.verdicts[row] != NO else -1
        order = np.argsort(-self.scores[row], kind="stable")
        found = [place for place in order.tolist() if place != own and self.scores[row, place] > NOBODY][:count]
        return [(int(self.labels[place]), float(self.scores[row, place])) for place in found]

    def column(self, label: int) -> np.ndarray:
        """Cosines (n,) float32 of all tracks with a person; raises KeyError for an unknown label."""
        row = int(np.searchsorted(self.labels, label))
        if row == len(self.labels) or self.labels[row] != label:
            raise KeyError(label)
        return self.scores[:, row]

    def _vectors(self, given: Given) -> dict[Spot, np.ndarray]:
        spots = {*given.shown, *given.denied}
        missing = [spot for spot in spots if spot not in self.rows and spot not in self._elsewhere]
        if missing:
            self._elsewhere |= dict.fromkeys(missing) | read_vectors(self._known_readers, missing)
        found: dict[Spot, np.ndarray] = {}
        for spot in spots:
            unit = self._units[self.rows[spot]] if spot in self.rows else self._elsewhere[spot]
            if unit is not None:
                found[spot] = unit
        return found

    def _gallery(self, given: Given) -> Gallery:
        """Gallery of the photographs; rebuilt if people were merged or one of their clips has a new answer."""
        known = self._known_clips
        about = replace(
            Given(merged=given.merged),
            shown={spot: label for spot, label in given.shown.items() if spot.clip in known},
            denied={spot: labels for spot, labels in given.denied.items() if spot.clip in known},
        )
        if self._plain is None or self._plain[0] != about:
            self._plain = about, Gallery.read(self._known, self._known_labels, about, needed=False)
            self._trials = self._plain[1].trials()
            self._points.clear()
        return self._plain[1]

    def _point(self, gallery: TaughtGallery) -> OperatingPoint:
        labels = tuple(gallery.labels.tolist())
        if labels not in self._points:
            tracks = len(self.names) / max(self._features.accounts.ok, 1)
            trials = gallery.moved(self._trials)
            self._points.clear()
            self._points[labels] = operating_point(trials, len(labels), self._false_hits, self._card, tracks)
        return self._points[labels]
