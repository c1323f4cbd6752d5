"""Stage directories: Parquet parts and a manifest, written and read here and nowhere else.

DIR/clips/part-00000.parquet ...     every clip of the stage and its state, sorted by name
DIR/TABLE/part-00000.parquet ...     its rows (faces, features or scores), sorted by clip name
DIR/manifest.json                    written last: a directory without one is not complete
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import InputError

FORMAT = 1  # version of what is described here; raised when an old reader would misread
MANIFEST = "manifest.json"
CLIPS = "clips"
PART_BYTES = 64 << 20  # of rows in memory, before they go into a part
READ_ROWS = 4096  # rows of a batch that a reader holds

OK, NO_FACE, UNREADABLE = "ok", "no face", "unreadable"

IDENTITY = [("name", pa.string()), ("split", pa.string()), ("label", pa.int32())]
CLIPS_SCHEMA = pa.schema(
    [
        *IDENTITY,
        ("state", pa.string()),  # ok, no face, unreadable
        ("reason", pa.string()),  # why it is not ok, else empty
        ("frames", pa.int32()),  # frames that were looked at
        ("faces", pa.int32()),  # faces that were kept
    ]
)
FACES_SCHEMA = pa.schema(
    [
        *IDENTITY,
        ("frame", pa.int32()),  # counts from 1
        ("score", pa.float32()),  # probability of a face
        ("quality", pa.float32()),  # norm of the embedding
        ("box", pa.list_(pa.float32(), 4)),  # x1, y1, x2, y2 in pixels of the resized frame
        ("landmarks", pa.list_(pa.float32(), 10)),  # x, y of five points, in the same pixels
        ("crop", pa.binary()),  # JPEG
    ]
)


def features_schema(width: int) -> pa.Schema:
    """A row a clip: who, and the clip's vector of `width` float32."""
    return pa.schema([*IDENTITY, ("feature", pa.list_(pa.float32(), width))])


def scores_schema(classes: int) -> pa.Schema:
    """A row a clip: who, and the probability of each class, float32."""
    return pa.schema([*IDENTITY, ("scores", pa.list_(pa.float32(), classes))])


@dataclass(frozen=True)
class Kind:
    """What a stage writes: the name of its table and the command that makes it, for messages."""

    table: str
    script: str


KINDS = {
    "detect": Kind("faces", "detect.py"),
    "feature": Kind("features", "feature.py"),
    "genfeat": Kind("features", "genfeat.py"),
    "predict": Kind("scores", "predict.py"),
}


