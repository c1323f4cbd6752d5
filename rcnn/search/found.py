"""Results of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Match:
    """A clip that was found.

    similarity : cosine of the query and the clip's most similar track, -1..1
    track : number of that track; 0 if the features have no tracks
    """

    clip: str
    split: str
    label: int
    similarity: float
    track: int = 0


@dataclass(frozen=True)
class Found:
    """The result of a search.

    matches : the most similar first; of equal ones the earlier name
    similarities : (n,) float32, of every compared clip, in the order of the tables; with an index those of the
        clips that are most similar, and of some of the others
    tracks : that were compared
    known : (k,) float32, cosines of the tracks that show known people, one per clip
    people : (k,) int32, rows of these people
    strangers : (s,) float32, the largest cosine of each clip that shows no known person
    stranger_tracks : of these clips
    weights : (n,) float64, clips that each of `similarities` stands for; None for one each
    """

    matches: Sequence[Match]
    similarities: np.ndarray
    tracks: int
    known: np.ndarray
    people: np.ndarray
    strangers: np.ndarray
    stranger_tracks: int
    weights: np.ndarray | None = None

    @property
    def clips(self) -> int:
        """How many were compared."""
        return len(self.similarities) if self.weights is None else round(float(self.weights.sum()))
