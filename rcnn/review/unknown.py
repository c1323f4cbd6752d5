"""How tracks of people whom nobody knows are put into groups."""

from __future__ import annotations

import numpy as np

from .groups import GroupTracks
from .run_files import RunFiles


def tracks_to_groups(run: RunFiles) -> GroupTracks:
    """Makes groups of some of the tracks of a run; see `groups.GroupTracks`."""
    from scipy.sparse.csgraph import connected_components

    def group(numbers: np.ndarray, must: list[tuple[int, int]], cannot: list[tuple[int, int]]) -> np.ndarray:
        vectors = run.tracks.vectors[numbers]
        near = (vectors @ vectors.T) > 0.5
        for a, b in must:
            near[a, b] = near[b, a] = True
        for a, b in cannot:
            near[a, b] = near[b, a] = False
        _, labels = connected_components(near)
        sizes = np.bincount(labels)
        order = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
        return np.where(sizes[labels] > 1, order[labels], -1)

    return group
