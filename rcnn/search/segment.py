"""The segment of an index: the rows of one part of a feature directory, in a form for searching.

SUM.codes            packed codes, see `codes`; SUM is the sha256 of the part, so its beginning names the segment
SUM.rows one record per row: its unit vector as float16, number of its clip in the segment, track, and CRC-32
SUM.names.parquet name, split and first row of each clip, in pages with CRC-32 SUM.json the facts, written last: a
segment without them is not complete

A search reads all codes, but only a few thousand scattered rows and names, so it can't check sums of whole files: codes
have a quick sum, rows and pages have their own. These files contain only numbers and text.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Meta, Struct, to_builtins

from .. import files
from ..clips.dataset import TEST
from ..faces.vectors import normalise
from ..files.json import read_json, reason, write_json
from ..files.schema import Digest, Name
from ..tables import vectors
from ..tables.damage import DAMAGED
from . import codes

NAMED = 32  # characters of a part's sha256 in the names of files
NAMES_SCHEMA = pa.schema([("name", pa.string()), ("split", pa.string()), ("row", pa.int32())])  # the first row
GROUP_ROWS = 2048  # clips in a row group of names, which is read for any one of them
MOST_ROWS = 1 << 31  # of a segment; parts have 64 MB
VECTOR, CLIP, TRACK, SUM = "vector", "clip", "track", "sum"  # fields of a record
Rows = Annotated[int, Meta(ge=0, lt=MOST_ROWS)]


class Facts(Struct, frozen=True):
    """The manifest's record of a segment.

    part : sha256 of the part of the features
    rows, clips : numbers of them; clips that go on in the next segment count in both
    known_splits : clips that are not of test
    first, last : names of clips
    quick : sum of the codes, see `quick_sum`
    codes, row, names : sha256 of the files
    """

    part: Digest
    rows: Rows
    clips: Rows
    known_splits: Rows
    first: Name
    last: Name
    quick: Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    codes: Digest
    row: Digest
    names: Digest


class SegmentError(Exception):
    """A damaged segment; says which file and why."""


def record_type(width: int) -> np.dtype:
    """Of a row."""
    return np.dtype([(VECTOR, "<f2", (width,)), (CLIP, "<u4"), (TRACK, "<i4"), (SUM, "<u4")])


def quick_sum(packed: np.ndarray) -> str:
    """Sum of bytes (n,) uint8, n a multiple of 8, taken as 64-bit numbers; modulo 2^64, hexadecimal."""
    return f"{int(np.add.reduce(packed.view('<u8'), dtype=np.uint64)):016x}"


def record_sums(records: np.ndarray) -> np.ndarray:
    """CRC-32 (n,) uint32 of the other fields of records (n,)."""
    size = records.dtype.itemsize
    view = memoryview(records.tobytes())
    end = size - records.dtype[SUM].itemsize
    found = (zlib.crc32(view[start : start + end]) for start in range(0, len(view), size))
    return np.fromiter(found, np.uint32, len(records))


class Segment:
    """A segment in the folder of an index; raises SegmentError if a file is damaged.

    Parameters
    ----------
    folder : of the segments
    part : sha256 of the part
    width : of a vector
    """

    def __init__(self, folder: str, part: str, width: int) -> None:
        self.width = width
        self._stem = files.join(folder, part[:NAMED])
        self.codes_file, self.rows_file = f"{self._stem}.codes", f"{self._stem}.rows"
        self.names_file, self.facts_file = f"{self._stem}.names.parquet", f"{self._stem}.json"

    @property
    def files(self) -> Sequence[str]:
        """All of them."""
        return self.codes_file, self.rows_file, self.names_file, self.facts_file

    def write(self, part: str, batches: Iterable[pa.RecordBatch], turn: np.ndarray, tracked: bool) -> Facts:
        """Make the segment of the rows of a part, sorted by name.

        Parameters
        ----------
        part : its sha256
        turn : rotation of the codes
        tracked : whether the rows have tracks
        """
        records = [np.zeros(0, record_type(self.width))]
        coded = [np.zeros((0, turn.shape[1] // codes.SHORTEST), np.uint8)]
        names: list[str] = []
        splits: list[str] = []
        starts: list[int] = []
        total = 0
        for batch in batches:
            unit = normalise(vectors(batch.column("feature")))
            found = np.zeros(len(unit), record_type(self.width))
            found[VECTOR] = unit
            found[TRACK] = batch.column("track").to_numpy() if tracked else 0
            for row, (name, split) in enumerate(
                zip(batch.column("name").to_pylist(), batch.column("split").to_pylist(), strict=True)
            ):
                if not names or names[-1] != name:
                    names.append(name)
                    splits.append(split)
                    starts.append(total + row)
                found[CLIP][row] = len(names) - 1
            found[SUM] = record_sums(found)
            total += len(found)
            records.append(found)
            coded.append(codes.encode(unit, turn))
        packed = codes.pack(np.concatenate(coded))
        rows = np.concatenate(records)
        table = pa.table([names, splits, starts], schema=NAMES_SCHEMA)
        files.write_bytes(self.codes_file, packed.tobytes())
        files.write_bytes(self.rows_file, rows.tobytes())
        files.write_whole(
            self.names_file,
            lambda path: pq.write_table(
                table, path, compression="zstd", row_group_size=GROUP_ROWS, write_page_checksum=True
            ),
        )
        facts = Facts(
            part=part,
            rows=len(rows),
            clips=len(names),
            known_splits=sum(split != TEST for split in splits),
            first=names[0] if names else "",
            last=names[-1] if names else "",
            quick=quick_sum(packed),
            codes=files.sha256(self.codes_file),
            row=files.sha256(self.rows_file),
            names=files.sha256(self.names_file),
        )
        write_json(self.facts_file, to_builtins(facts))
        return facts

    def written(self, part: str) -> Facts | None:
        """The facts of a segment that an earlier run completed; None if there is none, or files are cut off."""
        try:
            facts = read_json(self.facts_file, Facts)
            whole = facts.part == part and files.is_file(self.names_file)
            sizes = os.path.getsize(self.codes_file), os.path.getsize(self.rows_file)
        except (OSError, ValueError):
            return None
        right = codes.packed_bytes(facts.rows, self.width), facts.rows * record_type(self.width).itemsize
        return facts if whole and sizes == right else None

    def read_codes(self, facts: Facts, buffer: np.ndarray) -> None:
        """Read the codes into the beginning of a buffer (k,) uint8."""
        size = codes.packed_bytes(facts.rows, self.width)
        try:
            with open(self.codes_file, "rb", buffering=0) as file:
                there = os.fstat(file.fileno()).st_size
                read = file.readinto(buffer[:size].data) if there == size else -1
        except OSError as error:
            raise SegmentError(f"{self.codes_file}: can't be read ({error.strerror})") from None
        if read != size or quick_sum(buffer[:size]) != facts.quick:
            raise SegmentError(f"{self.codes_file}: does not have the bytes that were written")

    def read_rows(self, facts: Facts, rows: np.ndarray) -> np.ndarray:
        """Records (n,) of rows (n,), rising."""
        kind = record_type(self.width)
        try:
            with open(self.rows_file, "rb", buffering=0) as file:
                found = b"".join(os.pread(file.fileno(), kind.itemsize, row * kind.itemsize) for row in rows.tolist())
        except OSError as error:
            raise SegmentError(f"{self.rows_file}: can't be read ({error.strerror})") from None
        records = np.frombuffer(found, kind) if len(found) == len(rows) * kind.itemsize else np.zeros(0, kind)
        right = len(records) == len(rows) and (record_sums(records) == records[SUM]).all()
        if not right or (records[CLIP] >= facts.clips).any() or not np.isfinite(records[VECTOR]).all():
            raise SegmentError(f"{self.rows_file}: does not have the bytes that were written")
        return records

    def read_names(self, facts: Facts, clips: np.ndarray) -> list[tuple[str, str]]:
        """Names and splits of clips (n,), numbers from 0."""
        found: dict[int, tuple[str, str]] = {}
        with self._names(facts) as file:
            ends = np.cumsum([file.metadata.row_group(each).num_rows for each in range(file.num_row_groups)])
            groups = np.searchsorted(ends, clips, side="right")
            for group in np.unique(groups).tolist():
                table = _checked(file.read_row_group(group, use_threads=False))
                for clip in np.unique(clips[groups == group]).tolist():
                    row = clip - int(ends[group]) + len(table)
                    found[clip] = table.column("name")[row].as_py(), table.column("split")[row].as_py()
        return [found[clip] for clip in clips.tolist()]

    def clips(self, facts: Facts) -> pa.Table:
        """Name, split and first row of each clip."""
        with self._names(facts) as file:
            table = _checked(file.read(use_threads=False))
            starts = table.column("row").to_numpy()
            if len(starts) and (starts[0] != 0 or (np.diff(starts, append=facts.rows) <= 0).any()):
                raise pa.ArrowInvalid("has other rows than were written")
            return table

    @contextmanager
    def _names(self, facts: Facts) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self.names_file, page_checksum_verification=True) as file:
                if file.metadata.num_rows != facts.clips or not file.schema_arrow.equals(NAMES_SCHEMA):
                    raise pa.ArrowInvalid("has other clips than were written")
                yield file
        except DAMAGED as error:
            raise SegmentError(
                f"{self.names_file}: does not have the bytes that were written ({reason(error)})"
            ) from None


def _checked(table: pa.Table) -> pa.Table:
    table.validate(full=True)
    if any(column.null_count for column in table.columns):
        raise pa.ArrowInvalid("a value is missing")
    return table
