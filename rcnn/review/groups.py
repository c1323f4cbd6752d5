"""Unknown people for the page: their tracks, in groups of one person each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..people.answers import Given, Spot
from .items import DIGITS, face_of, items
from .places import Places
from .run_model import RunModel, View

AT_ONCE = 2000  # tracks that are grouped while the page waits: a tenth of a second
MORE = 0.01  # share of tracks that must be newly unknown, if there are many
SINGLE = -1  # group of a track that is similar to no other
FACES = 12  # of a group that are shown together

# groups (k,) of some tracks, by their numbers, and pairs of indices among them that are one person, and that are two
GroupTracks = Callable[[np.ndarray, list[tuple[int, int]], list[tuple[int, int]]], np.ndarray]


@dataclass(frozen=True)
class _Found:
    """Groups of the tracks that were unknown at a certain time.

    group : (n,) int64 of all tracks; SINGLE also for known ones
    unknown : (n,) bool, the tracks that were
    pairs : answered to be one person, and to be two
    """

    group: np.ndarray
    unknown: np.ndarray
    pairs: tuple[Any, ...]


class Groups:
    """Groups that follow the answers. If there are many tracks they are rebuilt in the background; until then the page
    gets the previous ones, without the tracks that have a name now.

    Parameters
    ----------
    model : of the run
    group_tracks : makes groups
    changed : called without arguments when groups were rebuilt in the background
    """

    def __init__(self, model: RunModel, group_tracks: GroupTracks, changed: Callable[[], None]) -> None:
        self._model, self._group_tracks, self._changed = model, group_tracks, changed
        self._found: _Found | None = None
        self._lock = threading.Lock()
        self._task: tuple[np.ndarray, Given] | None = None  # input of the background grouping
        self._working = False

    def of(self, view: View) -> np.ndarray:
        """The group (n,) int64 of each unknown track; SINGLE for all others."""
        unknown = view.standing.unknown
        found = self._found
        if found is None or found.pairs != _pairs(view.given) or self._has_more(unknown, found.unknown):
            if unknown.sum() <= AT_ONCE:
                found = self._found = self._make(unknown, view.given)
            else:
                self._make_beside(unknown, view.given)
        return np.full(len(unknown), SINGLE) if found is None else np.where(unknown, found.group, SINGLE)

    def _has_more(self, unknown: np.ndarray, before: np.ndarray) -> bool:
        """Whether enough tracks have become unknown to rebuild groups."""
        more = int((unknown & ~before).sum())
        return more > (0 if unknown.sum() <= AT_ONCE else MORE * before.sum())

    @property
    def ready(self) -> bool:
        """Whether groups exist, and none are being made."""
        return self._found is not None and not self._working

    def members(self, view: View) -> Mapping[int, int]:
        """The group by the number of the track, of those that are in one."""
        group = self.of(view)
        numbers = np.flatnonzero(group != SINGLE)
        return dict(zip(numbers.tolist(), group[numbers].tolist(), strict=True))

    def counts(self, view: View) -> dict[str, int]:
        """How many groups and unknown tracks there are, without those that are hidden."""
        group, seen = self.of(view), view.standing.unknown & ~view.standing.hidden
        mine = group[seen]
        return {"groups": len(np.unique(mine[mine != SINGLE])), "tracks": int(seen.sum())}

    def listed(self, view: View, offset: int, count: int, hidden: bool) -> dict[str, Any]:
        """Groups, the most certain first: those with hidden tracks, or with visible ones."""
        tracks = self._model.run.tracks
        group = self.of(view)
        chosen = np.flatnonzero((group != SINGLE) & (view.standing.hidden == hidden))
        order = chosen[np.lexsort((-tracks.quality[chosen], group[chosen]))]
        names, starts = np.unique(group[order], return_index=True)
        ends = [*starts[1:].tolist(), len(order)][: len(names)]  # nothing of nothing
        page = list(zip(names.tolist(), starts.tolist(), ends, strict=True))[offset : offset + count]
        return {"total": len(names), "items": [self._group(name, order[start:end]) for name, start, end in page]}

    def group(self, view: View, places: Places, number: int) -> dict[str, Any]:
        """The group of a track, with all its tracks, the best faces first."""
        group = self.of(view)
        name = int(group[number])
        hidden = view.standing.hidden[number]
        same = (
            np.flatnonzero((group == name) & (view.standing.hidden == hidden)) if name != SINGLE else np.array([number])
        )
        numbers = same[np.argsort(-self._model.run.tracks.quality[same], kind="stable")]
        return {"group": name, "items": items(self._model, view, places, numbers)}

    def _group(self, name: int, numbers: np.ndarray) -> dict[str, Any]:
        """A group with these tracks; `sure` is the mean cosine of two of them."""
        tracks = self._model.run.tracks
        count = len(numbers)
        total = tracks.vectors[numbers].sum(0, dtype=np.float64)
        spots = [self._model.spot(number) for number in numbers[:FACES].tolist()]
        return {
            "group": name,
            "tracks": count,
            "films": len(np.unique(tracks.film[numbers])),
            "seconds": round(float((tracks.end[numbers] - tracks.start[numbers]).sum()), DIGITS),
            "sure": round(float((total @ total - count) / (count * (count - 1))) if count > 1 else 0.0, DIGITS),
            "faces": [
                {"clip": spot.clip, "track": spot.track, "face": face_of((spot.clip, spot.track))} for spot in spots
            ],
        }

    def _make(self, unknown: np.ndarray, given: Given) -> _Found:
        numbers = np.flatnonzero(unknown)
        place = {number: index for index, number in enumerate(numbers.tolist())}

        def places(spots: tuple[tuple[Spot, Spot], ...]) -> list[tuple[int, int]]:
            found = (tuple(self._model.number((spot.clip, spot.track)) for spot in pair) for pair in spots)
            return [(place[a], place[b]) for a, b in found if a in place and b in place]

        group = np.full(len(unknown), SINGLE, np.int64)
        if len(numbers):
            group[numbers] = self._group_tracks(numbers, places(given.together), places(given.apart))
        return _Found(group, unknown, _pairs(given))

    def _make_beside(self, unknown: np.ndarray, given: Given) -> None:
        with self._lock:
            self._task = unknown, given
            if self._working:
                return
            self._working = True
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                task, self._task = self._task, None
                if task is None:
                    self._working = False
                    break
            self._found = self._make(*task)
        self._changed()


def _pairs(given: Given) -> tuple[Any, ...]:
    return given.together, given.apart
