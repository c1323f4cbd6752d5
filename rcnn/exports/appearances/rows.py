"""Rows of the appearance table: streamed, or all in memory as columns, grouped by person or source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError
from ...tables import StageReader
from ...tables.films import Films
from .text import one_line

COLUMNS = [("seconds", pa.float64()), ("fps", pa.float64()), ("width", pa.int32()), ("height", pa.int32())]  # of clips
VIDEO = pa.schema([*COLUMNS, ("length", pa.float64())])
TEXTS = ("name", "person", "source", "verdict")  # few distinct values
CODED = pa.dictionary(pa.int32(), pa.string())
SINGLE = ("cosine", "probability")  # float32
TIMES = ("start", "end", "seen", "time")
DIGITS = 6  # decimals: finer than any frame, and avoids 0.020000000000000004
CORNERS = 4
BLOCK = 4096  # rows converted together


@dataclass(frozen=True, slots=True)
class Best:
    """The best face: seconds of the source, x1, y1, x2, y2 in its pixels, cosine of the appearance."""

    time: float
    box: list[float]
    cosine: float


@dataclass(frozen=True, slots=True)
class Row:
    """An appearance, with the field names and order of the JSON file; times are seconds of the source."""

    person: str
    label: int
    source: str
    clip: str
    start: float
    end: float
    seen: float
    best: Best
    track: int
    probability: float
    verdict: str

    @property
    def who(self) -> str:
        """The person's name on one line, or the label."""
        return one_line(self.person) or str(self.label)


@dataclass(frozen=True, slots=True)
class Video:
    """A clip's video: seconds, frames per second, pixels, and seconds of the source; 0 if unknown."""

    seconds: float
    fps: float
    width: int
    height: int
    length: float


class Chosen:
    """The rows of a stage directory with some verdicts, by clip, then by start; `count` is the number read so far."""

    def __init__(self, reader: StageReader, verdicts: frozenset[str]) -> None:
        self.reader = reader
        self._verdicts = pa.array(sorted(verdicts), pa.string())
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for batch in self.batches():
            yield from _rows(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The same rows as record batches."""
        for batch in self.reader.batches():
            found = batch.filter(pc.is_in(batch.column("verdict"), value_set=self._verdicts))
            self.count += found.num_rows
            yield found


def _shortest(values: pa.Array) -> pa.Array:
    """float32 as the float64 with the fewest digits: 0.37, not 0.3700000047683716."""
    return values.cast(pa.string()).cast(pa.float64())


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    columns = {name: batch.column(name) for name in batch.schema.names}
    columns |= {name: _shortest(columns[name]) for name in SINGLE}
    columns |= {name: pc.round(columns[name], DIGITS) for name in TIMES}
    boxes = _shortest(columns.pop("box").flatten()).to_numpy(zero_copy_only=False).reshape(-1, CORNERS).tolist()
    lists = {name: column.to_pylist() for name, column in columns.items()}
    for at, box in enumerate(boxes):
        row = {name: values[at] for name, values in lists.items()}
        yield Row(
            row["person"] or str(row["who"]), row["who"], row["source"], row["name"], row["start"], row["end"],
            row["seen"], Best(row["time"], box, row["cosine"]), row["track"], row["probability"], row["verdict"],
        )  # fmt: skip


class Sheet:
    """All rows in memory as columns, each with the video of its clip.

    Raises
    ------
    InputError
        If the clip of a row is missing from the clip table.
    """

    def __init__(self, chosen: Chosen) -> None:
        fields = [field for field in chosen.reader.schema if field.name not in ("split", "label")]
        coded = [field.with_type(CODED) if field.name in TEXTS else field for field in fields]
        self._plain = pa.schema([*fields, *VIDEO])
        parts = []
        for batch, videos in _with_videos(chosen):
            columns = [batch.column(field.name).cast(field.type) for field in coded]
            facts = zip(*videos, strict=True) if videos else [()] * len(VIDEO)
            columns += [pa.array(values, field.type) for values, field in zip(facts, VIDEO, strict=True)]
            parts.append(pa.RecordBatch.from_arrays(columns, schema=pa.schema([*coded, *VIDEO])))
        self._table = pa.Table.from_batches(parts, pa.schema([*coded, *VIDEO])).unify_dictionaries().combine_chunks()

    def __len__(self) -> int:
        return self._table.num_rows

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers."""
        return self._table.column(name).to_numpy()

    @property
    def sources(self) -> np.ndarray:
        """(rows,) int64: the rank of each row's source among all sources."""
        if not len(self):
            return np.empty(0, np.int64)
        column = self._table.column("source").combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        names = column.dictionary.to_pylist()
        rank = np.empty(len(names), np.int64)
        rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        return rank[column.indices.to_numpy()]

    def groups(self, *keys: np.ndarray) -> Iterator[list[tuple[Row, Video]]]:
        """Groups of rows with equal keys, each key an array of one number per row; sorted by source, start and end."""
        if not len(self):
            return
        order = np.lexsort((self.numbers("end"), self.numbers("start"), self.sources, *reversed(keys)))
        changes = np.zeros(len(order), bool)
        for key in keys:
            changes[1:] |= np.diff(key[order]) != 0
        ends = np.append(np.flatnonzero(changes), len(order)).tolist()
        begin = 0
        while ends:
            count = max(1, bisect_right(ends, begin + BLOCK))
            pairs = self._pairs(order[begin : ends[count - 1]])
            starts = [begin, *ends[: count - 1]]
            for start, end in zip(starts, ends[:count], strict=True):
                yield pairs[start - begin : end - begin]
            begin, ends = ends[count - 1], ends[count:]

    def _pairs(self, indices: np.ndarray) -> list[tuple[Row, Video]]:
        found = self._table.take(indices).cast(self._plain)  # row-wise reads decode all texts each time
        videos = zip(*(found.column(name).to_pylist() for name in VIDEO.names), strict=True)
        rows = (row for batch in found.combine_chunks().to_batches() for row in _rows(batch))
        return [(row, Video(*video)) for row, video in zip(rows, videos, strict=True)]


def _with_videos(chosen: Chosen) -> Iterator[tuple[pa.RecordBatch, list[tuple[float, float, int, int, float]]]]:
    """Batches, and for each row the video columns of its clip; both tables are sorted by name."""
    columns = ["name", *(name for name, _ in COLUMNS)]
    films = Films.of(chosen.reader)
    clips = (
        clip
        for batch in chosen.reader.clips()
        for clip in zip(*(batch.column(c).to_pylist() for c in columns), strict=True)
    )
    here = next(clips, None)
    for batch in chosen.batches():
        videos = []
        for name in batch.column("name").to_pylist():
            while here is not None and here[0] < name:
                here = next(clips, None)
            if here is None or here[0] != name:
                raise InputError(f"{chosen.reader.path}: its table of clips lacks {name[:80]!r}; make it again")
            videos.append((*here[1:], films.lengths.get(films.film(name), here[1])))
        yield batch, videos
    for _ in clips:  # read to the end, where the reader verifies the checksums
        pass
