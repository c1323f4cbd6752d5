"""What a page of groups shows, apart from how it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .found import Sighting


@dataclass(frozen=True)
class ShownGroup:
    """A card.

    number : of the group
    tracks, files : how many it has
    sureness : least likeness of its tracks, a cosine
    sightings : tracks that are shown, those most like the others first
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
