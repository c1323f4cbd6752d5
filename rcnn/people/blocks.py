"""Reads the vectors of whole clips, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..faces.vectors import normalise
from ..tables import StageReader, clip_starts, vectors

BLOCK_ROWS = 2048  # rows compared together: 40 MB of cosines with 4,934 people


@dataclass(frozen=True)
class Block:
    """Whole clips: names, splits and first rows of each clip (n,); track numbers (r,) and unit vectors (r, D) float32
    of their rows."""

    names: list[str]
    splits: list[str]
    starts: np.ndarray
    tracks: np.ndarray
    vectors: np.ndarray

    def clips(self) -> Iterator[tuple[int, int, int]]:
        """Index, first row and end row of each clip."""
        ends = [*self.starts.tolist()[1:], len(self.tracks)]
        yield from (
            (clip, start, end) for clip, (start, end) in enumerate(zip(self.starts.tolist(), ends, strict=True))
        )


def blocks_of(readers: Sequence[StageReader]) -> Iterator[Block]:
    """All clips of some directories, in blocks of whole clips; a clip of an earlier directory is not repeated."""
    seen: set[str] = set()
    for number, reader in enumerate(readers):
        mine: set[str] = set()
        for table in _whole_clips(reader):
            if number:
                table = table.filter(
                    pa.array([name not in seen for name in table.column("name").to_pylist()], pa.bool_())
                )
            if number + 1 < len(readers):
                mine.update(table.column("name").to_pylist())
            if len(table):
                yield _block(table, reader)
        seen |= mine


def _whole_clips(reader: StageReader) -> Iterator[pa.Table]:
    """The rows of a directory in blocks that end at a clip boundary."""
    rest: pa.Table | None = None  # the last clip, whose tracks may continue in the next batch
    for batch in filter(len, reader.batches(rows=BLOCK_ROWS)):
        table = pa.Table.from_batches([batch])
        if rest is not None:
            table = pa.concat_tables([rest, table])
        last = clip_starts(table.column("name").to_pylist())[-1] if reader.tracked else len(table)
        rest = table.slice(last)
        yield table.slice(0, last)
    if rest is not None:
        yield rest


def _block(table: pa.Table, reader: StageReader) -> Block:
    names = table.column("name").to_pylist()
    starts = clip_starts(names)
    splits = table.column("split").to_pylist()
    return Block(
        [names[start] for start in starts],
        [splits[start] for start in starts],
        np.array(starts, np.int64),
        table.column("track").to_numpy() if reader.tracked else np.zeros(len(names), np.int32),
        normalise(vectors(table.column("feature"))),
    )
