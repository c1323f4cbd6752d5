"""Whether a clip shows the person of a photograph, judged by the cosines of clips that show others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..scores.calibration import FEWEST, CardThresholds, OperatingPoint, Trials, operating_point
from .nearest import Found

NOBODY = -1  # row of an unknown person of a photograph


def photograph_trials(found: Found, own: int, sure: bool) -> Trials:
    """What the compared clips tell about the photograph's cosines.

    Clips of other known people are impostors. Those of strangers are, too, but only if a known person is certainly on
    the photograph: else a stranger may be that person.

    Parameters
    ----------
    own : row of the known person who is, or may be, on the photograph; NOBODY for none
    sure : whether it is certainly that person
    """
    mine = found.people == own
    others = found.known[~mine]
    tracks = len(others)
    if sure:
        others = np.concatenate([others, found.strangers])
        tracks += found.stranger_tracks
    genuine = found.known[mine] if sure else np.zeros(0, np.float32)
    return Trials(
        genuine,
        np.zeros(len(genuine), np.int32),
        others,
        np.zeros(len(others), np.int32),
        compared=tracks / len(others) if len(others) else None,
    )


def worth_asking(trials: Trials, card: CardThresholds | None) -> Trials:
    """The trials, without impostors if these are so few that a threshold would be far above every cosine.

    With a card, `operating_point` handles that.
    """
    if card is not None or len(trials.impostor) >= FEWEST:
        return trials
    return replace(trials, impostor=trials.impostor[:0], impostor_person=trials.impostor_person[:0], compared=None)


def judge_clips(
    found: Found, own: int, sure: bool, run: Trials | None, false_hits: float, card: CardThresholds | None
) -> OperatingPoint:
    """The operating point of the photograph, which is person 0 of it.

    If too few clips show others, the run's own comparisons of clips with people are used instead; if these are too few,
    the card.

    Parameters
    ----------
    own, sure : as for `photograph_trials`
    run : of the known people; None if nobody is known
    false_hits : clips of 1,000 without the person that may get a "yes"
    card : of the model; None if it was not measured
    """
    trials = photograph_trials(found, own, sure)
    if run is not None and len(trials.impostor) < FEWEST <= len(run.impostor):
        none = np.zeros(0, np.float32)
        nobody = np.zeros(len(run.impostor), np.int32)
        trials = Trials(none, none.astype(np.int32), run.impostor, nobody, compared=run.compared)
    point = operating_point(worth_asking(trials, card), 1, false_hits, card, found.tracks / max(found.clips, 1))
    return point.adjusted(found.similarities, np.zeros(len(found.similarities), np.int32), found.weights)
