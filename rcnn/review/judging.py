"""What answers change at once: templates, whom each track is most like, and what is said of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..faces.vectors import normalise
from ..people.answers import Given
from ..people.templates import Gallery
from ..scores.calibration import OperatingPoint
from ..scores.verdicts import MAYBE, NO, VERDICTS, YES
from .tracks import Place, Tracks

NOBODY = -1  # row of a track that is like nobody
NEVER = np.float32(-1)  # cosine of a track with a person whom it does not show
CODES = {verdict: code for code, verdict in enumerate(VERDICTS)}


@dataclass(frozen=True)
class Standing:
    """Whom each of the n tracks shows, as far as is known.

    labels : of the people's rows
    best : (n,) int64, row of the person, NOBODY where there is nobody
    cosine, probability : (n,) float32, of the track and that person
    verdict : (n,) int8, place in `VERDICTS`
    answered : (n,) bool, tracks of which somebody said whom they show
    hidden : (n,) bool
    """

    labels: tuple[int, ...]
    best: np.ndarray
    cosine: np.ndarray
    probability: np.ndarray
    verdict: np.ndarray
    answered: np.ndarray
    hidden: np.ndarray

    def says(self, verdict: str) -> np.ndarray:
        """Whether the verdict of each track is this one, (n,) bool."""
        return self.verdict == CODES[verdict]

    @property
    def unknown(self) -> np.ndarray:
        """Tracks (n,) bool that show nobody who is known, as far as is known."""
        return self.says(NO) & ~self.answered


@dataclass(frozen=True)
class _Said:
    """What was answered about a person: tracks that show them, tracks that don't, and labels that are them as well."""

    shown: frozenset[int] = frozenset()
    denied: frozenset[int] = frozenset()
    others: frozenset[int] = frozenset()


