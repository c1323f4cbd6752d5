"""Whom each track of a run shows, as the answers so far imply: what the desk keeps of it for one look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..people.taught import Taught
from ..people.templates import NOBODY as UNLIKE
from ..scores.verdicts import NO, VERDICTS
from .tracks import Tracks

NOBODY = -1  # row of a track that is like nobody
CODES = {verdict: code for code, verdict in enumerate(VERDICTS)}


@dataclass(frozen=True)
class Standing:
    """Whom each of the n tracks shows, as far as is known.

    labels : of the people's rows, rising
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

    @staticmethod
    def of(taught: Taught, tracks: Tracks) -> Standing:
        """What stands after the last answers that were taught."""
        labels = tuple(taught.labels.tolist())
        nobody = taught.cosines <= UNLIKE if labels else np.ones(len(tracks), bool)
        verdict = np.full(len(tracks), CODES[NO], np.int8)
        for name, code in CODES.items():
            verdict[taught.verdicts == name] = code
        answered, hidden = np.zeros(len(tracks), bool), np.zeros(len(tracks), bool)
        for marks, spots in ((answered, taught.given.shown), (hidden, taught.given.hidden)):
            for spot in spots:
                if (number := tracks.places.get((spot.clip, spot.track))) is not None:
                    marks[number] = True
        return Standing(
            labels,
            np.where(nobody, NOBODY, taught.people),
            np.where(nobody, 0, taught.cosines).astype(np.float32),
            np.where(nobody, 0, taught.probabilities).astype(np.float32),
            verdict,
            answered,
            hidden,
        )

    def says(self, verdict: str) -> np.ndarray:
        """Whether the verdict of each track is this one, (n,) bool."""
        return self.verdict == CODES[verdict]

    def row(self, label: int) -> int:
        """Of a person; NOBODY where no track is known to show the person."""
        return self.labels.index(label) if label in self.labels else NOBODY

    @property
    def unknown(self) -> np.ndarray:
        """Tracks (n,) bool that show nobody who is known, as far as is known."""
        return self.says(NO) & ~self.answered
