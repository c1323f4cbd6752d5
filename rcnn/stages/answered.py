"""The user's answers about the tracks of stage directories, for the stages that learn from them."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..clips.layout import PEOPLE_FILE
from ..clips.roster import read_roster
from ..errors import InputError
from ..files import on_disk
from ..people.answers import ANSWERS_FILE, read_given, read_standing
from ..people.lessons import TaughtGallery
from ..people.meaning import Given, meaning
from ..people.relocation import FaceIndex, relocate
from ..people.templates import Gallery
from ..people.track_vectors import read_cohort, read_vectors
from ..tables import StageReader

FLAG = "--answers"


@dataclass(frozen=True)
class Answered:
    """Answers about tracks that exist.

    given : what they say about who is who
    count : answers in the file that were not taken back
    lost : how many of these are about tracks that no longer exist
    """

    given: Given
    count: int = 0
    lost: int = 0

    @staticmethod
    def read(path: str | None, detections: Sequence[StageReader]) -> Answered:
        """Read a file of answers.

        Parameters
        ----------
        path : None for no answers
        detections : of detect.py; without one, the track numbers are trusted

        Raises
        ------
        InputError
            If it does not exist or can't be read.
        """
        if path is None:
            return Answered(Given())
        if not os.path.exists(on_disk(path, FLAG)):
            raise InputError(f"{FLAG} {path}: does not exist; leave it out, or name the {ANSWERS_FILE} of a run")
        standing = read_standing(path)
        found, lost = relocate(standing, FaceIndex(detections)) if detections else (standing, 0)
        return Answered(meaning(found).of_people, len(standing), lost)

    @property
    def sums(self) -> dict[str, str]:
        """What a manifest records about them; nothing without answers."""
        return {ANSWERS_FILE: self.given.digest()} if self.given else {}

    def line(self, without: int = 0) -> str:
        """How many count, in words.

        Parameters
        ----------
        without : tracks that have no vector
        """
        lost = self.lost + without
        unused = f"; {lost} are about tracks that no longer exist, and are not used" if lost else ""
        return f"answers: {self.count}{unused}"

    def teach(self, plain: Gallery, features: StageReader, known: Sequence[StageReader]) -> Gallery | TaughtGallery:
        """A gallery that has learnt from the answers, and a line about them.

        Parameters
        ----------
        plain : of `known`, read with these answers
        features : of the clips that are searched

        Raises
        ------
        InputError
            If nobody is known.
        """
        if not self.given:
            return plain
        vectors = read_vectors([features, *known], {*self.given.shown, *self.given.denied})
        found = TaughtGallery.of(plain, self.given, vectors, *read_cohort(features))
        if not len(found.labels):
            raise InputError(f"{FLAG}: no answer names a person by a track that exists, and no clip has a label")
        print(self.line(without_vector(self.given, vectors)), flush=True)
        return found


def has_answers(root: str) -> str | None:
    """The file of answers of a run, where it has one."""
    path = os.path.join(root, ANSWERS_FILE)
    return path if os.path.exists(path) else None


def enlist(root: str, dataset: str) -> None:
    """Add the people who were named at the desk of a run to its data set, if that is ours to change.

    Raises
    ------
    InputError
        If a list or the file of answers can't be read, or a list can't be written.
    """
    path = has_answers(root)
    if path is not None and os.path.isfile(os.path.join(dataset, PEOPLE_FILE)):
        given, roster = read_given(path), read_roster(dataset)
        after = roster.enlisted(given.people, given.renamed)
        if after != roster:
            after.write(roster)


def without_vector(given: Given, vectors: Collection[object]) -> int:
    """How many of the tracks with an answer have no vector."""
    return len({*given.shown, *given.denied} - {*vectors})
