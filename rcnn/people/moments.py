"""When tracks are visible, and which of them cannot be one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Pairs = np.ndarray | Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Moments:
    """The time span of each track. Two overlapping tracks of a film show two people.

    films : (n,) int64, number of the film; equal for pieces of one film
    starts, ends : (n,) float64, seconds of the film; both 0 for the faces of a photograph, which all overlap
    """

    films: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.films) == len(self.starts) == len(self.ends):
            raise ValueError(f"{len(self.films)} films, {len(self.starts)} starts and {len(self.ends)} ends of tracks")

    def __getitem__(self, rows: np.ndarray) -> Moments:
        return Moments(self.films[rows], self.starts[rows], self.ends[rows])

    @staticmethod
    def unknown(tracks: int) -> Moments:
        """For tracks that may all be one person: each gets its own film number."""
        return Moments(np.arange(tracks), np.zeros(tracks), np.zeros(tracks))


@dataclass(frozen=True)
class Apart:
    """Constraints that keep tracks apart: moments, and pairs answered to be two people.

    pairs : (m, 2) int64, tracks
    """

    moments: Moments
    pairs: np.ndarray

    def conflicts(self, groups: np.ndarray, tracks: np.ndarray, pairs: bool = True) -> np.ndarray:
        """The groups, sorted, with two tracks that cannot be one person.

        Parameters
        ----------
        groups, tracks : (k,) int64, members of groups; a track may be in several
        pairs : whether to check the pairs too; then each track must be in one group only
        """
        order = np.lexsort((self.moments.ends[tracks], self.moments.starts[tracks], self.moments.films[tracks], groups))
        group, mine = groups[order], tracks[order]
        films, starts, ends = self.moments.films[mine], self.moments.starts[mine], self.moments.ends[mine]
        # if any two overlap, two neighbours in start order do
        near = (group[1:] == group[:-1]) & (films[1:] == films[:-1])
        overlap = near & ((starts[1:] < ends[:-1]) | (starts[1:] == starts[:-1]))
        found = [group[1:][overlap]]
        if pairs and len(self.pairs):
            owner = np.full(len(self.moments.films), -1, np.int64)
            owner[tracks] = groups
            first, second = owner[self.pairs[:, 0]], owner[self.pairs[:, 1]]
            found.append(first[(first == second) & (first >= 0)])
        return np.unique(np.concatenate(found))

    def forbidden(self, first: np.ndarray, second: np.ndarray, members: Members) -> np.ndarray:
        """Whether groups `first` and `second`, (k,) each, cannot be joined: (k,) bool."""
        numbers = np.arange(len(first))
        parts = [members.of(first), members.of(second)]
        groups = np.concatenate([numbers[which] for which, _ in parts])
        found = np.zeros(len(first), bool)
        found[self.conflicts(groups, np.concatenate([tracks for _, tracks in parts]), pairs=False)] = True
        if len(self.pairs):
            owners = members.owner[self.pairs]
            apart = np.unique(np.sort(owners, 1), axis=0)
            width = np.int64(members.count)
            keys = np.minimum(first, second) * width + np.maximum(first, second)
            found |= np.isin(keys, apart[:, 0] * width + apart[:, 1])
        return found


class Members:
    """The tracks of each group.

    Parameters
    ----------
    owner : (n,) int64, the group of each track, 0..count - 1
    """

    def __init__(self, owner: np.ndarray, count: int) -> None:
        self.owner, self.count = owner, count
        self.tracks = np.argsort(owner, kind="stable")
        self.sizes = np.bincount(owner, minlength=count)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def of(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All tracks of some groups (k,): for each track, the index of its group in `groups`, and the track."""
        sizes = self.sizes[groups]
        which = np.repeat(np.arange(len(groups)), sizes)
        within = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return which, self.tracks[self.starts[groups][which] + within]


def as_pairs(pairs: Pairs, tracks: int) -> np.ndarray:
    """(m, 2) int64, each pair once, the smaller first; raises ValueError if one does not name two different tracks."""
    found = np.asarray(pairs, np.int64).reshape(-1, 2)
    if len(found) and (found.min() < 0 or found.max() >= tracks or (found[:, 0] == found[:, 1]).any()):
        raise ValueError(f"a pair of {tracks} tracks must name two different ones, 0 to {tracks - 1}")
    return np.unique(np.sort(found, 1), axis=0)
