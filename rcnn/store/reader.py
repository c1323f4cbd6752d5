"""Reading a complete stage directory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .schema import CLIPS, FORMAT, KINDS, MANIFEST

READ_ROWS = 4096  # rows of a batch that a reader holds


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
        self.path, self.stage = path, str(stage)
        self._parts = self._list(KINDS[self.stage].table)
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

    @property
    def parts(self) -> list[str]:
        """Paths of all Parquet files."""
        return [*self._parts, *self._clip_parts]

    def _damaged(self, path: str, error: Exception) -> InputError:
        return InputError(
            f"{path}: can't be read ({str(error).splitlines()[0][:120]}); run {KINDS[self.stage].script} again"
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the run that wrote the directory; empty where the manifest has none."""
        arguments = self.manifest.get("arguments")
        return arguments if isinstance(arguments, dict) else {}

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
