"""Vectors of selected tracks: those with answers, and a sample of all."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..faces.vectors import normalise
from ..tables import StageReader, vectors
from .meaning import Spot

COHORT = 20_000  # tracks, spread evenly over all


def cohort_step(rows: int) -> int:
    """Row step between cohort tracks."""
    return max(1, -(-rows // COHORT))


def read_cohort(features: StageReader) -> tuple[list[Spot], np.ndarray]:
    """A sample of all searched tracks, and their unit vectors (n, D) float32."""
    step, row = cohort_step(features.rows), 0
    spots: list[Spot] = []
    found = [np.zeros((0, features.width), np.float32)]
    for batch in features.batches():
        rows = np.arange(-row % step, batch.num_rows, step)
        names = batch.column("name").take(rows).to_pylist()
        tracks = batch.column("track").take(rows).to_pylist() if features.tracked else [0] * len(names)
        spots += map(Spot, names, tracks)
        found.append(normalise(vectors(batch.column("feature"))[rows]))
        row += batch.num_rows
    return spots, np.concatenate(found)


def read_vectors(readers: Sequence[StageReader], spots: Collection[Spot], unit: bool = True) -> dict[Spot, np.ndarray]:
    """The vector (D,) float32 of each track that has one; of several directories, from the first with the track.

    Parameters
    ----------
    unit : whether to normalise them to unit norm; else as stored
    """
    wanted = {*spots}
    clips = {spot.clip for spot in wanted}
    found: dict[Spot, np.ndarray] = {}
    for reader in readers if clips else ():
        for batch in reader.rows_of(clips):
            names = batch.column("name").to_pylist()
            tracks = batch.column("track").to_pylist() if reader.tracked else [0] * len(names)
            rows = [row for row, spot in enumerate(map(Spot, names, tracks)) if spot in wanted and spot not in found]
            here = vectors(batch.column("feature"))[rows] if rows else ()
            found.update(zip((Spot(names[row], tracks[row]) for row in rows), here, strict=True))
    return {spot: normalise(vector) for spot, vector in found.items()} if unit else found