def sha256(path: str) -> str:
    """Hexadecimal sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def vectors(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A column of fixed-size lists as (n, width) float32, without a copy where there is one chunk."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    width = column.type.list_size
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)


def vector_array(values: np.ndarray) -> pa.FixedSizeListArray:
    """(n, width) float32 as a column of fixed-size lists."""
    flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


class _Parts:
    """Rows gathered until they fill a part."""

    def __init__(self, folder: str, schema: pa.Schema) -> None:
        self.folder, self.schema = folder, schema
        self.batches: list[pa.RecordBatch] = []
        self.bytes = self.rows = self.count = 0
        self.last = ""
        os.makedirs(folder)

    def add(self, batch: pa.RecordBatch) -> None:
        names = batch.column("name").to_pylist()
        for name in names:
            if name < self.last:
                raise ValueError(f"rows must come sorted by name: {name!r} after {self.last!r}")
            self.last = name
        self.batches.append(batch)
        self.bytes += batch.nbytes
        self.rows += batch.num_rows
        if self.bytes >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self.batches:
            return
        path = os.path.join(self.folder, f"part-{self.count:05d}.parquet")
        table = pa.Table.from_batches(self.batches, self.schema)
        group = max(1, int(table.num_rows * (PART_BYTES / 4) / max(self.bytes, 1)))
        plain = ("name", "split")  # random floats and JPEG gain nothing from a dictionary
        pq.write_table(table, f"{path}.part", compression="zstd", row_group_size=group, use_dictionary=plain)
        os.replace(f"{path}.part", path)
        self.batches, self.bytes = [], 0
        self.count += 1


class StageWriter:
    """Writes a stage directory; use as a context manager.

    Parameters
    ----------
    path : the directory
    stage : a key of `KINDS`
    schema : of the stage's rows
    arguments : of the run, for the manifest
    models : paths of every model file used
    sources : stage directories it is made from
    overwrite : whether a complete directory may be replaced

    Raises
    ------
    InputError
        If the directory is complete and `overwrite` is not set, or holds something else.
    """

    def __init__(
        self,
        path: str,
        stage: str,
        schema: pa.Schema,
        *,
        arguments: Mapping[str, Any] | None = None,
        models: Sequence[str] = (),
        sources: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None:
        check_output(path, overwrite)
        self.path, self.stage, self.schema = path, stage, schema
        self._started = time.monotonic()
        self._header = {
            "format": FORMAT,
            "stage": stage,
            "arguments": dict(arguments or {}),
            "models": {os.path.basename(model): sha256(model) for model in models},
            "sources": [_source(source) for source in sources],
        }
        try:
            _clear(path)
            self._rows = _Parts(os.path.join(path, KINDS[stage].table), schema)
            self._clips = _Parts(os.path.join(path, CLIPS), CLIPS_SCHEMA)
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror or error}") from None
        self._states = {OK: 0, NO_FACE: 0, UNREADABLE: 0}

    def __enter__(self) -> StageWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()

    def add_rows(self, batch: pa.RecordBatch) -> None:
        """Append rows of the stage's table, sorted by name over all calls."""
        self._guard(self._rows, batch)

    def add_clips(self, rows: Sequence[Mapping[str, Any]] | pa.RecordBatch) -> None:
        """Append rows of the table of all clips, sorted by name over all calls."""
        if not isinstance(rows, pa.RecordBatch):
            rows = pa.RecordBatch.from_pylist(list(rows), CLIPS_SCHEMA)
        for state in rows.column("state").to_pylist():
            self._states[state] += 1
        self._guard(self._clips, rows)

    def _guard(self, parts: _Parts, batch: pa.RecordBatch) -> None:
        try:
            parts.add(batch)
        except OSError as error:
            raise InputError(f"{self.path}: can't be written: {error.strerror or error}") from None

    def close(self, **counts: Any) -> dict[str, Any]:
        """Write what is left, then the manifest; `counts` are added to its counts. Gives the manifest."""
        try:
            for parts in (self._rows, self._clips):
                if not parts.count and not parts.batches:
                    parts.add(
                        parts.schema.empty_table().to_batches()[0]
                        if parts.schema.empty_table().to_batches()
                        else pa.RecordBatch.from_pylist([], parts.schema)
                    )
                parts.flush()
            manifest = {
                **self._header,
                "counts": {
                    "clips": self._clips.rows,
                    "rows": self._rows.rows,
                    **{state.replace(" ", "_"): number for state, number in self._states.items()},
                    **counts,
                },
                "seconds": round(time.monotonic() - self._started, 3),
            }
            temporary = os.path.join(self.path, f"{MANIFEST}.part")
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(manifest, file, indent=2, ensure_ascii=False)
                file.write("\n")
            os.replace(temporary, os.path.join(self.path, MANIFEST))
        except OSError as error:
            raise InputError(f"{self.path}: can't be written: {error.strerror or error}") from None
        return manifest


def check_output(path: str, overwrite: bool) -> None:
    """Refuse a directory that a stage may not write into, before any work is done."""
    if not os.path.isdir(path):
        if os.path.exists(path):
            raise InputError(f"{path}: is no directory; give --output another path")
        return
    if os.path.exists(os.path.join(path, MANIFEST)):
        if not overwrite:
            raise InputError(f"{path}: exists and is complete; give --overwrite to replace it, or another --output")
        return
    tables = {CLIPS, f"{MANIFEST}.part", *(kind.table for kind in KINDS.values())}
    foreign = sorted(set(os.listdir(path)) - tables)
    if foreign:
        raise InputError(f"{path}: holds {foreign[0]!r}, which no stage wrote; give --output another path")


