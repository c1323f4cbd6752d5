"""From cosines to verdicts: thresholds at a given number of false hits per 1,000 clips, and probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .card_thresholds import CardThresholds
from .probability import STAND_IN, Curve, fit_curve, reliability
from .tails import threshold_of
from .verdicts import MAYBE, NO, YES

__all__ = ["CardThresholds", "OperatingPoint", "Trials", "operating_point"]

CLIPS = 1000  # that false hits are counted over
MAYBE_TIMES = 30  # false hits of a "maybe" for each of a "yes": at 1 in 1,000 clips a person looks at 30 in vain
MOST_MAYBE = 0.5  # share of clips without a person that may be a "maybe"
FEWEST = 20  # impostors that count beside a card
FEWEST_ALONE = 5  # impostors that count without one
CARD_COUNTS = 100  # impostors with the same weight as the card; see docs/verdicts.md
OWN_COUNTS = 20  # impostors of a person that weigh as much as those of all; see docs/verdicts.md
UNMEASURED = 0.3  # cosine of a "maybe" where nothing is measured: within those at 1e-2 to 1e-4 of known models
UNMEASURED_SLOPE = 10.0  # of log-odds over cosines there; flatter than of any model that was measured
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

    yes, maybe : (people,) float32, cosines from which the verdict is "yes", or at least "maybe"; no cosine reaches a
        "yes" of 1 and more
    centre : (people,) float32, mean cosine of a person's impostors, which is taken off before cosines are compared
    curve : from centred cosines to probabilities
    facts : of `record`
    """

    yes: np.ndarray
    maybe: np.ndarray
    centre: np.ndarray
    curve: Curve
    facts: dict[str, Any] = field(default_factory=dict)

    def verdicts(self, cosines: np.ndarray, people: np.ndarray) -> np.ndarray:
        """Verdicts (n,), "yes", "maybe" or "no", of cosines (n,) with people (n,), by their rows."""
        cosines, people = np.asarray(cosines), np.asarray(people, np.int64)
        return np.where(cosines >= self.yes[people], YES, np.where(cosines >= self.maybe[people], MAYBE, NO))

    def probabilities(self, cosines: np.ndarray, people: np.ndarray) -> np.ndarray:
        """Probabilities (n,) float32 that it is the person who is most like the clip."""
        return self.curve(self._centred(cosines, people)).astype(np.float32)

    def with_prior(self, prior: float) -> OperatingPoint:
        """The same with probabilities for another share of clips that show a known person; verdicts stay."""
        return self._with(self.curve.with_prior(prior), prior)

    def adjusted(self, cosines: np.ndarray, people: np.ndarray, weights: np.ndarray | None = None) -> OperatingPoint:
        """The same with probabilities for the mix of known people and strangers in the clips that are searched.

        Parameters
        ----------
        cosines, people : (n,) of those clips, each with the person who is most like it
        weights : (n,) clips that each stands for; None for one
        """
        curve = self.curve.adjusted(self._centred(cosines, people), weights)
        if curve is self.curve:
            return self
        return self._with(curve, float(1 / (1 + np.exp(-curve.shift - np.log(curve.prior / (1 - curve.prior))))))

    def record(self) -> dict[str, Any]:
        """Its record for the manifest, JSON-compatible."""
        return self.facts

    def _centred(self, cosines: np.ndarray, people: np.ndarray) -> np.ndarray:
        return np.asarray(cosines, np.float64) - self.centre[np.asarray(people, np.int64)]

    def _with(self, curve: Curve, prior: float) -> OperatingPoint:
        return replace(self, curve=curve, facts={**self.facts, "prior": round(prior, 4)})


def operating_point(
    trials: Trials, people: int, false_hits: float, card: CardThresholds | None, tracks: float = 1.0
) -> OperatingPoint:
    """Thresholds at `false_hits` false hits per 1,000 clips.

    Impostors give them, each person's own mean the more the more impostors the person has. A card counts as much as 100
    impostors, and alone where there are fewer than 20.

    Parameters
    ----------
    trials : cosines of this run
    people : known ones, 1 or more
    false_hits : clips of 1,000 without a person that may get a "yes" for somebody, more than 0, up to 1,000
    card : of the model; None if it was not measured
    tracks : of a searched clip, on average: each has its own chance of a false hit
    """
    compared = float(people) if trials.compared is None else trials.compared
    rate = min(false_hits / CLIPS * compared / (people * max(tracks, 1.0)), 1.0)
    rates = rate, max(rate, min(MAYBE_TIMES * rate, MOST_MAYBE))
    count = len(trials.impostor)
    counts = count >= (FEWEST_ALONE if card is None else FEWEST)
    centre, centred = _centre(trials, people) if counts else (np.zeros(people), trials.impostor)
    weight = 1.0 if card is None else count / (count + CARD_COUNTS) if counts else 0.0
    found = [np.zeros(people), np.zeros(people)]
    for threshold, each in zip(found, rates, strict=True):
        if counts:
            threshold += weight * (threshold_of(centred, each) + centre)
        if card is not None:
            threshold += (1 - weight) * card.at(each / compared)
    yes, maybe = found
    source = IMPOSTORS if counts else CARD if card is not None else NOTHING
    if source == NOTHING:
        yes, maybe = np.full(people, np.inf), np.full(people, UNMEASURED)
    maybe = np.minimum(yes, maybe)
    curve, facts = _probabilities(trials, centre, yes, maybe)
    facts |= {
        "false_hits": false_hits,
        "maybe_false_hits": round(false_hits * rates[1] / rate, 4),
        "from": source,
        "people": people,
        "genuine": len(trials.genuine),
        "impostors": count,
        "card_weight": round(1 - weight, 4) if card is not None else 0.0,
        "yes": _summary(yes),
        "maybe": _summary(maybe),
    }
    words = _words(facts, card, extrapolated=rate * count < 1)
    return OperatingPoint(
        yes.astype(np.float32), maybe.astype(np.float32), centre.astype(np.float32), curve, facts | {"words": words}
    )


