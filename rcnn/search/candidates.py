"""The tracks of an index most similar to a vector: candidates by codes, then ranked by their true vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import local

import numpy as np

from ..faces.vectors import cosines_with
from ..workers.pipeline import cores, ordered_map
from .codes import Scanner
from .segment import CLIP, TRACK, VECTOR, Facts, Segment

CANDIDATES = 8192  # minimum number of tracks whose true vectors are compared; measured, see docs/scale-details.md
A_CLIP = 80  # of them for each requested clip
FIRST = 64  # tracks of each segment in the first round, in addition to four times its share of the candidates
SHARES, MORE = 4, 4  # factor for the next round if all tracks of a segment are candidates
AHEAD = 64  # segments started or done, and not yet consumed
READERS = 8  # threads that read rows: disks serve several requests at once


@dataclass(frozen=True)
class Tracks:
    """Tracks, the most similar first; all (n,).

    cosines : float32, of the true vectors
    segments, clips : number of the segment, and of the clip in it
    tracks : numbers of the tracks in their clips
    all : whether these are all tracks of the index
    """

    cosines: np.ndarray
    segments: np.ndarray
    clips: np.ndarray
    tracks: np.ndarray
    all: bool


def find_tracks(
    segments: Sequence[Segment], facts: Sequence[Facts], wanted: np.ndarray, turned: np.ndarray, clips: int
) -> Tracks:
    """The tracks most like a unit vector (D,), enough for so many clips.

    Parameters
    ----------
    turned : the vector, rotated as the codes are

    Raises
    ------
    SegmentError
        If a file does not have the bytes that were written.
    """
    total = sum(each.rows for each in facts)
    count = min(max(CANDIDATES, A_CLIP * clips), total)
    which, rows = _by_codes(segments, facts, turned, count, total)
    order = np.lexsort((rows, which))
    which, rows = which[order], rows[order]
    numbers, starts = np.unique(which, return_index=True)

    def read(piece: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        number, mine = piece
        records = segments[number].read_rows(facts[number], mine)
        cosines = cosines_with(records[VECTOR].astype(np.float32), wanted)
        return cosines, records[CLIP].astype(np.int64), records[TRACK]

    pieces = list(zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True)) if len(rows) else []
    found = list(ordered_map(read, pieces, READERS, AHEAD))
    none = np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int32)
    cosines, numbers_of_clips, tracks = (np.concatenate(each) for each in zip(none, *found, strict=True))
    best = np.argsort(-cosines, kind="stable")
    return Tracks(cosines[best], which[best], numbers_of_clips[best], tracks[best], count == total)


@dataclass
class _Taken:
    """The tracks taken from a segment by its codes, and whether there are more."""

    more: bool = True
    cosines: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def _by_codes(
    segments: Sequence[Segment], facts: Sequence[Facts], turned: np.ndarray, count: int, total: int
) -> tuple[np.ndarray, np.ndarray]:
    """Segments and rows (n,) of the `count` tracks with the greatest rough cosines.

    A few are taken from each segment, and more if all of these are among the best.
    """
    taken = [_Taken() for _ in segments]
    scanners = local()
    most = max((each.rows for each in facts), default=0)

    def take(job: tuple[int, int]) -> _Taken:
        number, few = job
        if not hasattr(scanners, "own"):
            scanners.own = Scanner(segments[number].width, most)
        segments[number].read_codes(facts[number], scanners.own.buffer)
        cosines, rows = scanners.own.nearest(turned, facts[number].rows, few)
        return _Taken(few < facts[number].rows, cosines, rows)

    few = {
        number: min(count, FIRST + SHARES * count * each.rows // total)
        for number, each in enumerate(facts)
        if each.rows
    }
    while few:
        for number, found in zip(few, ordered_map(take, few.items(), cores(), AHEAD), strict=True):
            taken[number] = found
        cosines = np.concatenate([each.cosines for each in taken])
        least = -np.partition(-cosines, count - 1)[count - 1] if len(cosines) >= count else -np.inf
        few = {
            number: min(count, MORE * before)
            for number, before in few.items()
            if taken[number].more and before < count and taken[number].cosines[-1] > least
        }
    which = np.repeat(np.arange(len(taken)), [len(each.rows) for each in taken])
    cosines = np.concatenate([np.zeros(0, np.float32), *(each.cosines for each in taken)])
    rows = np.concatenate([np.zeros(0, np.int64), *(each.rows for each in taken)])
    best = np.argsort(-cosines, kind="stable")[:count]
    return which[best], rows[best]
