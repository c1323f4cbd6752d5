"""The desk of a run: all requests of its page, as Python calls."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..files.text import printable
from ..people.answers import Answers
from .answering import answer, read_asked
from .events import Events
from .films import film, films
from .groups import Groups
from .media import Media
from .people import people, person
from .places import Places
from .run_files import open_run
from .run_model import RunModel, View
from .searching import Search
from .unknown import tracks_to_groups


@dataclass
class Desk:
    """What the page asks for; any thread may call it."""

    model: RunModel
    gpu: int | None = None
    places: Places = field(init=False)
    groups: Groups = field(init=False)
    media: Media = field(init=False)
    search: Search = field(init=False)
    events: Events = field(init=False)

    def __post_init__(self) -> None:
        run = self.model.run
        self.events = Events(lambda: self.model.revision)
        self.places = Places(run.tracks.clips, run.paths)
        self.groups = Groups(self.model, tracks_to_groups(run), self.events.grouped)
        self.media = Media(self.model, self.places)
        self.search = Search(self.model, self.places, self.media.pool, self.gpu)
        with self.model.viewing() as view:
            self.groups.of(view)

    @staticmethod
    def open(root: str, dataset: str | None = None, gpu: int | None = None) -> Desk:
        """The desk of a run.

        Raises
        ------
        InputError
            As `open_run`, and if its answers can't be read.
        """
        run = open_run(root, dataset)
        return Desk(RunModel(run, Answers.open(run.answers)), gpu)

    def close(self) -> None:
        """End its processes."""
        self.media.pool.close()
        self.model.log.close()

    def state(self) -> dict[str, Any]:
        """All known people, and how much is left."""
        with self.model.viewing() as view:
            return self._state(view)

    def _state(self, view: View) -> dict[str, Any]:
        everybody = people(self.model, view)
        return {
            "run": printable(os.path.basename(os.path.abspath(self.model.run.root))),
            "revision": view.revision,
            "people": everybody,
            "unknown": {**self.groups.counts(view), "ready": self.groups.ready},
            "left": sum(one["left"] for one in everybody),
            "answers": view.answers,
            "lost": view.lost,
            "changed_last_100": view.changed,
            "hidden": int(np.count_nonzero(view.standing.hidden)),
            "outdated": self.model.outdated,
        }

    def answer(self, body: Any) -> dict[str, Any]:
        """Take an answer; raises `RefusedError`."""
        with self.model.viewing() as before:
            old = {one["label"]: one for one in people(self.model, before)}
            step = answer(self.model, read_asked(self.model, body))
        with self.model.viewing() as view:
            state = self._state(view)
        new = {one["label"]: one for one in state["people"]}
        changed = sorted(label for label in old.keys() | new.keys() if old.get(label) != new.get(label))
        return {"revision": state["revision"], "step": step, "changed": changed, "state": state}

    def person(self, label: int, offset: int, count: int, show: str) -> dict[str, Any] | None:
        with self.model.viewing() as view:
            return person(self.model, view, self.places, label, offset, count, show)

    def films(self, offset: int, count: int) -> dict[str, Any]:
        with self.model.viewing() as view:
            return films(self.model, view, offset, count)

    def film(self, clip: str) -> dict[str, Any] | None:
        with self.model.viewing() as view:
            return film(self.model, view, self.places, self.groups, clip)

    def group_list(self, offset: int, count: int, hidden: bool) -> dict[str, Any]:
        with self.model.viewing() as view:
            return self.groups.listed(view, offset, count, hidden)

    def group(self, clip: str, track: int) -> dict[str, Any] | None:
        with self.model.viewing() as view:
            number = self.model.number((clip, track))
            return None if number is None else self.groups.group(view, self.places, number)
