"""Merges tables with no clip in common."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import pyarrow as pa

from ..errors import InputError

ROWS = 1024  # of a yielded batch


class _Cursor:
    """Walks through batches that are sorted by name."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.batches = batches
        self.batch: pa.RecordBatch | None = None
        self.names: list[str] = []
        self.at = 0
        self._fill()

    def _fill(self) -> None:
        while self.at == len(self.names):
            self.batch = next(self.batches, None)
            self.at, self.names = 0, []
            if self.batch is None:
                return
            self.names = self.batch.column("name").to_pylist()

    @property
    def name(self) -> str | None:
        return self.names[self.at] if self.batch is not None else None

    def take(self, until: str | None) -> pa.RecordBatch:
        """The rows in hand whose name is less than `until`; all of them for None."""
        end = len(self.names) if until is None else bisect_left(self.names, until, self.at)
        if end == self.at:
            raise InputError(f"--inputs: rows of {until!r} are in two parts; run the jobs of these again")
        assert self.batch is not None
        rows = self.batch.slice(self.at, end - self.at)
        self.at = end
        self._fill()
        return rows


def merged(inputs: Sequence[Iterator[pa.RecordBatch]], rows: int = ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of tables that are sorted by name and have no name in common, sorted by name.

    No more than a batch of each is in memory. A yielded batch has at least `rows` rows, and all rows of its last name,
    so that a run can resume there.
    """
    queue = [
        (cursor.name, number, cursor) for number, cursor in enumerate(map(_Cursor, inputs)) if cursor.name is not None
    ]
    heapq.heapify(queue)
    gathered: list[pa.RecordBatch] = []
    count = 0
    while queue:
        _, number, cursor = heapq.heappop(queue)
        piece = cursor.take(queue[0][0] if queue else None)
        gathered.append(piece)
        count += piece.num_rows
        if cursor.name is not None:
            heapq.heappush(queue, (cursor.name, number, cursor))
        last = piece.column("name")[-1].as_py()
        if count >= rows and (not queue or queue[0][0] != last):
            yield pa.concat_batches(gathered)
            gathered, count = [], 0
    if gathered:
        yield pa.concat_batches(gathered)
