"""The contents of a report, independent of its layout."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .found import SeenClip, Sightings
    from .made import Made
    from .sureness import Sureness

RIGHT, WRONG, UNKNOWN = "right", "wrong", ""  # of an entry; unknown where there is no truth


@dataclass(frozen=True)
class Entry:
    """A clip on a person's card.

    clip : file name
    rank : from 1; None if the clip is not among those that were ranked
    score : of the person for this clip; None if there is none
    verdict : RIGHT, WRONG or UNKNOWN
    note : who it is in truth, or why the clip was not found; may be empty
    picture : JPEG of its best face, None if there is none or the page has no room for it
    source : path of the user's own file that the clip was made of; empty if it is not known
    """

    clip: str
    rank: int | None = None
    score: float | None = None
    verdict: str = UNKNOWN
    note: str = ""
    picture: bytes | None = None
    source: str = ""

    @property
    def title(self) -> str:
        """Displayed name of the clip: that of the user's own file, else its own."""
        return self.source.rpartition("/")[2] or self.clip


@dataclass(frozen=True)
class Person:
    """A card.

    label : None for a photograph that was searched for
    name : empty if it is not known
    ap : average precision 0..1; None without truth
    positives, found : clips of the truth, and those among the ranked ones
    entries : the ranked clips that are shown, best first; none if there are sightings
    missed : clips of the truth that were not ranked
    known : JPEGs of faces from training clips, or the photograph that was searched for
    confusions : who it is confused with and in how many clips, most first
    sightings : when they appear in which clip; None if there is no table of that
    """

    label: int | None
    name: str = ""
    ap: float | None = None
    positives: int = 0
    found: int = 0
    ranked: int = 0
    entries: Sequence[Entry] = ()
    missed: Sequence[Entry] = ()
    known: Sequence[bytes] = ()
    confusions: Sequence[tuple[str, int]] = ()
    sightings: Sightings | None = None

    @property
    def title(self) -> str:
        """Title of the card."""
        return self.name or f"label {self.label}"


@dataclass(frozen=True)
class Qualities:
    """A histogram of the quality of faces.

    measure : the measure of quality, for the axis
    counts : by step; step i holds qualities of i * step to (i + 1) * step
    step : width of a step
    threshold : smallest quality that is kept; None where faces were not dropped by it
    kept_only : whether dropped faces are missing from the counts
    """

    measure: str
    counts: Mapping[int, int]
    step: float
    threshold: float | None = None
    kept_only: bool = False

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Coverage:
    """The states of the clips of one detect directory.

    where : the directory
    states : clips by state
    reasons : state, reason with its numbers taken out, and number of clips, most first
    faces_seen, faces_kept : chosen faces, and those of sufficient quality
    """

    where: str
    states: Mapping[str, int]
    reasons: Sequence[tuple[str, str, int]]
    faces_seen: int
    faces_kept: int
    qualities: Qualities

    @property
    def name(self) -> str:
        """The name of the directory."""
        return os.path.basename(self.where)

    @property
    def clips(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True)
class Epoch:
    """A point of the training curve; accuracies 0..1, loss in nats."""

    epoch: int
    accuracy: float
    loss: float
    val_accuracy: float | None = None


@dataclass(frozen=True)
class StageRow:
    """A stage directory of the run: clips and rows in it, and how long it took."""

    path: str
    stage: str
    clips: int
    rows: int
    seconds: float


@dataclass(frozen=True)
class Report:
    """The contents of a page.

    title : of the page
    facts : lines under it
    score_name : what the number beside a clip is, `score` or `similarity`
    scores : average precision by label; empty without truth
    precision, best_precision : mean over people at ranks 1, 2, ..., and what a perfect ranking would have
    people : cards, in the order of labels
    all_people : how many there are, shown or not
    chosen : why these, if not all are shown; may be empty
    stages : directories of the run, the earliest first
    notes : missing inputs
    clips : the view by clip
    all_clips : how many show somebody, shown or not
    names : of the people in that view, by label; empty if one is not known
    absent : people who are in no clip
    sureness : what the verdicts go by; None if there are none
    made : what it was made with; None if that is not known
    heads : the origin of the scores, one line per classifier
    """

    title: str
    facts: Sequence[str] = ()
    score_name: str = "score"
    scores: Mapping[int, float] = field(default_factory=dict)
    precision: Sequence[float] = ()
    best_precision: Sequence[float] = ()
    coverage: Sequence[Coverage] = ()
    curve: Sequence[Epoch] = ()
    people: Sequence[Person] = ()
    all_people: int = 0
    chosen: str = ""
    stages: Sequence[StageRow] = ()
    notes: Sequence[str] = ()
    clips: Sequence[SeenClip] = ()
    all_clips: int = 0
    names: Mapping[int, str] = field(default_factory=dict)
    absent: Sequence[str] = ()
    sureness: Sureness | None = None
    made: Made | None = None
    heads: Sequence[str] = ()

    @property
    def dated(self) -> bool:
        """Whether any card shows when a person appears."""
        return any(person.sightings is not None for person in self.people)

    @property
    def titles(self) -> Mapping[int, str]:
        """Names of people by label, including those without a card."""
        return {label: name or f"label {label}" for label, name in self.names.items()}

    @property
    def mean_precision(self) -> float:
        """MAP@100; 0 if there is no score."""
        return sum(self.scores.values()) / len(self.scores) if self.scores else 0.0

    @property
    def perfect(self) -> int:
        """People with an average precision of 1."""
        return sum(ap >= 1 for ap in self.scores.values())

    @property
    def never_found(self) -> int:
        """People with an average precision of 0."""
        return sum(ap <= 0 for ap in self.scores.values())
