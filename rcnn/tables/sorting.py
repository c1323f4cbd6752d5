"""Sorts rows by name: in chunks on disk, which are then merged."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import files
from ..errors import InputError
from ..files.json import reason
from .damage import DAMAGED
from .merged import merged

MERGED_ROWS = 256  # of each chunk in memory while they are merged


class Chunks:
    """Chunks of several tables that have a column `name`; a table `T` of chunk 3 is the file `T-00003.parquet`.

    Parameters
    ----------
    folder : with the chunks
    sums : sha256 of existing chunks, by file name
    """

    def __init__(self, folder: str, sums: dict[str, str]) -> None:
        self.folder, self.sums = folder, dict(sums)

    def add(self, **tables: pa.Table) -> None:
        """Sort and write one chunk of each table."""
        number = len(self.sums) // len(tables)
        for name, table in tables.items():
            file = f"{name}-{number:05d}.parquet"
            path = files.join(self.folder, file)
            rows = table.take(pc.sort_indices(table["name"]))  # which keeps the order of a clip's rows
            files.write_whole(path, partial(_write, rows))
            self.sums[file] = files.sha256(path)

    def paths(self, table: str) -> list[str]:
        """The chunks of a table."""
        return [files.join(self.folder, file) for file in self.sums if file.startswith(f"{table}-")]

    def check(self) -> None:
        """Refuse chunks that are gone or have changed since they were written."""
        for file, digest in self.sums.items():
            path = files.join(self.folder, file)
            if not files.is_file(path) or files.sha256(path) != digest:
                raise InputError(f"{path}: is gone, or was changed; give --overwrite to start again")

    def names(self, table: str) -> Iterator[str]:
        """The names of a table, sorted, each as often as it occurs."""
        columns = (
            (name for batch in _batches(path, ["name"]) for name in batch.column(0).to_pylist())
            for path in self.paths(table)
        )
        return heapq.merge(*columns)

    def merged(self, table: str, *others: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The rows of a table, merged with other sorted rows; no name may be in both."""
        return merged([*map(_batches, self.paths(table)), *(iter([batch]) for batch in others)])


def _write(rows: pa.Table, path: str) -> None:
    # a reader keeps a row group in memory, and there may be many chunks
    pq.write_table(rows, path, compression="lz4", row_group_size=MERGED_ROWS)


def _batches(path: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(files.open_parquet(path), pre_buffer=False) as file:
            yield from file.iter_batches(MERGED_ROWS, columns=columns, use_threads=False)
    except DAMAGED as error:
        raise InputError(f"{path}: can't be read ({reason(error)}); give --overwrite to start again") from None
