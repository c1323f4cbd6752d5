"""Whom each track of a run shows according to the answers so far: a snapshot for the desk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..people.taught import Taught
from ..people.templates import NOBODY as UNLIKE
from ..scores.verdicts import NO, VERDICTS
from .tracks import Tracks

NOBODY = -1  # row of a track that is similar to nobody
CODES = {verdict: code for code, verdict in enumerate(VERDICTS)}


@dataclass(frozen=True)
class Standing:
    """Whom each of the n tracks shows, if known.

    labels : of the people's rows, rising
    best : (n,) int64, row of the person, NOBODY where there is nobody
    cosine, probability : (n,) float32, of the track and that person
    verdict : (n,) int8, index in `VERDICTS`
    answered : (n,) bool, tracks with an answer
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
        """The current state after the latest answers."""
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
        """Row of a person; NOBODY if no track is known to show the person."""
        return self.labels.index(label) if label in self.labels else NOBODY

    @property
    def unknown(self) -> np.ndarray:
        """Tracks (n,) bool that show no known person, as far as is known."""
        return self.says(NO) & ~self.answered
