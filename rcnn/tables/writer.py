"""Writing a stage directory, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from .. import files
from ..errors import InputError, Stopped
from ..files.json import read_json, write_json
from ..files.lock import LOCK, is_lock, take_lock
from ..files.text import check_utf8
from .accounts import Accounts
from .header import check_not_input, check_same_stage, differences, header_of
from .listing import LISTING, Listing
from .parts import differences as part_differences
from .parts import parts_there
from .progress import read_progress
from .schema import (
    CLIPS,
    CLIPS_SCHEMA,
    INT8,
    KINDS,
    MANIFEST,
    NO_FACE,
    NO_SOURCE,
    NO_VIDEO,
    OK,
    PROGRESS,
    UNREADABLE,
    one_row,
)
from .table import GrowingTable

TOP_FILES = (MANIFEST, PROGRESS, LISTING)  # of a stage directory
FOLDERS = sorted({CLIPS, INT8, *(kind.table for kind in KINDS.values())})  # of a stage directory
SAVE_SECONDS = 60.0  # of work that a run may lose


class StageWriter:
    """Writes a stage directory; use as a context manager.

    Rows and clips are appended, and `save` is called wherever a run may go on: after each group of clips. Where an
    earlier run was stopped, `state`, `last_clip` and `last_row` say how far it had come.

    Parameters
    ----------
    path : the directory
    stage : a key of `KINDS`
    schema : of the stage's rows
    arguments : of the run, for the manifest
    models : paths of every model file used, or their sha256 by file name
    sources : stage directories it is made from
    lineage : what the manifest says in their place, where these directories are only on the way; None for them
    listing : the clips of the data set that it is of; None where it has its clips from its sources
    overwrite : whether what is there may be replaced

    Raises
    ------
    InputError
        If the directory is complete and `overwrite` is not set, holds something else or what another stage wrote, is
        one of the sources, belongs to a run with other arguments, or is being written by another process.
    """

    def __init__(
        self,
        path: str,
        stage: str,
        schema: pa.Schema,
        *,
        arguments: Mapping[str, Any] | None = None,
        models: Sequence[str] | dict[str, str] = (),
        sources: Sequence[str] = (),
        lineage: Sequence[Mapping[str, str]] | None = None,
        listing: Listing | None = None,
        overwrite: bool = False,
    ) -> None:
        _check_place(path, stage, sources, overwrite)
        self.path, self.stage, self.schema = path, stage, schema
        self._started = time.monotonic()
        self._manifest: dict[str, Any] = {}
        self._listing = listing
        self._header = header_of(stage, arguments or {}, models, sources, lineage, listing)
        try:
            files.make_dir(path)
            self._lock = take_lock(files.join(path, LOCK), path, "--output")
            try:
                self._open(overwrite)
            except BaseException:
                self._lock.release()
                raise
        except OSError as error:
            raise self._failure(error) from None

    def _open(self, overwrite: bool) -> None:
        _check_place(self.path, self.stage, (), overwrite)  # again, for another run may just have ended
        saved = None if overwrite else read_progress(self.path)
        if saved is None:
            _clear(self.path)
        else:
            self._check_listing(saved.header)
            self._check_same(saved.header)
        self._rows = GrowingTable(files.join(self.path, KINDS[self.stage].table), self.schema)
        self._clips = GrowingTable(files.join(self.path, CLIPS), CLIPS_SCHEMA)
        self._states = {OK: 0, NO_FACE: 0, UNREADABLE: 0}
        self.state: dict[str, Any] = {}
        if saved is not None:
            if list(saved.states) != list(self._states):
                raise InputError(f"{self._progress}: can't be read (other states); give --overwrite to begin anew")
            try:
                self._rows.resume(saved.rows)
                self._clips.resume(saved.clips)
            except ValueError as error:
                raise InputError(f"{self._progress}: can't be read ({error}); give --overwrite to begin anew") from None
            self._states, self.state = saved.states, dict(saved.state)
        self._saved = time.monotonic()
        if saved is None:
            if self._listing is not None and self._listing.clips:
                self._listing.write(self.path)
            self._save({})

    @property
    def _progress(self) -> str:
        return files.join(self.path, PROGRESS)

    @property
    def last_clip(self) -> str:
        """Greatest name in the table of clips, empty at the beginning."""
        return self._clips.last

    @property
    def last_row(self) -> str:
        """Greatest name in the stage's own table, empty at the beginning."""
        return self._rows.last

    def _check_listing(self, header: Mapping[str, Any]) -> None:
        """Refuse to go on where the data set is another one than the run began with."""
        if self._listing is not None and header.get("listing") != self._listing.digest:
            raise InputError(
                f"{self.path}: the data set has changed since this run was begun: {self._listing.changes(self.path)}; "
                "put it back as it was, or give --overwrite to begin anew"
            )

    def _check_same(self, header: Mapping[str, Any]) -> None:
        found = differences(header, self._header)
        if found:
            raise InputError(
                f"{self.path}: holds a run that was begun with another {', another '.join(found)}; "
                f"give the same, --overwrite to begin anew, or another --output"
            )

    def __enter__(self) -> StageWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.close()
            elif issubclass(kind, Stopped):
                self._guard(lambda: self._save(self.state))
        finally:
            self._lock.release()

    def add_rows(self, batch: pa.RecordBatch) -> None:
        """Append rows of the stage's table, sorted by name over all calls."""
        self._guard(lambda: self._rows.add(batch))

    def add_clips(self, rows: Sequence[Mapping[str, Any]] | pa.RecordBatch) -> None:
        """Append rows of the table of all clips, sorted by name over all calls; what they don't say is not known."""
        if isinstance(rows, pa.RecordBatch):
            batch = rows
        else:
            batch = pa.RecordBatch.from_pylist([{**NO_SOURCE, **NO_VIDEO, **row} for row in rows], CLIPS_SCHEMA)
        for state in batch.column("state").to_pylist():
            self._states[state] += 1
        self._guard(lambda: self._clips.add(batch))

    def save(self, **state: Any) -> None:
        """Say that a run may go on from here; `state` is what it needs to know. Writes once a minute."""
        self.state = state
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self._guard(lambda: self._save(state))

    def _save(self, state: Mapping[str, Any]) -> None:
        progress = {
            "header": self._header,
            "rows": self._rows.save(),
            "clips": self._clips.save(),
            "states": self._states,
            "state": state,
        }
        self._lock.check()
        write_json(self._progress, progress)
        self._saved = time.monotonic()

    def _guard(self, action: Any) -> None:
        """Do what writes. A directory that was removed or exchanged meanwhile is named, whatever came of it."""
        check = (lambda: None) if files.is_url(self.path) else self._lock.check  # a request each time in a store
        try:
            check()
            action()
        except OSError as error:
            check()
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> InputError:
        reason = error.strerror or str(error).splitlines()[0][:200]
        return InputError(f"{self.path}: can't be written: {reason}; mend that, and the same command goes on")

    def close(self, **counts: Any) -> dict[str, Any]:
        """Write what is left, then the manifest; `counts` are added to its counts. Gives the manifest.

        Raises
        ------
        InputError
            If it can't be written, or if the sums of the two tables don't agree.
        """
        if self._manifest:
            return self._manifest
        manifest = {
            **self._header,
            "counts": {
                "clips": self._clips.total,
                "rows": self._rows.total,
                **{state.replace(" ", "_"): number for state, number in self._states.items()},
                **counts,
            },
        }
        Accounts.of(manifest["counts"], self.path).check_rows(one_row(self.stage, self.schema), self.path)
        listed = self._listing.clips if self._listing is not None else ()
        if listed and len(listed) != self._clips.total:
            raise InputError(
                f"{self.path}: {self._clips.total} clips of {len(listed)} came; give --overwrite to begin anew"
            )
        self._guard(lambda: self._finish(manifest))
        self._lock.release()
        self._manifest = manifest
        return manifest

    def _finish(self, manifest: dict[str, Any]) -> None:
        tables = {KINDS[self.stage].table: self._rows, CLIPS: self._clips}
        for table in tables.values():
            table.finish()
        manifest["parts"] = {
            f"{name}/{part}": digest for name, table in tables.items() for part, digest in table.sums.items()
        }
        manifest["seconds"] = round(time.monotonic() - self._started, 3)
        for name, why in part_differences(parts_there(self.path, self.stage), manifest["parts"]):
            raise InputError(
                f"{self.path}: {name} {why}: it came or went while this run wrote there; give --overwrite to begin anew"
            )
        self._lock.check()
        write_json(files.join(self.path, MANIFEST), manifest)
        self._lock.check()
        for file in (LISTING, PROGRESS):
            if files.exists(files.join(self.path, file)):
                with suppress(FileNotFoundError):  # a run that finds the output complete removes them, too
                    files.remove(files.join(self.path, file))