def _clear(path: str) -> None:
    """Remove what an earlier run left; the manifest first, so that it never stands over half a table."""
    os.makedirs(path, exist_ok=True)
    for name in (MANIFEST, f"{MANIFEST}.part"):
        if os.path.exists(os.path.join(path, name)):
            os.remove(os.path.join(path, name))
    for name in {CLIPS, *(kind.table for kind in KINDS.values())}:
        shutil.rmtree(os.path.join(path, name), ignore_errors=True)


def _source(path: str) -> dict[str, str]:
    return {"path": path, "manifest": sha256(os.path.join(path, MANIFEST))}


class StageReader:
    """Reads a complete stage directory.

    Parameters
    ----------
    path : the directory
    stages : keys of `KINDS` that are accepted

    Raises
    ------
    InputError
        If it is not there, not complete, of another stage or of a later format.
    """

    def __init__(self, path: str, stages: Sequence[str]) -> None:
        scripts = " or ".join(KINDS[stage].script for stage in stages)
        file = os.path.join(path, MANIFEST)
        if not os.path.isdir(path):
            raise InputError(f"{path}: there is no such directory; run {scripts} first")
        try:
            with open(file, encoding="utf-8") as stream:
                self.manifest = json.load(stream)
        except FileNotFoundError:
            raise InputError(f"{path}: has no {MANIFEST}, so it is not complete; run {scripts} again") from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{file}: can't be read ({error}); run {scripts} again") from None
        stage = self.manifest.get("stage") if isinstance(self.manifest, dict) else None
        if stage not in stages:
            raise InputError(f"{path}: was written by stage {stage!r}, wanted is the output of {scripts}")
        if self.manifest.get("format") != FORMAT:
            raise InputError(
                f"{path}: has format {self.manifest.get('format')!r}, this program reads {FORMAT}; run {scripts} again"
            )
        self.path, self.stage = path, stage
        self._parts = self._list(KINDS[stage].table)
        self._clip_parts = self._list(CLIPS)
        try:
            self.schema = pq.read_schema(self._parts[0])
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(self._parts[0], error) from None

    def _list(self, table: str) -> list[str]:
        folder = os.path.join(self.path, table)
        names = sorted(n for n in (os.listdir(folder) if os.path.isdir(folder) else ()) if n.endswith(".parquet"))
        if not names:
            raise InputError(f"{folder}: has no parts; run {KINDS[self.stage].script} again")
        return [os.path.join(folder, name) for name in names]

    def _damaged(self, path: str, error: Exception) -> InputError:
        return InputError(
            f"{path}: can't be read ({str(error).splitlines()[0][:120]}); run {KINDS[self.stage].script} again"
        )

    @property
    def width(self) -> int:
        """Length of the vectors of the stage's last column (features or scores)."""
        return self.schema.field(len(self.schema) - 1).type.list_size

    @property
    def rows(self) -> int:
        """Rows of the stage's table."""
        return int(self.manifest["counts"]["rows"])

    def batches(self, columns: Sequence[str] | None = None, rows: int = READ_ROWS) -> Iterator[pa.RecordBatch]:
        """Rows of the stage's table, sorted by clip name, at most `rows` at a time."""
        return self._read(self._parts, columns, rows)

    def clips(self) -> Iterator[pa.RecordBatch]:
        """The table of all clips, sorted by name."""
        return self._read(self._clip_parts, None, READ_ROWS)

    def _read(self, parts: Sequence[str], columns: Sequence[str] | None, rows: int) -> Iterator[pa.RecordBatch]:
        for path in parts:
            try:
                with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
                    yield from file.iter_batches(rows, columns=columns, use_threads=False)
            except (pa.ArrowException, OSError, KeyError) as error:
                raise self._damaged(path, error) from None
