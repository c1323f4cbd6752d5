"""Writes a stage directory, so that a stopped run can resume where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from .. import files
from ..errors import InputError, Stopped, note_saved
from ..files.json import read_json, write_json
from ..files.lock import LOCK, is_lock, take_lock
from ..files.text import check_utf8
from . import before
from .accounts import Accounts
from .header import check_not_input, check_same_stage, header_of
from .kept import Kept, Mark
from .listing import Listing
from .parts import differences as part_differences
from .parts import parts_there
from .reader import StageReader
from .schema import (
    BEFORE,
    CLIPS,
    CLIPS_SCHEMA,
    INT8,
    KINDS,
    MANIFEST,
    NO_FACE,
    NO_SOURCE,
    NO_VIDEO,
    OK,
    OLD_LISTING,
    PROGRESS,
    UNREADABLE,
    one_row,
)
from .table import GrowingTable

TOP_FILES = (MANIFEST, PROGRESS, OLD_LISTING)  # of a stage directory
TABLES = sorted({CLIPS, *(kind.table for kind in KINDS.values())})
FOLDERS = [*TABLES, INT8, BEFORE]  # of a stage directory
SAVE_SECONDS = 60.0  # of work that a stopped run may lose


class StageWriter:
    """Writes a stage directory; use as a context manager.

    Rows and clips are appended, and `save` is called where a run may resume: after each group of clips. If an earlier
    run was stopped, `state`, `last_clip` and `last_row` show how far it had come. If one had other clips, `kept` has
    the rows of unchanged ones.

    Parameters
    ----------
    path : the directory
    stage : a key of `KINDS`
    schema : of the stage's rows
    arguments : of the run, for the manifest
    models : paths of every model file used, or their sha256 by file name
    sources : stage directories it is made from
    lineage : what the manifest records instead of them, if they are only intermediate; None for the sources
    listing : the clips of its data set; None if its clips come from its sources
    licences : of the models, in words, for the manifest
    recognised : the detected kinds of the models, by "detector" and "model", for the manifest
    overwrite : whether an existing directory may be replaced

    Raises
    ------
    InputError
        If the directory is complete and `overwrite` is not set, except for new clips of a growing stage; if it contains
        something else or another stage's output, is one of the sources, belongs to a run with other arguments, or is
        being written by another process.
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
        licences: Mapping[str, str] | None = None,
        recognised: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        _check_place(path, stage, sources)
        self.path, self.stage, self.schema = path, stage, schema
        self._started = time.monotonic()
        self._manifest: dict[str, Any] = {}
        self._listing = listing
        self._said = {"licences": dict(licences or {}), "recognised": dict(recognised or {})}
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
        _check_place(self.path, self.stage)  # again, because another run may just have ended
        if overwrite:
            _clear(self.path, TOP_FILES, FOLDERS)
        saved, self._before = before.begin(self.path, self._header, self.schema)
        if saved is None and not overwrite:
            _clear(self.path, TOP_FILES, TABLES if self._before else FOLDERS)
        self._sums = before.sums_of(self._before)
        self._rows = GrowingTable(files.join(self.path, KINDS[self.stage].table), self.schema)
        self._clips = GrowingTable(files.join(self.path, CLIPS), CLIPS_SCHEMA)
        self._states = {OK: 0, NO_FACE: 0, UNREADABLE: 0}
        self.state: dict[str, Any] = {}
        if saved is not None:
            if list(saved.states) != list(self._states):
                raise InputError(f"{self._progress}: can't be read (other states); give --overwrite to start again")
            try:
                self._rows.resume(saved.rows)
                self._clips.resume(saved.clips)
            except ValueError as error:
                raise InputError(
                    f"{self._progress}: can't be read ({error}); give --overwrite to start again"
                ) from None
            self._states, self.state = saved.states, dict(saved.state)
        if self._before or self.last_clip:
            note_saved()
        self._saved = time.monotonic()
        if saved is None:
            self._save({})

    @property
    def _progress(self) -> str:
        return files.join(self.path, PROGRESS)

    @property
    def last_clip(self) -> str:
        """Largest name in the table of clips, empty at the beginning."""
        return self._clips.last

    @property
    def last_row(self) -> str:
        """Largest name in the stage's own table, empty at the beginning."""
        return self._rows.last

    @property
    def grows(self) -> bool:
        """Whether earlier runs have done clips, which `kept` then compares."""
        return bool(self._before)

    def kept(
        self,
        now: Iterable[Mark],
        marks: Sequence[str],
        again: Callable[[str, str], bool] = lambda state, reason: False,
    ) -> Kept:
        """Which clips of this run were done before, and their rows; arguments and errors as for `Kept`."""
        layers = [StageReader(layer, (self.stage,)) for layer in self._before]
        for layer in layers:
            if not layer.schema.equals(self.schema):
                raise InputError(
                    f"{layer.path}: has other columns than this run writes; give --overwrite to start again"
                )
        return Kept(layers, now, marks, again, self.last_clip)

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
        """Append rows of the table of all clips, sorted by name over all calls; missing columns count as unknown."""
        if isinstance(rows, pa.RecordBatch):
            batch = rows
        else:
            batch = pa.RecordBatch.from_pylist([{**NO_SOURCE, **NO_VIDEO, **row} for row in rows], CLIPS_SCHEMA)
        for state in batch.column("state").to_pylist():
            self._states[state] += 1
        self._guard(lambda: self._clips.add(batch))
        note_saved()

    def save(self, **state: Any) -> None:
        """Record that a run may resume here, with the `state` that it needs. Writes once a minute."""
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
            "before": self._sums,
        }
        self._lock.check()
        write_json(self._progress, progress)
        self._saved = time.monotonic()

    def _guard(self, action: Any) -> None:
        """Run code that writes. A directory that was removed or replaced meanwhile is reported, whatever the error."""
        check = (lambda: None) if files.is_url(self.path) else self._lock.check  # a request each time in a store
        try:
            check()
            action()
        except OSError as error:
            check()
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> InputError:
        reason = error.strerror or str(error).splitlines()[0][:200]
        return InputError(f"{self.path}: can't be written: {reason}; fix that, and the same command resumes")

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
            **{name: said for name, said in self._said.items() if said},
            "counts": {
                "clips": self._clips.total,
                "rows": self._rows.total,
                **{state.replace(" ", "_"): number for state, number in self._states.items()},
                **counts,
            },
        }
        accounts = Accounts.of(manifest["counts"], self.path)
        kind = KINDS[self.stage]
        accounts.check_rows(one_row(self.stage, self.schema), self.path, kind.together, kind.bare)
        listed = self._listing.clips if self._listing is not None else ()
        if listed and len(listed) != self._clips.total:
            raise InputError(
                f"{self.path}: {self._clips.total} of {len(listed)} clips were written; give --overwrite to start again"
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
                f"{self.path}: {name} {why}: added or removed while this run wrote; give --overwrite to start again"
            )
        self._lock.check()
        write_json(files.join(self.path, MANIFEST), manifest)
        self._lock.check()
        with suppress(FileNotFoundError):  # a run that finds the output complete also removes it
            files.remove(self._progress)
        before.clear(self.path)


def check_output(path: str, overwrite: bool) -> None:
    """Refuse a directory that a stage must not write into, before any work is done."""
    check_utf8(path, "--output")
    if not files.is_dir(path):
        if files.exists(path):
            raise InputError(f"{path}: is not a directory; give --output another path")
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
        raise InputError(f"{path}: contains {foreign[0]!r}, which no stage wrote; give --output another path")


def _check_place(path: str, stage: str, sources: Sequence[str] = ()) -> None:
    """`check_output`, and also refuse one of the inputs, or the output of another stage."""
    check_not_input(path, sources)
    check_output(path, True)
    try:
        manifest = read_json(files.join(path, MANIFEST))
    except (OSError, ValueError):
        return  # there is none, or no valid one
    check_same_stage(path, manifest, stage)


def _clear(path: str, names: Sequence[str], folders: Sequence[str]) -> None:
    """Remove what an earlier run left; the manifest first, so that it never describes half a table."""
    for name in (f"{name}{ending}" for ending in ("", ".part") for name in names):
        if files.exists(files.join(path, name)):
            files.remove(files.join(path, name))
    if BEFORE in folders:
        before.clear(path)
    for name in folders:
        files.remove_tree(files.join(path, name))
