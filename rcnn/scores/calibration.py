"""From cosines to verdicts: thresholds at so many false hits per 1,000 clips, and the probability of being right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .card_thresholds import CardThresholds
from .probability import Curve, fit_curve
from .tails import FEWEST, threshold_of

__all__ = ["CardThresholds", "OperatingPoint", "Trials", "operating_point"]

YES, MAYBE, NO = "yes", "maybe", "no"  # as rcnn.tables.schema.VERDICTS, which lies above this room
MAYBE_TIMES = 30  # false hits that a "maybe" may have for each that a "yes" may have
CLIPS = 1000  # that false hits are counted over
UNMEASURED = 0.3  # cosine of a "maybe" where nothing at all is measured: amid those of 1e-2 to 1e-4 of known models
IMPOSTORS, CARD, NOTHING = "impostors of this run", "the model's card", "nothing measured"


@dataclass(frozen=True)
class Trials:
    """Cosines of known clips and strangers with templates that were made without them.

    genuine : (n,) float32, of a known clip with its own person; only of people with two clips or more
    genuine_person : (n,) int32, row of that person
    impostor : (m,) float32, greatest cosine of a clip with anybody who is not on it: of strangers with all people, of
        known clips with all others
    impostor_person : (m,) int32, row of the person that it was nearest to
    rival : (n,) float32, of each genuine clip the greatest cosine with another person; -1 where there is none
    compared : tracks x people that an impostor clip was compared with, on average; None for all people, one track
    """

    genuine: np.ndarray
    genuine_person: np.ndarray
    impostor: np.ndarray
    impostor_person: np.ndarray
    rival: np.ndarray | None = None
    compared: float | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds of each person, and the curve from cosines to probabilities.

    yes, maybe : (people,) float32, cosines from which the verdict is "yes", or at least "maybe"
    centre, spread : (people,) float32, mean and deviation of a person's impostors, by which cosines are standardised
    curve : from standardised cosines to probabilities; None where there is too little to learn from
    facts : of `record`
    """

    yes: np.ndarray
    maybe: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    curve: Curve | None
    facts: dict[str, Any] = field(default_factory=dict)

    def verdicts(self, cosines: np.ndarray, people: np.ndarray) -> np.ndarray:
        """Verdicts (n,), "yes", "maybe" or "no", of cosines (n,) with people (n,), by their rows."""
        cosines, people = np.asarray(cosines), np.asarray(people, np.int64)
        return np.where(cosines >= self.yes[people], YES, np.where(cosines >= self.maybe[people], MAYBE, NO))

    def probabilities(self, cosines: np.ndarray, people: np.ndarray) -> np.ndarray:
        """Probabilities (n,) float32 that it is the person; NaN where there was too little to learn from."""
        cosines, people = np.asarray(cosines), np.asarray(people, np.int64)
        if self.curve is None:
            return np.full(len(cosines), np.nan, np.float32)
        return self.curve((cosines - self.centre[people]) / self.spread[people]).astype(np.float32)

    def adjusted(self, cosines: np.ndarray, people: np.ndarray) -> OperatingPoint:
        """The same with probabilities for the mix of known people and strangers in the clips that are searched."""
        if self.curve is None:
            return self
        scores = (np.asarray(cosines) - self.centre[people]) / self.spread[people]
        return replace(self, curve=self.curve.adjusted(scores))

    def record(self) -> dict[str, Any]:
        """What the manifest says of it, as JSON can hold it."""
        return self.facts


def operating_point(
    trials: Trials, people: int, false_hits: float, card: CardThresholds | None, tracks: float = 1.0
) -> OperatingPoint:
    """Thresholds at `false_hits` false hits per 1,000 clips.

    Parameters
    ----------
    trials : cosines of this run
    people : known ones, 1 or more
    false_hits : clips of 1,000 without a person that may get a "yes" for somebody, more than 0, up to 1,000
    card : of the model; None where it was not measured
    tracks : of a searched clip, on average: each has its own chance of a false hit
    """
    compared = float(people) if trials.compared is None else trials.compared
    share = compared / (people * tracks)  # a searched clip is compared with more or fewer than a trial
    rate = false_hits / CLIPS * share
    centre, spread = np.zeros(people, np.float32), np.ones(people, np.float32)
    impostors = np.sort(trials.impostor.astype(np.float64))
    rates = np.minimum([rate, MAYBE_TIMES * rate], 0.5)
    if len(impostors) >= FEWEST:
        centre[:], spread[:] = impostors.mean(), max(impostors.std(), 1e-3)
        standard = (impostors - centre[0]) / spread[0]
        yes, maybe = (threshold_of(standard, each)[0] * spread[0] + centre[0] for each in rates)
        source = IMPOSTORS
    elif card is not None:
        yes, maybe = (card.at(each / compared) for each in rates)
        source = CARD
    else:
        yes, maybe, source = np.inf, UNMEASURED, NOTHING
    genuine = (trials.genuine - centre[trials.genuine_person]) / spread[trials.genuine_person]
    impostor = (trials.impostor - centre[trials.impostor_person]) / spread[trials.impostor_person]
    curve, bins = fit_curve(genuine, impostor)
    facts = {
        "false_hits": false_hits,
        "from": source,
        "people": people,
        "genuine": len(trials.genuine),
        "impostors": len(trials.impostor),
        "yes": None if np.isinf(yes) else round(float(yes), 4),
        "maybe": round(float(maybe), 4),
        "words": f"{false_hits:g} false hits per 1,000 clips, from {source} ({len(trials.impostor)})",
        "bins": bins,
    }
    return OperatingPoint(
        np.full(people, yes, np.float32), np.full(people, maybe, np.float32), centre, spread, curve, facts
    )
