"""The answer to a search: who it is, and which clips show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..clips.names import show
from ..files.text import printable
from ..people.templates import Gallery
from ..scores.calibration import CardThresholds, OperatingPoint, Trials, operating_point
from ..scores.probability import STAND_IN
from ..scores.verdicts import MAYBE, NO, YES
from ..search.nearest import Found, Match
from ..search.verdicts import worth_asking
from .search_times import SeenTrack, say_times

LEAST_WIDTH = 12  # of the column of names
EVEN = 0.5  # prior share of photographs that show a known person
SURE = 0.995  # probability from which no rounded percentage is shown: it would be 100%


@dataclass(frozen=True)
class KnownPerson:
    """The known person that the photograph is most like.

    row, label : of the person
    cosine : of the photograph and the person's template
    probability : that it is the person, if known and unknown people are equally likely on the photograph
    verdict : yes, maybe, no
    point : the operating point behind the verdict
    """

    row: int
    label: int
    cosine: float
    probability: float
    verdict: str
    point: OperatingPoint


@dataclass(frozen=True)
class Answer:
    """The answer to a search.

    person : None if no clip has a label
    found : the most similar clips, whatever their verdicts
    point : of the clips
    verdicts, probabilities : of `found.matches`
    sources : the user's own file of a clip, by its name
    times : of a clip's most similar track, by the clip's name, if its faces exist
    """

    person: KnownPerson | None
    found: Found
    point: OperatingPoint
    verdicts: list[str]
    probabilities: np.ndarray
    sources: Mapping[str, str]
    times: Mapping[str, SeenTrack]

    def count(self, verdict: str) -> int:
        """How many of all clips have a verdict; an estimate if an index returned the cosines of a sample only."""
        cosines = self.found.similarities
        mine = self.point.verdicts(cosines, np.zeros(len(cosines), np.int32)) == verdict
        return int(mine.sum()) if self.found.weights is None else round(float(self.found.weights[mine].sum()))


def who_is(
    gallery: Gallery, run: Trials, vector: np.ndarray, false_hits: float, card: CardThresholds | None
) -> KnownPerson:
    """The known person most similar to a vector (D,) of length 1, with a verdict.

    Parameters
    ----------
    run : of the gallery
    false_hits : how many of 1,000 photographs of unknown people may get a "yes"
    card : of the model; None if it was not measured
    """
    cosines = gallery.templates @ vector
    row = int(cosines.argmax())
    point = operating_point(worth_asking(run, card), len(gallery.labels), false_hits, card).with_prior(EVEN)
    best, rows = cosines[row : row + 1], np.array([row], np.int32)
    return KnownPerson(
        row,
        int(gallery.labels[row]),
        float(best[0]),
        float(point.probabilities(best, rows)[0]),
        str(point.verdicts(best, rows)[0]),
        point,
    )


def say_who(person: KnownPerson | None, people: Mapping[int, str]) -> list[str]:
    """Which known person is on the photograph, if any."""
    if person is None:
        return ["who: no clip here has a label, so nobody is known; add the features of trainval"]
    who = show(person.label, people)
    roughly = "roughly " if person.point.record()["probabilities"] == STAND_IN else ""
    sure = f"cosine {person.cosine:.3f}, {roughly}{percent(person.probability)} likely"
    if person.verdict == NO:
        first = f"who: no known person; the most similar is {who}: {sure}"
    elif person.verdict == MAYBE:
        first = f"who: maybe {who}: {sure}"
    else:
        first = f"who: {who}: {sure}"
    return [first, f"     {person.point.record()['words']}"]


def percent(probability: float) -> str:
    """A probability in words."""
    if probability >= SURE:
        return "over 99%"
    return "under 1%" if probability < 1 - SURE else f"{probability:.0%}"


def say_clips(answer: Answer, seconds: float | None, listed: Sequence[str]) -> list[str]:
    """How many clips show the person, and the threshold on their cosine."""
    found = answer.found
    took = "" if seconds is None else f" in {seconds:.1f} s"
    compared = "clips compared" if found.weights is None else "clips searched by index"
    about = "" if found.weights is None else "about "
    first = (
        f"search: {found.clips} {compared}{took}: {about}{answer.count(YES)} yes, {about}{answer.count(MAYBE)} maybe"
    )
    yes, maybe = float(answer.point.yes[0]), float(answer.point.maybe[0])
    levels = f"maybe from cosine {maybe:.3f}" + ("" if np.isinf(yes) else f", yes from {yes:.3f}")
    lines = [f"{first}; {levels}", f"     {answer.point.record()['words']}"]
    if found.matches and not set(answer.verdicts) & {YES, MAYBE}:
        best = found.matches[0]
        lines.append(f"no clip here shows this person; the most similar one has cosine {best.similarity:.3f}")
    hidden = sum(verdict not in listed for verdict in answer.verdicts)
    if hidden and seconds is not None:
        lines.append(
            f"{hidden} of the {len(found.matches)} most similar clips have another verdict and are not listed; "
            "--verdicts all lists them"
        )
    return lines


def list_clips(answer: Answer, people: Mapping[int, str], listed: Sequence[str]) -> Iterator[str]:
    """A line a clip."""
    rows = [
        (rank, match, verdict)
        for rank, (match, verdict) in enumerate(zip(answer.found.matches, answer.verdicts, strict=True), 1)
        if verdict in listed
    ]
    width = max([LEAST_WIDTH, *(len(match.clip) for _, match, _ in rows)])
    for rank, match, verdict in rows:
        source = answer.sources.get(match.clip, "")
        times = say_times(answer.times.get(match.clip), source)
        likely = percent(float(answer.probabilities[rank - 1]))
        first = f"{rank:4d}  {verdict:5s}  {match.similarity:.4f}  {likely:>8s}  {printable(match.clip):{width}s}"
        parts = [first, who(match, people)]
        yield "  ".join([*parts, *filter(None, [times, printable(source)])])


def who(match: Match, people: Mapping[int, str]) -> str:
    """The person that a clip shows by the data set; else its split."""
    return show(match.label, people) if match.label > 0 else match.split
