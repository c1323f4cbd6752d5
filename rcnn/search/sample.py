"""A sample of an index's tracks, for judging verdicts by the cosines of known people and strangers."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .. import files
from .segment import TRACK, VECTOR, Facts, Segment

SAMPLE = 20_000  # tracks, about: as many as known people are compared with in a search
HASHES = 1 << 32  # of names


def sample_name(digest: str) -> str:
    """Name of the file with the sample, given its sha256."""
    return f"sample-{digest[:16]}.parquet"


def sample_schema(width: int) -> pa.Schema:
    """Of the sample; a vector is stored as the bytes of its float16 numbers, because Parquet is slow with lists of
    these."""
    vector = (VECTOR, pa.binary(width * np.dtype("<f2").itemsize))
    return pa.schema([("name", pa.string()), ("split", pa.string()), ("track", pa.int32()), vector])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def write_sample(path: str, folder: str, found: Sequence[Facts], width: int, rows: int) -> str:
    """Write about `SAMPLE` tracks, all those of clips whose names' CRC-32 is small; returns the sha256 of the file.

    Raises
    ------
    SegmentError
        If a segment does not have what was written.
    """
    below = HASHES if rows <= SAMPLE else HASHES * SAMPLE // rows
    tables = [sample_schema(width).empty_table()]
    for facts in found:
        tables.append(_sampled(Segment(folder, facts.part, width), facts, below))
    sink = pa.BufferOutputStream()
    table = pa.concat_tables(tables).combine_chunks()
    pq.write_table(table, sink, compression="none", use_dictionary=["split"])
    data = sink.getvalue().to_pybytes()
    digest = hashlib.sha256(data).hexdigest()
    files.write_bytes(files.join(path, sample_name(digest)), data)
    return digest


def _sampled(segment: Segment, facts: Facts, below: int) -> pa.Table:
    """The tracks of a segment that are in the sample."""
    clips = segment.clips(facts)
    starts = clips.column("row").to_numpy()
    taken = np.flatnonzero([zlib.crc32(name.encode()) < below for name in clips.column("name").to_pylist()])
    counts = np.diff(starts, append=facts.rows)[taken]
    places = np.repeat(taken, counts)
    rows = np.concatenate([np.zeros(0, np.int64), *map(np.arange, starts[taken], starts[taken] + counts)])
    records = segment.read_rows(facts, rows)
    schema = sample_schema(segment.width)
    vectors = pa.array([vector.tobytes() for vector in records[VECTOR]], schema.field(VECTOR).type)
    columns = [clips.column(name).take(pa.array(places)) for name in ("name", "split")]
    return pa.table([*columns, pa.array(records[TRACK]), vectors], schema=schema)


def read_sample(data: bytes, width: int) -> tuple[pa.RecordBatch, np.ndarray]:
    """Name, split and track (n,), and vectors (n, width) float32; raises one of `DAMAGED` where they are other ones."""
    table = pq.read_table(pa.BufferReader(data)).combine_chunks()
    table.validate(full=True)
    schema = sample_schema(width)
    if not table.schema.equals(schema) or any(column.null_count for column in table.columns):
        raise pa.ArrowInvalid("has other columns")
    rows = pa.RecordBatch.from_arrays([_whole(column) for column in table.columns], schema=schema)
    vectors = np.frombuffer(b"".join(rows.column(VECTOR).to_pylist()), "<f2").astype(np.float32)
    if not np.isfinite(vectors).all():
        raise pa.ArrowInvalid("a number is not finite")
    return rows.select(["name", "split", "track"]), vectors.reshape(len(rows), width)