@dataclass
class Judge:
    """Compares all tracks with all people, and after an answer with those alone whom it is about. One thread uses it.

    Attributes
    ----------
    cosines : (people, n) float32
    templates : (people, D) float32, of length 1; 0 for people of whom nothing is known
    """

    tracks: Tracks
    gallery: Gallery | None
    point: OperatingPoint
    rows: dict[int, int] = field(default_factory=dict)  # by label
    _said: dict[int, _Said] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [] if self.gallery is None else self.gallery.labels.tolist()
        self.rows = {label: row for row, label in enumerate(known)}
        self._sums = np.zeros((0, self.tracks.vectors.shape[1])) if self.gallery is None else self.gallery.sums
        self._people = np.arange(len(known))  # rows of the operating point
        self.templates = normalise(self._sums)
        self.cosines = (self.templates @ self.tracks.vectors.T).astype(np.float32)

    def judge(self, given: Given, people: Iterable[int]) -> Standing:
        """Whom each track shows after some answers.

        Parameters
        ----------
        people : labels of those who are named
        """
        said = self._read(given, people)
        for label in self.rows.keys() | said.keys():
            new = said.get(label, _Said())
            if new != self._said.get(label, _Said()) or label not in self.rows:
                self._update(label, new)
        self._said = said
        return self._stand(given)

    def cosine(self, label: int) -> np.ndarray:
        """Cosines (n,) of all tracks with a person; `NEVER` where they don't show that person."""
        return self.cosines[self.rows[label]]

    def probability(self, label: int, tracks: np.ndarray) -> np.ndarray:
        """Probabilities (k,) that tracks (k,) show a person."""
        return self._curve(self.cosines[self.rows[label], tracks], np.full(len(tracks), self.rows[label]))

    def who(self, vector: np.ndarray) -> int | None:
        """Row of the person whom a vector (D,) of length 1 shows, "yes" or "maybe"; None for nobody."""
        if not len(self.templates):
            return None
        cosines = self.templates @ vector
        best = int(cosines.argmax())
        verdict = self._verdicts(cosines[best : best + 1], np.array([best]))[0]
        return None if verdict == CODES[NO] else best

    def _read(self, given: Given, people: Iterable[int]) -> dict[int, _Said]:
        shown: dict[int, set[int]] = defaultdict(set)
        denied: dict[int, set[int]] = defaultdict(set)
        others: dict[int, set[int]] = defaultdict(set)
        places: Mapping[Place, int] = self.tracks.places
        for spot, label in given.shown.items():
            if (number := places.get((spot.clip, spot.track))) is not None:
                shown[label].add(number)
        for spot, labels in given.denied.items():
            if (number := places.get((spot.clip, spot.track))) is not None:
                for label in labels:
                    denied[label].add(number)
        for other, label in given.merged.items():
            others[label].add(other)
        every = {*shown, *denied, *others, *people, *given.people}
        return {
            label: _Said(frozenset(shown[label]), frozenset(denied[label]), frozenset(others[label]))
            for label in every - given.merged.keys()
        } | {label: _Said(others=frozenset({label})) for label in given.merged}  # nobody any more

    def _update(self, label: int, said: _Said) -> None:
        if label not in self.rows:
            self.rows[label] = len(self.rows)
            self.cosines = np.concatenate([self.cosines, np.zeros((1, len(self.tracks)), np.float32)])
            self.templates = np.concatenate([self.templates, np.zeros((1, self._sums.shape[1]), np.float32)])
        row = self.rows[label]
        if label in said.others:
            self.cosines[row], self.templates[row] = NEVER, 0
            return
        total = np.zeros(self.tracks.vectors.shape[1])
        for known in (label, *said.others):
            at = self.rows.get(known, len(self._sums))
            if at < len(self._sums):
                total += self._sums[at]
        if said.shown:
            total += self.tracks.vectors[sorted(said.shown)].sum(0, dtype=np.float64)
        self.templates[row] = normalise(total)
        self.cosines[row] = self.tracks.vectors @ self.templates[row] if total.any() else NEVER
        self.cosines[row, sorted(said.denied)] = NEVER

    def _stand(self, given: Given) -> Standing:
        count = len(self.tracks)
        labels = tuple(self.rows)
        best = self.cosines.argmax(0) if len(labels) else np.full(count, NOBODY)
        cosine = self.cosines[best, np.arange(count)] if len(labels) else np.zeros(count, np.float32)
        alone = cosine <= NEVER
        best, cosine = np.where(alone, NOBODY, best), np.where(alone, 0, cosine).astype(np.float32)
        probability, verdict = np.zeros(count, np.float32), np.full(count, CODES[NO], np.int8)
        like = best != NOBODY
        if like.any():
            probability[like] = self._curve(cosine[like], best[like])
            verdict[like] = self._verdicts(cosine[like], best[like])
        answered, hidden = np.zeros(count, bool), np.zeros(count, bool)
        for spot, label in given.shown.items():
            number = self.tracks.places.get((spot.clip, spot.track))
            if number is not None and label in self.rows:
                best[number], probability[number], verdict[number] = self.rows[label], 1.0, CODES[YES]
                cosine[number] = self.cosines[self.rows[label], number]
                answered[number] = True
        for spot in given.hidden:
            if (number := self.tracks.places.get((spot.clip, spot.track))) is not None:
                hidden[number] = True
        return Standing(labels, best, cosine, probability, verdict, answered, hidden)

    def _curve(self, cosines: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return self.point.curve(cosines.astype(np.float64) - self._of(self.point.centre)[rows]).astype(np.float32)

    def _verdicts(self, cosines: np.ndarray, rows: np.ndarray) -> np.ndarray:
        yes, maybe = self._of(self.point.yes)[rows], self._of(self.point.maybe)[rows]
        return np.where(cosines >= yes, CODES[YES], np.where(cosines >= maybe, CODES[MAYBE], CODES[NO]))

    def _of(self, values: np.ndarray) -> np.ndarray:
        """What the operating point says of each row; for those named at the desk the median of all others."""
        more = len(self.rows) - len(self._people)
        return np.concatenate([values[: len(self._people)], np.full(more, np.median(values))])
