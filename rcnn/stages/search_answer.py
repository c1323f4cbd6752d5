"""What is said about a search: who it is, and which clips show them."""

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
EVEN = 0.5  # share of photographs that show somebody known: nothing tells which, before they are looked at
SURE = 0.995  # a probability from which no rounded share is shown: it would be 100%


@dataclass(frozen=True)
class KnownPerson:
    """The known person that the photograph is most like.

    row, label : of the person
    cosine : of the photograph and the person's template
    probability : that it is the person, where it is as likely as not that somebody known is on the photograph
    verdict : yes, maybe, no
    point : the operating point that says so
    """

    row: int
    label: int
    cosine: float
    probability: float
    verdict: str
    point: OperatingPoint


@dataclass(frozen=True)
class Answer:
    """What is said about a search.

    person : None where no clip carries a label
    found : the most similar clips, whatever their verdicts
    point : of the clips
    verdicts, probabilities : of `found.matches`
    sources : the user's own file of a clip, by its name
    times : of a clip's most similar track, by the clip's name, where its faces are there
    """

    person: KnownPerson | None
    found: Found
    point: OperatingPoint
    verdicts: list[str]
    probabilities: np.ndarray
    sources: Mapping[str, str]
    times: Mapping[str, SeenTrack]

    def count(self, verdict: str) -> int:
        """How many of all clips have a verdict; about so many where an index gave cosines of a sample only."""
        cosines = self.found.similarities
        mine = self.point.verdicts(cosines, np.zeros(len(cosines), np.int32)) == verdict
        return int(mine.sum()) if self.found.weights is None else round(float(self.found.weights[mine].sum()))


def who_is(
    gallery: Gallery, run: Trials, vector: np.ndarray, false_hits: float, card: CardThresholds | None
) -> KnownPerson:
    """The known person that a vector (D,) of length 1 is most like, with a verdict.

    Parameters
    ----------
    run : of the gallery
    false_hits : photographs of 1,000 that show nobody known and may get a "yes"
    card : of the model; None where it was not measured
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
        return ["who: no clip here carries a label, so nobody is known; add what feature.py wrote of trainval"]
    who = show(person.label, people)
    roughly = "roughly " if person.point.record()["probabilities"] == STAND_IN else ""
    sure = f"cosine {person.cosine:.3f}, {roughly}{percent(person.probability)} likely"
    if person.verdict == NO:
        first = f"who: nobody known; the most similar is {who}: {sure}"
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
    """How many clips show the person, and from which cosine on they count."""
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
        lines.append(f"no clip here shows this person; the most similar one has the cosine {best.similarity:.3f}")
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
    """Whom the data set says a clip shows; else its split."""
    return show(match.label, people) if match.label > 0 else match.split
