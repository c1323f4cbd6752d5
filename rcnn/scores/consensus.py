"""Scores of tracks of one film, propagated along links to tracks that may show the same person.

After Huang, Liu and Lin, Person Search in Videos with One Portrait Through Visual and Temporal Links, ECCV 2018
(arXiv:1807.10510): of what the neighbours of a track say only the most confident counts for each person, people compete
for the track, and the surest tracks are settled first. Theirs begins at portraits; here it begins at the probabilities
of a classifier, which a track keeps as far as nobody else is surer.
"""

from __future__ import annotations

import numpy as np

STEPS = 5  # of settling
FIRST = 0.5  # share of the tracks that are settled at once, the surest
TEMPERATURE = 0.03  # of the competition between people


def competitive_consensus(scores: np.ndarray, links: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Probabilities (n, classes) float32 of the tracks of a film.

    Tracks without links keep theirs to the bit, and so do those that are surer than what their neighbours say.

    Parameters
    ----------
    scores : (n, classes) float32, probabilities; class 0 is nobody known, and competes, too
    links : of each track the other tracks (k,) int64, and how like they are (k,) float32, more than 0, 1 at most
    """
    found = scores.copy()
    order = np.argsort(-scores.max(1), kind="stable")
    settled = np.zeros(len(scores), bool)
    for step in range(STEPS):
        for track in np.flatnonzero(~settled) if step else ():
            others, likeness = links[track]
            speak = settled[others]
            if speak.any():
                said = (found[others[speak]] * likeness[speak, None]).max(0)
                found[track] = _take_over(scores[track], said)
        share = FIRST + step * (1 - FIRST) / (STEPS - 1)
        rest = order if not step else np.argsort(-found.max(1), kind="stable")
        rest = rest[~settled[rest]]
        settled[rest[: max(0, int(np.ceil(share * len(scores))) - int(settled.sum()))]] = True
    return found


def _take_over(own: np.ndarray, said: np.ndarray) -> np.ndarray:
    """What a track is taken for, (classes,), from its own probabilities and what its neighbours say."""
    sure = float(said.max())
    if sure <= own.max():
        return own
    together = np.maximum(own, said)
    shifted = np.exp((together - together.max()) / TEMPERATURE)
    return sure * shifted / shifted.sum() + (1 - sure) * own
