"""Reading a complete stage directory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import files
from ..clips.dataset import part_of
from ..config import config
from ..errors import InputError
from ..files.json import reason
from ..files.text import check_utf8
from ..scores.extra_classes import ExtraClasses
from .accounts import Accounts
from .damage import DAMAGED
from .manifest import read_manifest
from .moved import arguments_now
from .parts import Parts
from .schema import (
    ASIDE,
    CLIPS_SCHEMA,
    IDENTITY,
    KINDS,
    MANIFEST,
    MEANS,
    NO_FACE,
    OK,
    STATES,
    UNREADABLE,
    is_tracked,
    one_row,
    wanted_schema,
)

READ_ROWS = 4096  # rows in a reader's batch
NEAR_BUFFER, FAR_BUFFER = 1 << 20, 4 << 20  # bytes of a column to read at a time, on disk and from a store
BATCH_BYTES = 64 << 20  # of vectors in a batch: wide ones come in smaller batches
MANY_MEANS = 8  # largest ratio of the size of a row with additional vectors to one without
NAME = IDENTITY[0][0]


class StageReader:
    """Reads a complete stage directory without trusting it: no part with a wrong sha256 is read.

    Parameters
    ----------
    path : the directory
    stages : keys of `KINDS` that are accepted

    Raises
    ------
    InputError
        If it does not exist, is not complete, is of another stage or a later format, has other parts than its manifest,
        or its sums don't agree.
    """

    def __init__(self, path: str, stages: Sequence[str]) -> None:
        check_utf8(path, "a stage directory")
        self.manifest = read_manifest(path, stages)
        stage: str = self.manifest["stage"]
        self.path, self.stage = path, stage
        self.far_buffer = FAR_BUFFER  # smaller if many are read side by side
        file = files.join(path, MANIFEST)
        self.accounts = self._whole = Accounts.of(self.manifest.get("counts"), file)
        self._parts = Parts(path, stage, self.manifest["parts"])
        first = self._parts.rows[0]
        try:
            found = pq.read_schema(files.open_parquet(first))  # not checked yet, but neither are rows handed out
        except DAMAGED as error:
            raise self._damaged(first, error) from None
        self.schema = wanted_schema(stage, found)  # equal except for the column numbers added by Parquet
        self._check_schema(first, found, self.schema)
        self.accounts.check_rows(one_row(stage, self.schema), file, KINDS[stage].together, KINDS[stage].bare)

    def _check_schema(self, path: str, schema: pa.Schema, wanted: pa.Schema) -> None:
        if not schema.equals(wanted, check_metadata=False):
            raise InputError(
                f"{path}: has other columns than {KINDS[self.stage].script} writes, or than the previous part; "
                "run it again"
            )

    def _damaged(self, path: str, error: Exception) -> InputError:
        files.check_answers(path)
        return InputError(f"{path}: can't be read ({reason(error)}); run {KINDS[self.stage].script} again")

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the run that wrote the directory; its data set is where it is now, if both moved together."""
        return arguments_now(self.manifest["arguments"], self.path)

    @property
    def width(self) -> int:
        """Length of the vectors of the stage's last column (features or scores)."""
        return self.schema.field(len(self.schema) - 1).type.list_size

    @property
    def tracked(self) -> bool:
        """Whether a clip may have several tracks."""
        return is_tracked(self.schema)

    @property
    def strangers(self) -> ExtraClasses | None:
        """The classes of strangers in a training set; None where all strangers are of class 0."""
        counts = self.manifest["counts"]
        if self.stage != "genfeat" or counts.get("strangers") is None or counts.get("people") is None:
            return None
        return ExtraClasses(counts["people"], counts["strangers"])

    def of_people(self, labels: np.ndarray) -> np.ndarray:
        """Which labels (n,) int of a training set are of known people: (n,) bool."""
        last = labels.max(initial=0) if self.strangers is None else self.strangers.people
        return (labels > config.SUBMIT.NOBODY) & (labels <= last)

    @property
    def columns(self) -> list[str]:
        """All columns, for copying rows."""
        return list(self.schema.names)

    @property
    def rows(self) -> int:
        """Rows of the stage's table."""
        return self.accounts.rows

    def batches(self, columns: Sequence[str] | None = None, rows: int = READ_ROWS) -> Iterator[pa.RecordBatch]:
        """Rows of the stage's table, sorted by clip name, at most `rows` at a time.

        Parameters
        ----------
        columns : to read; None for all except those of `ASIDE`

        Raises
        ------
        InputError
            If a part is damaged, is not sorted, lacks values, or rows are missing or too many.
        """
        if KINDS[self.stage].a_clip:
            rows = max(1, min(rows, BATCH_BYTES // (4 * self.width)))
        if columns is not None and MEANS[0] in columns:
            rows = max(1, rows // MANY_MEANS)
        return self._read(
            self._parts.rows, self.schema, columns, rows, self._whole.rows, one_row(self.stage, self.schema)
        )

    @property
    def parts(self) -> dict[str, str]:
        """The sha256 of each part of the stage's table, by its path, in order."""
        return {part: self._parts.sum_of(part) for part in self._parts.rows}

    def rows_in(self, path: str) -> Iterator[pa.RecordBatch]:
        """The rows of one of `parts`, as in `batches`; raises the same errors, but does not count rows."""
        return self._read([path], self.schema, None, READ_ROWS, None, one_row(self.stage, self.schema))

    def rows_of(self, clips: Collection[str], columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of some clips, as in `batches`; parts without these clips are not read. `columns` must include the
        name.
        """
        return self._rows_of(clips, self._parts.rows, self.schema, columns, one_row(self.stage, self.schema))

    def clips_of(self, clips: Collection[str]) -> Iterator[pa.RecordBatch]:
        """The same for the table of all clips."""
        return self._rows_of(clips, self._parts.clips, CLIPS_SCHEMA, None, True)

    def _rows_of(
        self, clips: Collection[str], parts: Sequence[str], schema: pa.Schema, columns: Sequence[str] | None, once: bool
    ) -> Iterator[pa.RecordBatch]:
        wanted = sorted(clips)
        names = pa.array(wanted, pa.string())
        for part in parts:
            if self._may_hold(part, wanted):
                for batch in self._read([part], schema, columns, READ_ROWS, None, once):
                    found = rows_of_names(batch, names)
                    if len(found):
                        yield found

    def _may_hold(self, part: str, wanted: Sequence[str]) -> bool:
        """Whether one of some sorted names is between the first and the last name of a row group."""
        try:
            with pq.ParquetFile(files.open_parquet(part)) as file:
                groups = [file.metadata.row_group(number).column(0) for number in range(file.metadata.num_row_groups)]
                ranges = [(found.min, found.max) if (found := group.statistics) else None for group in groups]
        except DAMAGED as error:
            raise self._damaged(part, error) from None
        for ends in ranges:
            if ends is None or not all(isinstance(end, str) for end in ends):
                return True
            place = bisect_left(wanted, ends[0])
            if place < len(wanted) and wanted[place] <= ends[1]:
                return True
        return False

    def clips(self) -> Iterator[pa.RecordBatch]:
        """The table of all clips, sorted by name; raises as `batches` does."""
        states = dict.fromkeys(STATES, 0)
        whole = self._whole
        for batch in self._read(self._parts.clips, CLIPS_SCHEMA, None, READ_ROWS, whole.clips, True):
            for state in batch.column("state").to_pylist():
                if state not in states:
                    raise InputError(f"{self.path}: a clip has the state {state[:40]!r}, known are {', '.join(STATES)}")
                states[state] += 1
            yield batch
        if tuple(states.values()) != (whole.ok, whole.no_face, whole.unreadable):
            raise InputError(
                f"{self.path}: its clips are {states} and its manifest says {whole}; "
                f"run {KINDS[self.stage].script} again"
            )

    def _read(
        self,
        parts: Sequence[str],
        schema: pa.Schema,
        columns: Sequence[str] | None,
        rows: int,
        total: int | None,
        once: bool,
    ) -> Iterator[pa.RecordBatch]:
        """The rows of some parts, `total` in all if known; `once` if each name occurs once."""
        last: str | None = None
        seen = 0
        if columns is None and not set(ASIDE).isdisjoint(schema.names):
            columns = [name for name in schema.names if name not in ASIDE]
        for path in parts:
            try:
                self._parts.check(path)
                size = self.far_buffer if files.is_url(path) else NEAR_BUFFER
                with pq.ParquetFile(files.open_parquet(path), pre_buffer=False, buffer_size=size) as file:
                    self._check_schema(path, file.schema_arrow, schema)
                    for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                        last = _check(batch, last, once)
                        seen += batch.num_rows
                        if total is not None and seen > total:
                            raise pa.ArrowInvalid(f"more rows than the {total} that the manifest counts")
                        yield batch
            except DAMAGED as error:
                raise self._damaged(path, error) from None
        if total is not None and seen != total:
            raise InputError(
                f"{files.parent(parts[0])}: has {seen} rows and the manifest counts {total}; "
                f"run {KINDS[self.stage].script} again"
            )


class _Names(Sequence[str]):
    """Names of an array, for bisect, without an object for each."""

    def __init__(self, names: pa.StringArray) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        return self._names[index].as_py()


def rows_of_names(batch: pa.RecordBatch, names: pa.StringArray) -> pa.RecordBatch:
    """The rows of a batch, sorted by name, that belong to some clips, also sorted by name."""
    if not len(batch):
        return batch
    first, last = batch.column(NAME)[0].as_py(), batch.column(NAME)[-1].as_py()
    start = bisect_left(_Names(names), first)
    end = bisect_right(_Names(names), last, start)  # is_in builds a hash table of its names each time
    return batch.filter(pc.is_in(batch.column(NAME), names.slice(start, end - start)))


class PartReader(StageReader):
    """The clips of one part of a stage directory, for job arrays; `accounts` and `rows` are those of the part.

    Parameters
    ----------
    path, stages : see `StageReader`
    part : (I, N), the I-th (0 to N-1) of N parts, as divided by `rcnn.clips.dataset.part_of`

    Raises
    ------
    InputError
        As `StageReader`; all clips are read once to count them.
    """

    def __init__(self, path: str, stages: Sequence[str], part: tuple[int, int]) -> None:
        super().__init__(path, stages)
        self.part = part
        states = Counter[str]()
        faces = 0
        for batch in self.clips():
            states.update(batch.column("state").to_pylist())
            faces += sum(batch.column("faces").to_pylist())
        if one_row(self.stage, self.schema):
            rows = states[OK]
        elif KINDS[self.stage].a_clip:
            rows = sum(batch.num_rows for batch in self.batches([NAME]))
        else:
            rows = faces
        self.accounts = Accounts(states.total(), rows, states[OK], states[NO_FACE], states[UNREADABLE])

    def _mine(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        index, count = self.part
        return batch.filter(pa.array([part_of(name, count) == index for name in batch.column(NAME).to_pylist()]))

    def batches(self, columns: Sequence[str] | None = None, rows: int = READ_ROWS) -> Iterator[pa.RecordBatch]:
        """As in `StageReader`; `columns` must include the name."""
        return filter(len, map(self._mine, super().batches(columns, rows)))

    def clips(self) -> Iterator[pa.RecordBatch]:
        """As in `StageReader`."""
        return filter(len, map(self._mine, super().clips()))


def open_stage(path: str, stages: Sequence[str], part: tuple[int, int] = (0, 1)) -> StageReader:
    """A reader of a whole stage directory, or of its part (I, N)."""
    return StageReader(path, stages) if part[1] == 1 else PartReader(path, stages, part)


def _check(batch: pa.RecordBatch, last: str | None, once: bool) -> str | None:
    """Raise ArrowInvalid if rows lack values or are not sorted by name after `last`; returns the last name."""
    batch.validate(full=True)  # text is UTF-8, list offsets are within their values
    for column in batch.columns:
        has_lists = pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type)
        numbers = column.flatten() if has_lists else column
        if column.null_count or numbers.null_count:
            raise pa.ArrowInvalid("a value is missing")
        if pa.types.is_floating(numbers.type) and not np.isfinite(numbers.to_numpy(zero_copy_only=False)).all():
            raise pa.ArrowInvalid("a number is not finite")
    if NAME in batch.schema.names:
        for name in batch.column(NAME).to_pylist():
            if last is not None and (name < last or (once and name == last)):
                raise pa.ArrowInvalid(f"{name[:80]!r} comes after {last[:80]!r}")
            last = name
    return last