def check_output(path: str, overwrite: bool) -> None:
    """Refuse a directory that a stage may not write into, before any work is done."""
    check_utf8(path, "--output")
    if not files.is_dir(path):
        if files.exists(path):
            raise InputError(f"{path}: is no directory; give --output another path")
        return
    for folder in (path, *(files.join(path, name) for name in FOLDERS)):
        files.check_no_links(folder)
    if files.exists(files.join(path, MANIFEST)):
        if not overwrite:
            raise InputError(f"{path}: exists and is complete; give --overwrite to replace it, or another --output")
        return
    ours = {*FOLDERS, LOCK, *(f"{name}{ending}" for name in TOP_FILES for ending in ("", ".part"))}
    foreign = sorted(name for name in {*files.names(path)} - ours if not is_lock(name))
    if foreign:
        raise InputError(f"{path}: holds {foreign[0]!r}, which no stage wrote; give --output another path")


def _check_place(path: str, stage: str, sources: Sequence[str], overwrite: bool) -> None:
    """`check_output`, and: the output is none of the inputs, nor the work of another stage."""
    check_not_input(path, sources)
    check_output(path, overwrite)
    try:
        manifest = read_json(files.join(path, MANIFEST))
    except (OSError, ValueError):
        return  # there is none, or none that counts
    check_same_stage(path, manifest, stage)


def _clear(path: str) -> None:
    """Remove what an earlier run left; the manifest first, so that it never stands over half a table."""
    for name in (f"{name}{ending}" for ending in ("", ".part") for name in TOP_FILES):
        if files.exists(files.join(path, name)):
            files.remove(files.join(path, name))
    for name in FOLDERS:
        files.remove_tree(files.join(path, name))
