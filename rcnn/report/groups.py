"""The contents of a page of groups, independent of its layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .found import Sighting


@dataclass(frozen=True)
class ShownGroup:
    """A card.

    number : of the group
    tracks, files : how many it has
    sureness : smallest similarity of its tracks, a cosine
    sightings : shown tracks, the most similar to the others first
    """

    number: int
    tracks: int
    files: int
    sureness: float
    sightings: Sequence[Sighting]


@dataclass(frozen=True)
class GroupsView:
    """All of the page; `facts` are lines under the title."""

    title: str
    facts: Sequence[str]
    groups: Sequence[ShownGroup]
    all_groups: int
