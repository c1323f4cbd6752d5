"""A table that grows: rows gathered in memory until they fill a part."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import files
from ..errors import InputError
from ..files.json import reason
from .damage import DAMAGED
from .progress import SavedTable

PART_BYTES = 64 << 20  # of rows in memory, before they are written as a part
LOOSE = 1024  # batches of a few rows, 5 kB each at least, until they are combined
OFFSET = 4  # bytes of an Arrow offset for a text or a list
PLAIN = ("name", "split")  # random floats and JPEG gain nothing from a dictionary


def part_name(number: int) -> str:
    return f"part-{number:05d}.parquet"


def row_bytes(batch: pa.RecordBatch) -> np.ndarray:
    """Bytes (n,) int64 of each row in memory: its numbers, and its texts and lists with an offset each."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        kind = column.type
        if pa.types.is_fixed_size_list(kind):
            sizes += kind.list_size * kind.value_type.bit_width // 8
        elif pa.types.is_string(kind) or pa.types.is_binary(kind):
            sizes += pc.binary_length(column).to_numpy(zero_copy_only=False) + OFFSET
        elif pa.types.is_list(kind):
            lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
            sizes += lengths * (kind.value_type.bit_width // 8) + OFFSET
        else:
            sizes += max(kind.bit_width // 8, 1)
    return sizes


class GrowingTable:
    """Parts on disk, and the rows of the part that is not full yet.

    Where parts end depends only on the rows, not on the batches they arrive in, so a resumed run, or a merged job
    array, writes the same files.

    Parameters
    ----------
    folder : of the parts
    schema : of the rows; the column `name` must come sorted
    """

    def __init__(self, folder: str, schema: pa.Schema) -> None:
        self.folder, self.schema = folder, schema
        self.sums: dict[str, str] = {}  # sha256 by name of the parts that are full
        self.last = ""  # greatest name so far
        self.total = 0  # rows of all parts
        self._batches: list[pa.RecordBatch] = []
        self._loose = 0  # of these, not combined yet
        self._rows = self._bytes = 0  # of the part that is not full yet
        files.make_inner_dir(folder)

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        for name in batch.column("name").to_pylist():
            if name < self.last:
                raise ValueError(f"rows must come sorted by name: {name!r} after {self.last!r}")
            self.last = name
        sizes = row_bytes(batch).cumsum()
        start = taken = 0  # rows added, and their bytes
        while (full := int(np.searchsorted(sizes, PART_BYTES - self._bytes + taken))) < batch.num_rows:
            self._take(batch.slice(start, full + 1 - start), int(sizes[full]) - taken)
            self.finish_part()
            start, taken = full + 1, int(sizes[full])
        if start < batch.num_rows:
            self._take(batch.slice(start), int(sizes[-1]) - taken)

    def _take(self, batch: pa.RecordBatch, size: int) -> None:
        self._batches.append(batch)
        self._loose += 1
        if self._loose == LOOSE:
            self._batches[-LOOSE:] = pa.Table.from_batches(self._batches[-LOOSE:]).combine_chunks().to_batches()
            self._loose = 0
        self._bytes += size
        self._rows += batch.num_rows
        self.total += batch.num_rows

    def finish_part(self) -> None:
        """Write the rows in memory as a part that is full."""
        name, digest = self._write()
        self.sums[name] = digest
        self._batches, self._loose, self._rows, self._bytes = [], 0, 0, 0

    def finish(self) -> None:
        """Write what is left; a table without rows has one part without rows."""
        if self._rows or not self.sums:
            self.finish_part()
        else:
            self._remove_after(len(self.sums))

    def save(self) -> dict[str, Any]:
        """Also write the rows in memory to disk, and keep them; returns what `resume` needs."""
        digest = self._write()[1] if self._rows else ""
        return {
            "sums": self.sums,
            "rows": self._rows,
            "bytes": self._bytes,
            "digest": digest,  # of the part that these rows make
            "last": self.last,
            "total": self.total,
        }

    def resume(self, saved: SavedTable) -> None:
        """Resume from the result of `save`.

        Raises
        ------
        InputError
            If a part is missing, or the one that is not full lacks rows that were saved. Full ones keep their sums,
            which readers check.
        ValueError
            If its parts have other names than in `save`.
        """
        sums = saved.sums  # these name files, which must be parts of this folder
        if list(sums) != [part_name(number) for number in range(len(sums))]:
            raise ValueError("parts are numbered from 0")
        there = set(files.names(self.folder))
        for name in sums:
            if name not in there:
                path = files.join(self.folder, name)
                raise InputError(f"{path}: is gone, so the run can't resume; give --overwrite to start again")
        self.sums = dict(saved.sums)
        self.last, self.total = saved.last, saved.total
        if saved.rows:
            path = files.join(self.folder, part_name(len(self.sums)))
            try:
                table = pq.read_table(files.open_parquet(path), partitioning=None)
            except DAMAGED as error:
                files.check_answers(path)
                raise InputError(f"{path}: can't be read ({reason(error)}); give --overwrite to start again") from None
            if not table.schema.equals(self.schema):
                raise InputError(f"{path}: has other columns than this run writes; give --overwrite to start again")
            # the part may have been written again, with more rows, before the run was stopped
            self._batches = table.slice(0, saved.rows).to_batches()
            self._bytes = saved.bytes
            if sum(batch.num_rows for batch in self._batches) != saved.rows:
                raise InputError(f"{path}: lacks rows that were saved; give --overwrite to start again")
            if self._encoded() != saved.digest:
                raise InputError(f"{path}: does not have the rows that were saved; give --overwrite to start again")
        self._rows, self._bytes = saved.rows, saved.bytes
        self._remove_after(len(self.sums) + bool(self._rows))

    def _write(self) -> tuple[str, str]:
        """Write the rows in memory as a part; returns its name and its sha256."""
        name = part_name(len(self.sums))
        digest = ""

        def write(path: str) -> None:
            nonlocal digest
            self._encode(path)
            digest = files.sha256(path)

        files.check_no_link(self.folder)  # which may have been added since
        files.write_whole(files.join(self.folder, name), write)
        return name, digest

    def _encode(self, where: Any) -> None:
        """The rows in memory as Parquet; the same rows always make the same bytes."""
        table = pa.Table.from_batches(self._batches, self.schema).combine_chunks()
        # pages end where chunks do, so the chunks of the input must not show
        self._batches, self._loose = table.to_batches(), 0
        group = max(1, int(table.num_rows * (PART_BYTES / 4) / max(self._bytes, 1)))
        pq.write_table(table, where, compression="zstd", row_group_size=group, use_dictionary=PLAIN)

    def _encoded(self) -> str:
        """sha256 of the rows in memory as a part."""
        sink = pa.BufferOutputStream()
        self._encode(sink)
        return hashlib.sha256(sink.getvalue()).hexdigest()

    def _remove_after(self, count: int) -> None:
        keep = {part_name(number) for number in range(count)}
        for name in files.names(self.folder):
            if name not in keep:
                files.remove(files.join(self.folder, name))
