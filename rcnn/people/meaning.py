"""Answers about the tracks of a run, and their combined meaning."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

YES_ANSWER, NO_ANSWER = "yes", "no"
MERGE, RENAME, PERSON = "merge", "rename", "person"
HIDE, SHOW = "hide", "show"
TOGETHER, APART = "together", "apart"
KINDS = (YES_ANSWER, NO_ANSWER, MERGE, RENAME, PERSON, HIDE, SHOW, TOGETHER, APART)
BOX_SIDES = 4  # x1, y1, x2, y2


@dataclass(frozen=True, order=True)
class Spot:
    """A track of a clip."""

    clip: str
    track: int


@dataclass(frozen=True)
class Seen:
    """The best face of a track, by which an answer finds its track after detection is repeated.

    time : seconds from the start of the file
    box : x1, y1, x2, y2 in pixels of the upright frame
    """

    time: float
    box: tuple[float, ...]


@dataclass(frozen=True)
class Answer:
    """A single answer.

    kind : yes (the track shows the label), no (it does not), merge (label `other` is the same as `label`), rename (the
        label gets the name `name`), person (the label is a new person called `name`), hide and show (exclude the track,
        and include it again), together and apart (two tracks are one person, or are not)
    spot : the track
    label, other : of people, 1 or more
    spot2 : the second track of together and apart
    time, box : of the best face of `spot`, see `Seen`
    time2, box2 : of the best face of `spot2`

    Raises
    ------
    ValueError
        If something that the kind needs is missing or out of range.
    """

    kind: str
    spot: Spot | None = None
    label: int | None = None
    other: int | None = None
    name: str = ""
    spot2: Spot | None = None
    time: float | None = None
    box: tuple[float, ...] | None = None
    time2: float | None = None
    box2: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not one of {', '.join(KINDS)}")
        of_track = self.kind in (YES_ANSWER, NO_ANSWER, HIDE, SHOW, TOGETHER, APART)
        if of_track != (self.spot is not None):
            raise ValueError(f"{self.kind} {'needs' if of_track else 'has no'} track")
        of_pair = self.kind in (TOGETHER, APART)
        if of_pair != (self.spot2 is not None) or (of_pair and self.spot == self.spot2):
            raise ValueError(f"{self.kind} {'needs two different tracks' if of_pair else 'has no second track'}")
        labelled = self.kind in (YES_ANSWER, NO_ANSWER, MERGE, RENAME, PERSON)
        if labelled != (self.label is not None) or (self.label is not None and self.label < 1):
            raise ValueError(f"{self.kind} {'needs a label of 1 or more' if labelled else 'has no label'}")
        merges = self.kind == MERGE
        if merges != (self.other is not None) or (merges and (self.other == self.label or (self.other or 0) < 1)):
            raise ValueError(f"{self.kind} {'needs two different labels' if merges else 'has no other label'}")
        named = self.kind in (RENAME, PERSON)
        if named != bool(self.name.strip()) or "\n" in self.name or "\r" in self.name:
            raise ValueError(f"{self.kind} {'needs a name of one line' if named else 'has no name'}")
        for time, box in ((self.time, self.box), (self.time2, self.box2)):
            if (time is None) != (box is None) or (box is not None and len(box) != BOX_SIDES):
                raise ValueError("time and box come together, and a box has 4 sides")
            if not all(math.isfinite(value) for value in (time or 0.0, *(box or ()))):
                raise ValueError("time and box must be finite")

    @property
    def spots(self) -> tuple[Spot, ...]:
        """Its tracks, up to two."""
        return tuple(spot for spot in (self.spot, self.spot2) if spot is not None)


@dataclass(frozen=True)
class Given:
    """The combined meaning of all answers: without those taken back, with merges resolved; later answers win.

    shown : the person that a track shows
    denied : people that a track does not show; never the one that it shows
    people : names of people without photographs, named at the desk
    renamed : new names of the other people
    merged : current label, by merged label
    hidden : excluded tracks
    together, apart : pairs of tracks of one person, and of two people; each pair sorted, and in only one of the two
    seen : the best face of each track, if an answer contains it
    """

    shown: Mapping[Spot, int] = field(default_factory=dict)
    denied: Mapping[Spot, frozenset[int]] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    renamed: Mapping[int, str] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    hidden: frozenset[Spot] = frozenset()
    together: tuple[tuple[Spot, Spot], ...] = ()
    apart: tuple[tuple[Spot, Spot], ...] = ()
    seen: Mapping[Spot, Seen] = field(default_factory=dict)

    def label(self, label: int) -> int:
        """The current label of a label."""
        return self.merged.get(label, label)

    @property
    def of_people(self) -> Given:
        """The part about known people, without groups of unknown people."""
        return Given(self.shown, self.denied, self.people, self.renamed, self.merged)

    def allows(self, spot: Spot, label: int) -> bool:
        """Whether the answers allow that a track shows a person."""
        return self.shown.get(spot, label) == label and label not in self.denied.get(spot, ())

    @property
    def names(self) -> dict[int, str]:
        """All names given at the desk, by label."""
        return {**self.people, **self.renamed}

    def __bool__(self) -> bool:
        return self != Given(seen=self.seen)

    def digest(self) -> str:
        """Hexadecimal SHA-256 of the meaning, equal for all answer sequences with the same meaning."""
        meaning = [
            sorted((spot.clip, spot.track, label) for spot, label in self.shown.items()),
            sorted((spot.clip, spot.track, sorted(labels)) for spot, labels in self.denied.items()),
            sorted(self.people.items()),
            sorted(self.renamed.items()),
            sorted(self.merged.items()),
            sorted((spot.clip, spot.track) for spot in self.hidden),
            *([(a.clip, a.track, b.clip, b.track) for a, b in sorted(pairs)] for pairs in (self.together, self.apart)),
            sorted((spot.clip, spot.track, at.time, *at.box) for spot, at in self.seen.items()),
        ]
        text = json.dumps(meaning, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def meaning(answers: Iterable[Answer]) -> Given:
    """The combined meaning of answers.

    A merge also applies to earlier answers about the merged label. A yes cancels the no for the same person and track,
    and the track's yes for another person; a no cancels the yes for the same person. Of two contradictory merges, the
    first wins.

    Parameters
    ----------
    answers : in the order given, without those taken back
    """
    answers = list(answers)
    into: dict[int, int] = {}
    names: dict[int, tuple[str, str]] = {}  # kind and name
    for answer in answers:
        if answer.label is None:
            continue
        root = _root(into, answer.label)
        if answer.kind == MERGE and answer.other is not None and _root(into, answer.other) != root:
            into[_root(into, answer.other)] = root
        elif answer.kind == PERSON:
            names[root] = (PERSON, answer.name)
        elif answer.kind == RENAME:
            names[root] = (names[root][0] if root in names else RENAME, answer.name)
    shown: dict[Spot, int] = {}
    denied: dict[Spot, set[int]] = {}
    hidden: dict[Spot, bool] = {}
    pairs: dict[tuple[Spot, Spot], str] = {}
    seen: dict[Spot, Seen] = {}
    for answer in answers:
        for spot, time, box in ((answer.spot, answer.time, answer.box), (answer.spot2, answer.time2, answer.box2)):
            if spot is not None and time is not None and box is not None:
                seen[spot] = Seen(time, box)
        if answer.spot is None:
            continue
        if answer.label is not None:
            _say(shown, denied, answer.spot, _root(into, answer.label), answer.kind == YES_ANSWER)
        elif answer.spot2 is not None:
            first, second = sorted((answer.spot, answer.spot2))
            pairs[first, second] = answer.kind
        else:
            hidden[answer.spot] = answer.kind == HIDE
    return Given(
        shown=shown,
        denied={spot: frozenset(labels) for spot, labels in denied.items() if labels},
        people={label: name for label, (kind, name) in names.items() if kind == PERSON and label not in into},
        renamed={label: name for label, (kind, name) in names.items() if kind == RENAME and label not in into},
        merged={label: _root(into, label) for label in into},
        hidden=frozenset(spot for spot, gone in hidden.items() if gone),
        together=tuple(sorted(pair for pair, kind in pairs.items() if kind == TOGETHER)),
        apart=tuple(sorted(pair for pair, kind in pairs.items() if kind == APART)),
        seen=seen,
    )


def _say(shown: dict[Spot, int], denied: dict[Spot, set[int]], spot: Spot, label: int, yes: bool) -> None:
    against = denied.setdefault(spot, set())
    if yes:
        shown[spot] = label
        against.discard(label)
    else:
        against.add(label)
        if shown.get(spot) == label:
            del shown[spot]


def _root(into: Mapping[int, int], label: int) -> int:
    while label in into:
        label = into[label]
    return label
