"""Groups tracks of unknown people."""

from __future__ import annotations

import numpy as np

from ..people.grouping import GroupingSettings, group_tracks
from ..people.moments import Moments
from ..stages.appearances import card_of
from .groups import SINGLE, GroupTracks
from .run_files import RunFiles


def tracks_to_groups(run: RunFiles) -> GroupTracks:
    """Makes groups of some of the tracks of a run; see `groups.GroupTracks`."""
    tracks = run.tracks
    filled = tracks.ends[1:] > tracks.ends[:-1]
    first = np.where(filled, tracks.shown[np.minimum(tracks.ends[:-1], max(len(tracks.shown) - 1, 0))], 0.0)
    last = np.where(filled, tracks.shown[tracks.ends[1:] - 1], 0.0)
    card = card_of(run.features)

    def group(numbers: np.ndarray, must: list[tuple[int, int]], cannot: list[tuple[int, int]]) -> np.ndarray:
        asked = np.unique(np.array(must, np.int64))  # an answer that joins a double to others takes precedence
        kept = np.flatnonzero(~tracks.double[numbers] | np.isin(np.arange(len(numbers)), asked))
        place = {int(old): new for new, old in enumerate(kept)}
        moments = Moments(tracks.film[numbers[kept]].astype(np.int64), first[numbers[kept]], last[numbers[kept]])
        inside = ([(place[a], place[b]) for a, b in pairs if a in place and b in place] for pairs in (must, cannot))
        found = np.full(len(numbers), SINGLE, np.int64)
        found[kept] = group_tracks(
            tracks.vectors[numbers[kept]], moments, GroupingSettings.of(card, len(kept)), *inside
        )
        return found

    return group
