"""Groups tracks of unknown people, one group per person.

Near neighbours form a graph; Leiden (Traag, Waltman and van Eck 2019, with the constant Potts model) finds its dense
parts; then the two most similar parts are joined repeatedly while the mean cosine of their tracks is high enough
(average linkage by reciprocal nearest neighbours: Murtagh 1983). The steps and their parameters were chosen with
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

FALSE_NEIGHBOURS = 0.05  # accepted number of other people's tracks among the neighbours of a track
LOW = 0.1  # lower bound for a threshold from a model card
BLOCK = 1 << 14  # rows in memory at a time
SINGLE = -1  # the group of a track without group


@dataclass(frozen=True)
class GroupingSettings:
    """Similarity thresholds for tracks of one person.

    alike : cosine from which two tracks are neighbours
    joined : mean cosine from which two groups are joined
    density : mean edge weight of a part found by Leiden; the resolution of the constant Potts model
    neighbours : largest number of neighbours per track, used with many tracks
    """

    alike: float = 0.45
    joined: float = 0.45
    density: float = 0.01
    neighbours: int = 48

    @staticmethod
    def of(card: CardThresholds | None, tracks: int) -> GroupingSettings:
        """Derive from the thresholds in the model card and the number of tracks; without a card, the defaults.

        Each track is compared with all others, so the acceptable share of similar strangers falls with their number;
        beyond the measured range, the tail is extrapolated as that of a normal distribution.
        """
        if card is None:
            return GroupingSettings()
        rate = min(FALSE_NEIGHBOURS / max(tracks, 1), card.rates[0])
        alike = max(_at(card, rate), LOW)
        return GroupingSettings(alike=alike, joined=alike)


def _at(card: CardThresholds, rate: float) -> float:
    """The cosine that a share `rate` of stranger pairs reaches."""
    z = [-NormalDist().inv_cdf(each) for each in card.rates]
    wanted = -NormalDist().inv_cdf(rate)
    last = min(max(int(np.searchsorted(z, wanted)), 1), len(z) - 1)
    slope = (card.cosines[last] - card.cosines[last - 1]) / (z[last] - z[last - 1])
    return min(card.cosines[last - 1] + slope * (wanted - z[last - 1]), 1.0)


@dataclass(frozen=True)
class Grouped:
    """Result of grouping.

    groups : (n,) int64: groups numbered from 0 by falling `sureness`; -1 for a single track
    likeness : (n,) float32, mean cosine of each track with the others of its group; 0 for a single track
    """

    groups: np.ndarray
    likeness: np.ndarray

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.groups.max(initial=SINGLE)) + 1

    @property
    def sureness(self) -> np.ndarray:
        """Confidence that each group is one person, (count,) float32: the lowest likeness of its tracks."""
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
    """The group of each track, (n,) int64: `Grouped.groups` of `find_groups`; see there."""
    return find_groups(vectors, moments, settings, must, cannot).groups


def find_groups(
    vectors: np.ndarray,
    moments: Moments | None = None,
    settings: GroupingSettings = GroupingSettings(),
    must: Pairs = (),
    cannot: Pairs = (),
) -> Grouped:
    """Group tracks. The result does not depend on the order of the tracks or the number of threads.

    Parameters
    ----------
    vectors : (n, D) unit vectors of any float type, possibly memory-mapped
    moments : of the tracks; two that overlap are never in one group. None if any two may be one person
    must : pairs of tracks of one person, which are in one group unless the moments or `cannot` forbid it
    cannot : pairs of tracks of two people

    Raises
    ------
    ValueError
        If the shapes do not match, or a pair does not name two different tracks.
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
    parts[groups.owner[mixed]] = parts.max() + 1 + groups.owner[mixed]  # these are joined one by one below
    join_alike(groups, contract(edges, groups.merge(parts)), apart, settings.joined)
    likeness = np.zeros(count, np.float32)
    likeness[order] = groups.likeness()
    found = np.full(count, SINGLE, np.int64)
    found[order] = _by_sureness(groups, likeness[order])
    return Grouped(found, likeness)


class SortedTracks:
    """Tracks in an order that depends only on their content; the vectors are not copied."""

    def __init__(self, vectors: np.ndarray, order: np.ndarray) -> None:
        self._vectors, self._order = vectors, order
        self.width = vectors.shape[1]

    def __len__(self) -> int:
        return len(self._order)

    def unit(self, rows: np.ndarray | slice) -> np.ndarray:
        """Unit vectors of some tracks, (k, D) float32."""
        return unit_rows(self._vectors, self._order[rows])


def _order(vectors: np.ndarray, moments: Moments) -> np.ndarray:
    """Sort order of the tracks: by a digest of the vector, then by time."""
    digests = np.empty(len(vectors), np.uint64)
    for start in range(0, len(vectors), BLOCK):
        block = np.ascontiguousarray(vectors[start : start + BLOCK])
        for row, vector in enumerate(block, start):
            digest = hashlib.blake2b(vector.tobytes(), digest_size=8).digest()
            digests[row] = int.from_bytes(digest, "little")
    return np.lexsort((moments.ends, moments.starts, digests))


def _overlap(edges: Edges, moments: Moments) -> np.ndarray:
    """Whether the two tracks of each edge overlap in time."""
    one, other = moments[edges.first], moments[edges.second]
    later, sooner = np.maximum(one.starts, other.starts), np.minimum(one.ends, other.ends)
    return (one.films == other.films) & ((later < sooner) | (one.starts == other.starts))


def _linked(must: np.ndarray, apart: Apart) -> tuple[np.ndarray, int]:
    """The group of each track by the `must` pairs, and the number of groups; impossible pairs are ignored."""
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
    """The group of each track, renumbered by falling sureness, then by falling size."""
    sizes = groups.members.sizes
    sureness = np.ones(groups.count, np.float32)
    np.minimum.at(sureness, groups.owner, likeness)
    order = np.lexsort((-sizes, -sureness, sizes < 2))
    numbers = np.empty(groups.count, np.int64)
    numbers[order] = np.arange(groups.count)
    return np.where(sizes[groups.owner] > 1, numbers[groups.owner], SINGLE)