def impostor_centres(trials: Trials, people: int) -> np.ndarray:
    """Mean (people,) of each person's impostors, drawn to that of all; there must be one."""
    sums, counts = _impostors(trials, people)
    return sums / counts


def _impostors(trials: Trials, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums and numbers (people,) of each person's impostors, with `OWN_COUNTS` average ones."""
    impostor, person = trials.impostor.astype(np.float64), trials.impostor_person
    counts = np.bincount(person, minlength=people) + OWN_COUNTS
    return np.bincount(person, impostor, people) + OWN_COUNTS * impostor.mean(), counts


def _centre(trials: Trials, people: int) -> tuple[np.ndarray, np.ndarray]:
    """`impostor_centres`, and all impostors less the mean of the others of their person: with its own in it, each would
    seem less than it is."""
    impostor, person = trials.impostor.astype(np.float64), trials.impostor_person
    sums, counts = _impostors(trials, people)
    return sums / counts, impostor - (sums[person] - impostor) / (counts[person] - 1)


def _probabilities(
    trials: Trials, centre: np.ndarray, yes: np.ndarray, maybe: np.ndarray
) -> tuple[Curve, dict[str, Any]]:
    """The curve, and what the record says of it. A clip that is more like another person is wrong, and among the
    impostors already."""
    best = np.ones(len(trials.genuine), bool) if trials.rival is None else trials.genuine > trials.rival
    right = (trials.genuine - centre[trials.genuine_person])[best]
    wrong = trials.impostor - centre[trials.impostor_person]
    curve = fit_curve(right, wrong)
    if curve is not None:
        groups = np.concatenate([trials.genuine_person[best], trials.impostor_person])
        found = reliability(right, wrong, groups)
        facts = {"probabilities": curve.kind, "prior": round(curve.prior, 4), "bins": found.bins if found else []}
        return curve, facts | ({"brier": found.brier, "calibration_error": found.error} if found else {})
    # a line through 1/2 at "maybe" and 30/31 at "yes", where false hits are 30 times as rare
    width = float(np.mean(yes - maybe))
    slope = np.log(MAYBE_TIMES) / max(width, 1e-3) if np.isfinite(width) else UNMEASURED_SLOPE
    offset = -slope * float(np.mean(maybe - centre))
    return Curve.line(STAND_IN, float(slope), offset, 0.5), {"probabilities": STAND_IN, "prior": 0.5, "bins": []}


def _summary(thresholds: np.ndarray) -> dict[str, float] | None:
    """Of the thresholds of people, for the record; None if there is none."""
    if not np.isfinite(thresholds).all():
        return None
    low, middle, high = np.quantile(thresholds, (0, 0.5, 1))
    return {"least": round(float(low), 4), "median": round(float(middle), 4), "greatest": round(float(high), 4)}


def _words(facts: dict[str, Any], card: CardThresholds | None, extrapolated: bool) -> str:
    """One to three sentences for the user."""
    asked, count = facts["false_hits"], facts["impostors"]
    aim = f'"yes" is set so that about {asked:g} of 1,000 clips without a known person get it'
    clips = f"{count:,} clip{'s' if count != 1 else ''} of other people"
    name = card.model if card is not None and card.model else "the model"
    if facts["from"] == IMPOSTORS:
        words = [f"{aim}, judged by {clips} in this run."]
        if extrapolated:
            words.append("They are too few to count such rare hits, so the threshold is extrapolated.")
        if facts["card_weight"]:
            words.append(f"The card of {name} counts for {facts['card_weight']:.0%} of it.")
    elif facts["from"] == CARD:
        words = [
            f"{aim}, by the card of {name}: this run has {clips if count else 'no clips of other people'}, "
            f"which is {'too few' if count else 'nothing'} to go by."
        ]
    else:
        words = [
            'Nothing is a "yes": the model has no measured thresholds, and this run has too few clips of other people. '
            'Give clips of strangers, or compare the "maybe" yourself.'
        ]
    if facts["yes"] is not None and facts["yes"]["median"] > 1:
        words.append('The clips at hand allow no cosine that is enough for a "yes".')
    if facts["probabilities"] == STAND_IN:
        words.append("There is too little data for probabilities; those given are a rough guide.")
    return " ".join(words)
