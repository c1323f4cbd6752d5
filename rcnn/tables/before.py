"""Results of earlier runs, set aside in `DIR/before/` until a growing output is complete again.

`DIR/before/1/`, `2/` and so on are stage directories of their own, the newest last, each with the header of its run.
There are several if a growing run was stopped and the data set changed again. After a kill the files show how far it
came:

    manifest.json of DIR    it is complete, and `before/` left over: its rows are in DIR
    progress.json           with the sums of the manifests in `before/`: a run that goes on, and copies from there
    progress.json           with those of all but the last: that one is this run itself, which was being put aside
    neither                 the parts of the last of `before/` lie there or still in DIR; nothing has been begun
    nothing in `before/`    as if there was no such folder: a manifest comes before its parts, and goes before them
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .. import files
from ..errors import InputError
from ..files import sha256
from ..files.json import read_json, write_json
from .header import differences, may_grow
from .manifest import read_manifest
from .parts import parts_there
from .progress import Progress, read_progress
from .schema import BEFORE, CLIPS, CLIPS_SCHEMA, KINDS, MANIFEST, PROGRESS
from .table import GrowingTable


def begin(path: str, header: Mapping[str, Any], schema: pa.Schema) -> tuple[Progress | None, list[str]]:
    """Find out where a run into a stage directory resumes; the caller holds its lock.

    An existing directory with other clips is set aside.

    Parameters
    ----------
    path : of the directory
    header : of the run
    schema : of its rows

    Returns
    -------
    The progress of a resumed run, None for a new one, and directories of earlier results, newest last.

    Raises
    ------
    InputError
        If the existing directory is complete and has no other clips, was made in another way, or can't be read.
    """
    manifest = files.join(path, MANIFEST)
    if files.exists(manifest):
        _check_grows(path, _read(manifest), header)
        files.discard(files.join(path, PROGRESS))
        clear(path)
        files.move(manifest, files.join(_layer(path, 1), MANIFEST))
    saved, layers = read_progress(path), _layers(path)
    if saved is None:
        if layers:
            _check_same(path, read_manifest(layers[-1], (header["stage"],)), header)
            _move_parts(path, layers[-1], header["stage"])
        return None, layers
    _check_same(path, saved.header, header)
    sums = sums_of(layers)
    if saved.before == sums:
        if not differences(saved.header, header):
            return saved, layers
        layers += _put_aside(path, saved, schema, len(layers) + 1)
    elif saved.before != sums[:-1]:
        raise InputError(
            f"{files.join(path, BEFORE)}: is not what this run was started with; give --overwrite to start again"
        )
    files.discard(files.join(path, PROGRESS))
    if layers:
        _move_parts(path, layers[-1], header["stage"])
    return None, layers


def clear(path: str) -> None:
    """Remove earlier results: manifests first, so that none describes half a table."""
    before = files.join(path, BEFORE)
    if files.is_dir(before):
        for layer in _layers(path):
            files.discard(files.join(layer, MANIFEST))
        files.remove_tree(before)


def sums_of(layers: list[str]) -> list[str]:
    """sha256 of the manifest of each directory."""
    return [sha256(files.join(layer, MANIFEST)) for layer in layers]


def _layers(path: str) -> list[str]:
    """Directories of `DIR/before/` with a manifest, newest last."""
    before = files.join(path, BEFORE)
    if not files.is_dir(before):
        return []
    files.check_no_links(before)
    numbers = sorted(int(name) for name in files.names(before) if name.isascii() and name.isdecimal())
    folders = [files.join(before, str(number)) for number in numbers]
    for folder in folders:
        files.check_no_links(folder)
    return [folder for folder in folders if files.exists(files.join(folder, MANIFEST))]


def _layer(path: str, number: int) -> str:
    """A new directory there, empty."""
    before = files.join(path, BEFORE)
    layer = files.join(before, str(number))
    files.make_inner_dir(before)
    files.remove_tree(layer)
    files.make_inner_dir(layer)
    return layer


def _read(manifest: str) -> Any:
    try:
        return read_json(manifest)
    except (OSError, ValueError):
        return None


def _check_grows(path: str, was: Any, now: Mapping[str, Any]) -> None:
    if not may_grow(was, now) or not differences(was, now):
        raise InputError(f"{path}: exists and is complete; give --overwrite to replace it, or another --output")


def _check_same(path: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    found = differences(was, now)
    if found and not may_grow(was, now):
        raise InputError(
            f"{path}: contains a run that was started with another {', another '.join(found)}; "
            f"give the same, --overwrite to start again, or another --output"
        )


def _put_aside(path: str, saved: Progress, schema: pa.Schema, number: int) -> list[str]:
    """Close a stopped run as one of the clips that it has done; returns its directory, empty if there is none.

    Its progress stays valid until it is removed: full parts keep their bytes, and the last one contains what was saved.
    """
    stage = saved.header["stage"]
    tables = {KINDS[stage].table: GrowingTable(files.join(path, KINDS[stage].table), schema)}
    tables[CLIPS] = GrowingTable(files.join(path, CLIPS), CLIPS_SCHEMA)
    try:
        for table, state in zip(tables.values(), (saved.rows, saved.clips), strict=True):
            table.resume(state)
    except ValueError as error:
        raise InputError(
            f"{files.join(path, PROGRESS)}: can't be read ({error}); give --overwrite to start again"
        ) from None
    rows, clips = tables.values()
    if not clips.total:
        return []
    for table in tables.values():
        table.finish()
    states = {state.replace(" ", "_"): number for state, number in saved.states.items()}
    sums = {f"{name}/{part}": digest for name, table in tables.items() for part, digest in table.sums.items()}
    layer = _layer(path, number)
    write_json(
        files.join(layer, MANIFEST),
        {
            **saved.header,
            "counts": {"clips": clips.total, "rows": rows.total, **states},
            "parts": sums,
            "seconds": 0.0,
        },
    )
    return [layer]


def _move_parts(path: str, layer: str, stage: str) -> None:
    """Move the parts of an earlier directory that are still in DIR. Names in its manifest are only compared."""
    wanted = read_manifest(layer, (stage,))["parts"]
    there = parts_there(layer, stage)
    for table, names in parts_there(path, stage).items():
        folder = files.join(layer, table)
        files.make_inner_dir(folder)
        for name in names:
            if f"{table}/{name}" in wanted and name not in there[table]:
                files.move(files.join(path, table, name), files.join(folder, name))
