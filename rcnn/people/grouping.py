"""Groups tracks of unknown people, one group per person.

Near neighbours make a graph; Leiden (Traag, Waltman and van Eck 2019, with the constant Potts model) finds its dense
parts; then whichever two parts are most like each other are joined, as long as the mean cosine of their tracks is high
enough (average linkage, by reciprocal nearest neighbours: Murtagh 1983). Which steps, and their numbers, were chosen by
benchmarks/groups.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..scores.card_thresholds import CardThresholds
from .communities import Groups, contract, dense_parts, join_alike
from .moments import Apart, Moments, Pairs, as_pairs
from .neighbours import Edges, near_pairs, unit_rows

FALSE_NEIGHBOURS = 0.05  # tracks of other people that a track may have among its neighbours
LOW = 0.1  # of a threshold; the least that is believed of a card
BLOCK = 1 << 14  # rows that are in memory at once
SINGLE = -1  # the group of a track that is in none


@dataclass(frozen=True)
class GroupingSettings:
    """How alike tracks of one person are.

    alike : cosine from which two tracks are neighbours
    joined : mean cosine from which two groups are one
    density : of neighbours, in what Leiden takes for one part; the resolution of the constant Potts model
    neighbours : of a track that count at most, where there are many tracks
    """

    alike: float = 0.45
    joined: float = 0.45
    density: float = 0.01
    neighbours: int = 48

    @staticmethod
    def of(card: CardThresholds | None, tracks: int) -> GroupingSettings:
        """From the thresholds in the model's card and the number of tracks; without thresholds, the defaults.

        Each track is compared with all others, so the share of strangers that may be alike falls with their number;
        beyond what was measured the tail is taken for that of a normal distribution.
        """
        if card is None:
            return GroupingSettings()
        rate = min(FALSE_NEIGHBOURS / max(tracks, 1), card.rates[0])
        alike = max(_at(card, rate), LOW)
        return GroupingSettings(alike=alike, joined=alike)


def _at(card: CardThresholds, rate: float) -> float:
    """The cosine that a share `rate` of pairs of strangers reaches."""
    z = [-NormalDist().inv_cdf(each) for each in card.rates]
    wanted = -NormalDist().inv_cdf(rate)
    last = min(max(int(np.searchsorted(z, wanted)), 1), len(z) - 1)
    slope = (card.cosines[last] - card.cosines[last - 1]) / (z[last] - z[last - 1])
    return min(card.cosines[last - 1] + slope * (wanted - z[last - 1]), 1.0)


@dataclass(frozen=True)
class Grouped:
    """Tracks in groups.

    groups : (n,) int64: 0 is the surest group, then as `sureness` falls; -1 for a track that is alone
    likeness : (n,) float32, mean cosine of each track with the others of its group; 0 for one that is alone
    """

    groups: np.ndarray
    likeness: np.ndarray

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.groups.max(initial=SINGLE)) + 1

    @property
    def sureness(self) -> np.ndarray:
        """How sure it is that each group is one person, (count,) float32: the least likeness of its tracks."""
        found = np.ones(self.count, np.float32)
        several = self.groups >= 0
        np.minimum.at(found, self.groups[several], self.likeness[several])
        return found


def group_tracks(
    vectors: np.ndarray,
    moments: Moments | None = None,
    settings: GroupingSettings = GroupingSettings(),
    must: Pairs = (),
    cannot: Pairs = (),
) -> np.ndarray:
    """The group of each track, (n,) int64: `Grouped.groups` of `find_groups`, which says the rest."""
    return find_groups(vectors, moments, settings, must, cannot).groups


def find_groups(
    vectors: np.ndarray,
    moments: Moments | None = None,
    settings: GroupingSettings = GroupingSettings(),
    must: Pairs = (),
    cannot: Pairs = (),
) -> Grouped:
    """Put tracks into groups; the same ones for the same tracks in any order, whatever the number of threads.

    Parameters
    ----------
    vectors : (n, D) of length 1 and any float type, also a memory-mapped file
    moments : of the tracks; two that overlap are never in one group. None where any two may be one person
    must : pairs of tracks that are one person, and in one group, but where the moments or `cannot` forbid it
    cannot : pairs of tracks that are two people

    Raises
    ------
    ValueError
        If the shapes don't fit, or a pair names no two tracks.
    """
    count = len(vectors)
    moments = Moments.unknown(count) if moments is None else moments
    if vectors.ndim != 2 or len(moments.films) != count:
        raise ValueError(f"vectors of shape {vectors.shape} and moments of {len(moments.films)} tracks")
    must, cannot = as_pairs(must, count), as_pairs(cannot, count)
    if not count:
        return Grouped(np.zeros(0, np.int64), np.zeros(0, np.float32))
    order = _order(vectors, moments)
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    tracks = SortedTracks(vectors, order)
    apart = Apart(moments[order], np.sort(place[cannot], 1))
    groups = Groups(tracks, *_linked(np.unique(np.sort(place[must], 1), axis=0), apart))
    edges = near_pairs(tracks, settings.neighbours, settings.joined)
    edges = contract(edges[~_overlap(edges, apart.moments)], groups.owner)
    parts = dense_parts(edges, groups.count, settings.alike, settings.density)
    mixed = np.isin(parts[groups.owner], apart.conflicts(parts[groups.owner], np.arange(count)))
    parts[groups.owner[mixed]] = parts.max() + 1 + groups.owner[mixed]  # these are joined one by one
    join_alike(groups, contract(edges, groups.merge(parts)), apart, settings.joined)
    likeness = np.zeros(count, np.float32)
    likeness[order] = groups.likeness()
    found = np.full(count, SINGLE, np.int64)
    found[order] = _by_sureness(groups, likeness[order])
    return Grouped(found, likeness)


class SortedTracks:
    """Tracks in an order that depends only on themselves; the vectors are not moved."""

    def __init__(self, vectors: np.ndarray, order: np.ndarray) -> None:
        self._vectors, self._order = vectors, order
        self.width = vectors.shape[1]

    def __len__(self) -> int:
        return len(self._order)

    def unit(self, rows: np.ndarray | slice) -> np.ndarray:
        """Some of them, (k, D) float32 of length 1."""
        return unit_rows(self._vectors, self._order[rows])


def _order(vectors: np.ndarray, moments: Moments) -> np.ndarray:
    """The tracks by a digest of the vector, then by when they are in view."""
    digests = np.empty(len(vectors), np.uint64)
    for start in range(0, len(vectors), BLOCK):
        block = np.ascontiguousarray(vectors[start : start + BLOCK])
        for row, vector in enumerate(block, start):
            digest = hashlib.blake2b(vector.tobytes(), digest_size=8).digest()
            digests[row] = int.from_bytes(digest, "little")
    return np.lexsort((moments.ends, moments.starts, digests))


def _overlap(edges: Edges, moments: Moments) -> np.ndarray:
    """Whether the two tracks of each edge are in view at one moment."""
    one, other = moments[edges.first], moments[edges.second]
    later, sooner = np.maximum(one.starts, other.starts), np.minimum(one.ends, other.ends)
    return (one.films == other.films) & ((later < sooner) | (one.starts == other.starts))


def _linked(must: np.ndarray, apart: Apart) -> tuple[np.ndarray, int]:
    """The group of each track by the pairs that must be one, and how many groups; a pair that can't be is left out."""
    owner = np.arange(len(apart.moments.films))
    members = {int(track): [int(track)] for track in np.unique(must)}
    for one, other in must.tolist():
        first, second = sorted((int(owner[one]), int(owner[other])))
        both = np.array(members[first] + members[second])
        if first == second or len(apart.conflicts(np.zeros(len(both), np.int64), both)):
            continue
        owner[both] = first
        members[first] = both.tolist()
    _, numbers = np.unique(owner, return_inverse=True)
    return numbers, int(numbers.max()) + 1


def _by_sureness(groups: Groups, likeness: np.ndarray) -> np.ndarray:
    """The number of each track's group, the surest group first; of equal ones the larger first."""
    sizes = groups.members.sizes
    sureness = np.ones(groups.count, np.float32)
    np.minimum.at(sureness, groups.owner, likeness)
    order = np.lexsort((-sizes, -sureness, sizes < 2))
    numbers = np.empty(groups.count, np.int64)
    numbers[order] = np.arange(groups.count)
    return np.where(sizes[groups.owner] > 1, numbers[groups.owner], SINGLE)
