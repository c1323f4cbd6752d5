"""How tracks of people whom nobody knows are put into groups."""

from __future__ import annotations

import numpy as np

from ..people.grouping import GroupingSettings, group_tracks
from ..people.moments import Moments
from ..stages.appearances import card_of
from .groups import GroupTracks
from .run_files import RunFiles


def tracks_to_groups(run: RunFiles) -> GroupTracks:
    """Makes groups of some of the tracks of a run; see `groups.GroupTracks`."""
    tracks = run.tracks
    filled = tracks.ends[1:] > tracks.ends[:-1]
    first = np.where(filled, tracks.shown[np.minimum(tracks.ends[:-1], max(len(tracks.shown) - 1, 0))], 0.0)
    last = np.where(filled, tracks.shown[tracks.ends[1:] - 1], 0.0)
    card = card_of(run.features)

    def group(numbers: np.ndarray, must: list[tuple[int, int]], cannot: list[tuple[int, int]]) -> np.ndarray:
        moments = Moments(tracks.film[numbers].astype(np.int64), first[numbers], last[numbers])
        settings = GroupingSettings.of(card, len(numbers))
        return group_tracks(tracks.vectors[numbers], moments, settings, must, cannot)

    return group
