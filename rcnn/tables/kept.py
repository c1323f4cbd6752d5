"""The clips of a run that were done before and are unchanged, and their rows."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import InputError
from .merged import merged
from .reader import NAME, StageReader, rows_of_names
from .schema import after

Mark = tuple[Any, ...]  # what identifies a clip, its name first


class Kept:
    """The clips of a run that an earlier one has done.

    Memory: a byte per clip, and the names of kept ones.

    Parameters
    ----------
    layers : results of earlier runs, newest last; a clip in several is taken from the newest
    now : marks of the run's clips, sorted by name
    marks : columns of the table of clips that must be equal to these, `name` first
    again : whether an unchanged clip is done again; takes its state and reason
    start_after : largest name that the run has written already

    Attributes
    ----------
    known : (n,) bool, whether a clip of `now` is kept
    kept, new, changed, again, gone : numbers of clips
    """

    def __init__(
        self,
        layers: Sequence[StageReader],
        now: Iterable[Mark],
        marks: Sequence[str],
        again: Callable[[str, str], bool] = lambda state, reason: False,
        start_after: str = "",
    ) -> None:
        self._layers = layers
        self.kept = self.new = self.changed = self.again = self.gone = 0
        names: list[list[str]] = [[] for _ in layers]
        known = bytearray()
        with _anew():
            for mark, rows in _side_by_side(now, [_marks(layer, marks) for layer in layers]):
                if mark is None:
                    self.gone += 1
                    continue
                found = next((place for place, row, *why in rows if row == mark and not again(*why)), None)
                known.append(found is not None)
                if found is not None:
                    names[found].append(mark[0])
                    self.kept += 1
                elif not rows:
                    self.new += 1
                elif any(row == mark for _, row, *_ in rows):
                    self.again += 1
                else:
                    self.changed += 1
        self.known = np.frombuffer(bytes(known), np.uint8).astype(bool)
        wanted = [pa.array(some, pa.string()) for some in names]
        self._clips, self._rows = (
            Stream(merged([_only(batches, some, start_after) for batches, some in zip(tables, wanted, strict=True)]))
            for tables in ([layer.clips() for layer in layers], [layer.batches(layer.columns) for layer in layers])
        )

    def __str__(self) -> str:
        words = f"{self.kept} clips kept, {self.new} new, {self.changed} changed, {self.gone} gone"
        return f"{words}, {self.again} tried again after a failure of the machine" if self.again else words

    def until(self, name: str | None = None) -> Iterator[tuple[pa.RecordBatch, Iterator[pa.RecordBatch]]]:
        """Kept clips before a name, or all that are left: rows of the table of clips, and theirs in the stage's table,
        to be consumed before the next.

        Raises
        ------
        InputError
            If the earlier results are damaged.
        """
        for clips in self._clips.until(name):
            yield clips, self._rows.until(clips.column(NAME)[-1].as_py(), with_it=True)


@contextmanager
def _anew() -> Iterator[None]:
    """Replace the advice in a reader's message about a damaged directory, which can't be made again by itself."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{str(error).rpartition('; ')[0]}; give --overwrite to start again") from None


def _marks(layer: StageReader, marks: Sequence[str]) -> Iterator[tuple[Mark, str, str]]:
    for batch in layer.clips():
        columns = zip(*(batch.column(name).to_pylist() for name in marks), strict=True)
        yield from zip(columns, batch.column("state").to_pylist(), batch.column("reason").to_pylist(), strict=True)


def _numbered(place: int, rows: Iterator[tuple[Mark, str, str]]) -> Iterator[tuple[int, Mark, str, str]]:
    return ((place, *row) for row in rows)


def _side_by_side(
    now: Iterable[Mark], layers: Sequence[Iterator[tuple[Mark, str, str]]]
) -> Iterator[tuple[Mark | None, list[tuple[int, Mark, str, str]]]]:
    """Every current or earlier clip, by name: its current mark, None if it is gone, and its rows in the layers with the
    layer's index, newest first."""
    walk = heapq.merge(*map(_numbered, range(len(layers)), layers), key=lambda row: (row[1][0], -row[0]))
    row = next(walk, None)

    def take(name: str) -> list[tuple[int, Mark, str, str]]:
        nonlocal row
        found = []
        while row is not None and row[1][0] == name:
            found.append(row)
            row = next(walk, None)
        return found

    for mark in now:
        while row is not None and row[1][0] < mark[0]:
            yield None, take(row[1][0])
        yield mark, take(mark[0])
    while row is not None:
        yield None, take(row[1][0])


def _only(batches: Iterator[pa.RecordBatch], names: pa.StringArray, start_after: str) -> Iterator[pa.RecordBatch]:
    """The rows of some clips, whose names are sorted, that come after a name."""
    return filter(len, (rows_of_names(after(batch, start_after), names) for batch in batches))


class Stream:
    """Rows sorted by name, read piece by piece."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._batch: pa.RecordBatch | None = None
        self._names: list[str] = []
        self._at = 0

    def until(self, name: str | None, with_it: bool = False) -> Iterator[pa.RecordBatch]:
        """The rows before a name, or up to it; all for None."""
        cut = bisect_right if with_it else bisect_left
        while True:
            if self._batch is None or self._at == len(self._names):
                with _anew():
                    self._batch = next(self._batches, None)
                if self._batch is None:
                    return
                self._names, self._at = self._batch.column(NAME).to_pylist(), 0
            start = self._at
            self._at = len(self._names) if name is None else cut(self._names, name, start)
            rest = self._at < len(self._names)
            if self._at > start:
                yield self._batch.slice(start, self._at - start)
            if rest:
                return
