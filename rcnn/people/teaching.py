"""Which track of a clip with several people teaches the classifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np

from ..faces.vectors import normalise
from ..tables import clip_starts
from ..tables.join import Batch

ROUNDS = 4  # of choosing; most choices stand after two


def agreeing_tracks(batches: Iterable[Batch]) -> dict[str, int]:
    """For each labelled clip with several tracks, which of them is likest to the other clips of its label.

    Begins with the main tracks, and chooses anew while choices change: a person is in all clips of a label, and who
    stands beside the person differs. The vectors of labelled clips are in memory, rows x D float32.

    Returns
    -------
    Index of the track among those of the clip, by name; a clip with one track, or with the only one of a label, is not
    in it.
    """
    clips: dict[int, list[tuple[str, np.ndarray]]] = {}
    for batch in batches:
        for start, end in pairwise([*clip_starts(batch.names), len(batch.names)]):
            if batch.labels[start] > 0:
                tracks = normalise(batch.vectors[start:end])
                clips.setdefault(batch.labels[start], []).append((batch.names[start], tracks))
    chosen: dict[str, int] = {}
    for mine in clips.values():
        if len(mine) > 1 and any(len(tracks) > 1 for _, tracks in mine):
            chosen.update(_choose(mine))
    return chosen


def _choose(clips: list[tuple[str, np.ndarray]]) -> dict[str, int]:
    """The choice among the clips of one label."""
    choice = np.zeros(len(clips), int)
    for _ in range(ROUNDS):
        total = np.sum([tracks[at] for (_, tracks), at in zip(clips, choice, strict=True)], axis=0)
        new = np.array(
            [int((tracks @ (total - tracks[at])).argmax()) for (_, tracks), at in zip(clips, choice, strict=True)]
        )
        if (new == choice).all():
            break
        choice = new
    return {name: int(at) for (name, tracks), at in zip(clips, choice, strict=True) if len(tracks) > 1}


def one_track(batches: Iterable[Batch], chosen: Mapping[str, int]) -> Iterator[Batch]:
    """One row a clip: the track that `chosen` has for it, else the first, which is the main one."""
    for batch in batches:
        starts = clip_starts(batch.names)
        if len(starts) == len(batch.names):
            yield batch
            continue
        kept = [start + chosen.get(batch.names[start], 0) for start in starts]
        yield Batch(
            [batch.names[row] for row in kept],
            [batch.splits[row] for row in kept],
            [batch.labels[row] for row in kept],
            batch.vectors[kept],
        )
