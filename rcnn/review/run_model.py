"""The desk's model of a run: tracks, people and answers in memory, kept up to date with the log of answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ..clips.names import show
from ..files.text import printable
from ..people.answers import Answer, Answers, Given, Spot
from ..people.meaning import NO_ANSWER, YES_ANSWER
from ..scores.verdicts import YES
from .faces import Faces
from .judging import NOBODY, Standing
from .run_files import RunFiles
from .tracks import Place

LAST = 100  # latest answers, of which those that contradicted the previous state are counted


@dataclass(frozen=True)
class View:
    """The state at a revision of the answers.

    revision : of the log
    given : the meaning of all answers
    people : names of all known people by label, in the order of the labels
    standing : whom each track shows
    answers : number of valid ones
    lost : how many of these are about tracks that no longer exist
    changed : of the last `LAST` answers, those that contradicted the previous state
    """

    revision: int
    given: Given
    people: Mapping[int, str]
    standing: Standing
    answers: int
    lost: int
    changed: int

    def who(self, number: int) -> int | None:
        """Label of the person most similar to a track."""
        row = int(self.standing.best[number])
        return None if row == NOBODY else self.standing.labels[row]

    def name(self, label: int | None) -> str:
        """Of a person; empty for nobody."""
        return "" if label is None else self.people.get(label, "")


@dataclass
class RunModel:
    """The desk's memory. Thread-safe: use it only within `viewing`.

    Attributes
    ----------
    run : the tables
    faces : best faces
    log : of the answers
    """

    run: RunFiles
    log: Answers
    faces: Faces = field(init=False)

    def __post_init__(self) -> None:
        self.faces = Faces(self.run)
        self._lock = threading.RLock()
        self._surprises: dict[int, list[bool]] = {}  # by step
        self._view: View | None = None
        self._opened_as = self.run.state

    @contextmanager
    def viewing(self) -> Iterator[View]:
        """The current state, including other processes' answers; it does not change within the block."""
        with self._lock:
            yield self._refreshed()

    @property
    def revision(self) -> int:
        """Of the log; other processes raise it, too."""
        return self.log.revision()

    @property
    def outdated(self) -> str:
        """A sentence if the run was rebuilt since the desk was opened; else empty."""
        if self.run.state == self._opened_as:
            return ""
        return "The run was rebuilt since this desk was opened; end the desk and start it again."

    def _refreshed(self) -> View:
        revision = self.log.revision()
        view = self._view
        if view is not None and view.revision == revision:
            return view
        before = Standing.of(self.run.taught, self.run.tracks) if view is None else view.standing
        changed = self._count(before, -1 if view is None else view.revision)
        answers = self.log.standing()
        self.run.taught.update(answers)
        given = self.run.taught.given
        standing = Standing.of(self.run.taught, self.run.tracks)
        self._view = View(revision, given, self._people(given), standing, len(answers), self.run.taught.lost, changed)
        return self._view

    def _people(self, given: Given) -> dict[int, str]:
        labels = {*self.run.taught.labels.tolist(), *given.people, *given.shown.values()} - given.merged.keys()
        names = {**self.run.names, **given.names}
        return {label: printable(names.get(label) or show(label, {})) for label in sorted(labels)}

    def _count(self, standing: Standing, revision: int) -> int:
        """How many of the last answers contradicted the state before them; for answers older than the desk, the state
        without any answer."""
        last: list[bool] = []
        for step in self.log.steps(LAST):
            if step.step > revision:
                found = (self._against(answer, standing) for answer in step.answers)
                self._surprises[step.step] = [against for against in found if against is not None]
            if not step.undone:
                last += self._surprises.get(step.step, [])
        return sum(last[-LAST:])

    def _against(self, answer: Answer, standing: Standing) -> bool | None:
        """Whether an answer is another one than what stands; None where it says nothing about whom a track shows."""
        if answer.spot is None or answer.kind not in (YES_ANSWER, NO_ANSWER):
            return None
        number = self.number((answer.spot.clip, answer.spot.track))
        if number is None:
            return None
        row = int(standing.best[number])
        same = row != NOBODY and standing.labels[row] == answer.label
        return not same if answer.kind == YES_ANSWER else same and bool(standing.says(YES)[number])

    def number(self, place: Place) -> int | None:
        """Number of a track; None if the run has none there."""
        return self.run.tracks.places.get(place)

    def spot(self, number: int) -> Spot:
        """The identifier of a track in answers."""
        return Spot(self.run.tracks.name(number), int(self.run.tracks.track[number]))

    def cosine(self, label: int, number: int) -> float:
        """The probability for a track and a person, regardless of answers; 0 if nothing is known about the person."""
        gallery = self.run.taught.gallery
        row = np.flatnonzero(self.run.taught.labels == label)
        if gallery is None or not len(row):
            return 0.0
        return float(gallery.cosines(self.run.tracks.vectors[[number]], row)[0, 0])
