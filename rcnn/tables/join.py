"""Several stage directories side by side, clip by clip, with only a batch of each in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..errors import InputError
from . import StageReader, open_stage, vector_array, vectors
from .schema import MEANS

BATCH_BYTES = 16 << 20  # of vectors in a cursor


@dataclass(frozen=True)
class Row:
    """A clip in several inputs.

    name, split : of the clip
    track : of the clip; 0 if the inputs have none
    vectors : (D,) float32 of each input; None if the input lacks the clip
    means : (m, D) float32 of each input that has the clip, the additional training vectors; if requested
    """

    name: str
    split: str
    track: int
    vectors: tuple[np.ndarray | None, ...]
    means: tuple[np.ndarray, ...] = ()


class _Cursor:
    """Walks through a table that is sorted by name."""

    def __init__(self, reader: StageReader, means: bool = False) -> None:
        self.reader = reader
        rows = max(1, min(4096, BATCH_BYTES // (4 * max(reader.width, 1))))
        self.means: list[np.ndarray] | None = [] if means else None
        self.batches = reader.batches(reader.columns, rows) if means else reader.batches(rows=rows)
        self.names: list[str] = []
        self.at = 0
        self.last = ("", 0)
        self._fill()

    def _fill(self) -> None:
        while self.at >= len(self.names):
            batch = next(self.batches, None)
            if batch is None:
                self.names = []
                return
            self.names = batch.column("name").to_pylist()
            self.splits = batch.column("split").to_pylist()
            self.tracks = batch.column("track").to_pylist() if self.reader.tracked else [0] * batch.num_rows
            self.vectors = vectors(batch.column(batch.num_columns - 1))
            if self.means is not None:
                self.means = _means(batch.column(MEANS[0]), self.reader)
            self.at = 0

    @property
    def key(self) -> tuple[str, int] | None:
        """Name and track."""
        return (self.names[self.at], self.tracks[self.at]) if self.names else None

    def advance(self) -> None:
        key = (self.names[self.at], self.tracks[self.at])
        if key <= self.last and self.last[0]:
            raise InputError(f"{self.reader.path}: {key[0]} does not come after {self.last[0]}; make it again")
        self.last = key
        self.at += 1
        self._fill()


def _means(column: pa.ListArray, reader: StageReader) -> list[np.ndarray]:
    """The additional vectors (m, D) float32 of each row."""
    lengths = np.diff(column.offsets.to_numpy())
    if (lengths % reader.width).any():
        raise InputError(f"{reader.path}: has means of another width than its vectors; make it again")
    flat = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, reader.width)
    return np.split(flat, np.cumsum(lengths // reader.width)[:-1])


def join_rows(readers: Sequence[StageReader], means: bool = False) -> Iterator[Row]:
    """Every clip of any input, or every track of it, sorted by name and track.

    Parameters
    ----------
    means : whether to read the additional training vectors, which all inputs must have

    Raises
    ------
    InputError
        If an input is not sorted or has a clip twice, or two inputs differ in a clip's split.
    """
    cursors = [_Cursor(reader, means) for reader in readers]
    while True:
        keys = [cursor.key for cursor in cursors if cursor.key is not None]
        if not keys:
            return
        key = min(keys)
        name, track = key
        here = [cursor for cursor in cursors if cursor.key == key]
        first = here[0]
        for other in here[1:]:
            if other.splits[other.at] != first.splits[first.at]:
                raise InputError(
                    f"{other.reader.path}: {name!r} is of {other.splits[other.at]}, in {first.reader.path} of "
                    f"{first.splits[first.at]}; give inputs of one data set"
                )
        yield Row(
            name,
            first.splits[first.at],
            track,
            tuple(cursor.vectors[cursor.at] if cursor.key == key else None for cursor in cursors),
            tuple(cursor.means[cursor.at] for cursor in here if cursor.means is not None),
        )
        for cursor in here:
            cursor.advance()


@dataclass(frozen=True)
class Batch:
    """Clips, or tracks of clips, with one vector each: names, splits, and (n, D) float32; and the additional training
    vectors of each, (m, D) float32, if requested."""

    names: list[str]
    splits: list[str]
    vectors: np.ndarray
    means: list[np.ndarray] | None = None

    def record(
        self, schema: pa.Schema, labels: np.ndarray | None = None, kinds: Sequence[str] | None = None
    ) -> pa.RecordBatch:
        """As rows of a stage's table; with labels (n,) int32 and kinds (n,) if it has these columns."""
        more = [] if labels is None else [pa.array(labels, pa.int32())]
        more += [] if kinds is None else [pa.array(kinds, pa.string())]
        columns = [pa.array(self.names, pa.string()), pa.array(self.splits, pa.string()), *more]
        return pa.RecordBatch.from_arrays([*columns, vector_array(self.vectors)], schema=schema)


def concatenate(
    readers: Sequence[StageReader], rows: int, start_after: str = "", means: bool = False
) -> Iterator[Batch]:
    """The concatenated vectors of all inputs, for the clips or tracks that all of them have.

    Parameters
    ----------
    rows : of a batch, apart from the rest of the last clip's tracks; the last batch may be shorter
    start_after : name of the last clip that is done already
    means : see `join_rows`
    """
    gathered: list[Row] = []
    for row in join_rows(readers, means):
        if row.name <= start_after or any(vector is None for vector in row.vectors):
            continue
        if len(gathered) >= rows and row.name != gathered[-1].name:
            yield _batch(gathered)
            gathered = []
        gathered.append(row)
    if gathered:
        yield _batch(gathered)


def _batch(rows: list[Row]) -> Batch:
    return Batch(
        [row.name for row in rows],
        [row.split for row in rows],
        np.stack([np.concatenate([vector for vector in row.vectors if vector is not None]) for row in rows]),
        [_side_by_side(row.means) for row in rows] if rows[0].means else None,
    )


def _side_by_side(means: Sequence[np.ndarray]) -> np.ndarray:
    """The means of inputs made from the same faces, which have equally many; else as many as all have."""
    count = min(map(len, means))
    return np.concatenate([each[:count] for each in means], axis=1)


def open_inputs(paths: Sequence[str], stages: Sequence[str], part: tuple[int, int] = (0, 1)) -> list[StageReader]:
    """Readers of part I of N of several stage directories.

    Raises
    ------
    InputError
        If a path is given twice, or some have tracks and others don't.
    """
    if len(set(paths)) != len(paths):
        raise InputError(f"--inputs {','.join(paths)}: has a directory twice")
    readers = [open_stage(path, stages, part) for path in paths]
    if len({reader.tracked for reader in readers}) > 1:
        raise InputError(
            f"--inputs {','.join(paths)}: some are of detect.py --faces all and others are not; give all of one kind"
        )
    return readers
