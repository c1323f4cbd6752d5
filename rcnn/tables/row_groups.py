"""Reads single rows of a stage's table, by number: only their row group is read, not the whole part."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from .. import files
from .damage import DAMAGED
from .reader import StageReader


class RowGroups(StageReader):
    """Reads some columns of a row group; arguments and errors are those of `StageReader`.

    Attributes
    ----------
    starts : number of the first row of each row group, in the order of the table
    """

    def __init__(self, path: str, stages: Sequence[str]) -> None:
        super().__init__(path, stages)
        self._places: list[tuple[str, int]] = []  # part, and number of the row group in it
        self.starts: list[int] = []
        row = 0
        for part in self._parts.rows:
            try:
                self._parts.check(part)
                with pq.ParquetFile(files.open_parquet(part)) as file:
                    for number in range(file.metadata.num_row_groups):
                        self._places.append((part, number))
                        self.starts.append(row)
                        row += file.metadata.row_group(number).num_rows
            except DAMAGED as error:
                raise self._damaged(part, error) from None

    def group_of(self, row: int) -> int:
        """Number of the row group that has a row of the table."""
        return bisect_right(self.starts, row) - 1

    def read_group(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Columns of a row group.

        Raises
        ------
        InputError
            If the part is gone, or has changed since this object was made.
        """
        part, number = self._places[group]
        try:
            with pq.ParquetFile(files.open_parquet(part)) as file:
                return file.read_row_group(number, columns=list(columns), use_threads=False)
        except (*DAMAGED, IndexError) as error:
            raise self._damaged(part, error) from None
