"""Builds or updates the index of a feature directory."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from msgspec import to_builtins

from .. import files
from ..errors import InputError, note_saved
from ..files.json import read_json, write_json
from ..files.lock import LOCK, is_lock, take_lock
from ..tables import MANIFEST, StageReader
from ..workers.pipeline import cores, ordered_map
from ..workers.progress import progress
from . import codes
from .index import (
    FORMAT,
    ROTATION,
    STAGE,
    Manifest,
    command,
    features_sum,
    index_path,
    segments_name,
)
from .sample import sample_name, write_sample
from .segment import Facts, Segment, SegmentError

ROUNDING = 1e-4  # tolerated deviation of a rotation's rows from orthogonality


@dataclass(frozen=True)
class Built:
    """The result: numbers of segments, of rows in the new ones, and the manifest."""

    path: str
    new: int
    new_rows: int
    kept: int
    gone: int
    manifest: Manifest


def build_index(reader: StageReader, overwrite: bool = False) -> Built:
    """Build or update the index of features. A stopped run resumes.

    One thread per core has the rows of a part in memory; nothing else grows with the number of tracks.

    Parameters
    ----------
    overwrite : whether to rebuild everything

    Raises
    ------
    InputError
        If the features can't be read or encoded, the path is occupied, or it can't be written.
    """
    started = time.monotonic()
    path = index_path(reader.path)
    if files.is_url(path):
        raise InputError(f"{reader.path}: is in an object store; copy it to disk, and give the copy")
    if reader.width > codes.WIDEST:
        raise InputError(f"{reader.path}: its vectors are {reader.width} wide, an index takes {codes.WIDEST} at most")
    _check_place(path)
    try:
        files.make_dir(path)
        lock = take_lock(files.join(path, LOCK), path, "--features")
        try:
            there = _manifest(path)
            before = 0 if there is None else len(there.segments)
            if overwrite:
                _clear(path)
            return _build(reader, path, before, started)
        finally:
            lock.release()
    except OSError as error:
        raise InputError(
            f"{path}: can't be written: {error.strerror or error}; fix that, and the same command resumes"
        ) from None


def _build(reader: StageReader, path: str, before: int, started: float) -> Built:
    features, packing = features_sum(reader), codes.packing(reader.width)
    there = _kept(path, features, packing)
    if there is not None:
        return Built(path, 0, 0, len(there.segments), 0, there)
    turn, digest = _rotation(path, reader.width)
    folder = files.join(path, segments_name(packing, digest))
    files.make_inner_dir(folder)
    made = 0

    def make(part: tuple[str, str]) -> tuple[Facts, bool]:
        file, name = part
        segment = Segment(folder, name, reader.width)
        facts = segment.written(name)
        if facts is not None:
            return facts, False
        return segment.write(name, reader.rows_in(file), turn, reader.tracked), True

    found: list[Facts] = []
    new_rows = 0
    with progress(what="index", unit="track", total=reader.rows) as bar:
        for facts, new in ordered_map(make, reader.parts.items(), cores(), cores() + 1):
            found.append(facts)
            note_saved()
            made += new
            new_rows += facts.rows * new
            bar.update(facts.rows)
    _check_rows(reader, found)
    try:
        sample = write_sample(path, folder, found, reader.width, reader.rows)
    except SegmentError as error:
        raise InputError(f"{error}; {command(reader.path)} --overwrite makes it again") from None
    clips = sum(facts.clips for facts in found) - sum(was.last == now.first for was, now in pairwise(found))
    manifest = Manifest(
        stage=STAGE,
        format=FORMAT,
        features=features,
        width=reader.width,
        rows=reader.rows,
        clips=clips,
        packing=packing,
        rotation=digest,
        sample=sample,
        segments=found,
        seconds=round(time.monotonic() - started, 3),
    )
    if features != features_sum(reader):
        raise InputError(f"{reader.path}: was rebuilt meanwhile; give the same command again")
    write_json(files.join(path, MANIFEST), to_builtins(manifest))
    _tidy(path, folder, manifest)
    kept = len(found) - made
    return Built(path, made, new_rows, kept, max(before - kept, 0), manifest)


def _check_place(path: str) -> None:
    """Refuse a directory with other contents than an index, and files at its path."""
    if files.exists(path) and not files.is_dir(path):
        raise InputError(f"{path}: is not a directory, and the index goes there; move it away")
    if files.is_dir(path):
        files.check_no_links(path)
        for name in sorted(files.names(path)):
            if not _ours(name):
                raise InputError(f"{path}: contains {name!r}, which is not part of an index; move it away")


def _ours(name: str) -> bool:
    base = name.removesuffix(".part")
    return base in (MANIFEST, ROTATION) or is_lock(name) or base.startswith(("segments-", "sample-"))


def _manifest(path: str) -> Manifest | None:
    """The manifest of an existing index, if it can be read."""
    try:
        return read_json(files.join(path, MANIFEST), Manifest)
    except (OSError, ValueError):
        return None


def _kept(path: str, features: str, packing: str) -> Manifest | None:
    """The manifest of a complete index of the same features."""
    there = _manifest(path)
    if there is None or (there.features, there.packing) != (features, packing):
        return None
    folder = files.join(path, segments_name(packing, there.rotation))
    whole = all(Segment(folder, facts.part, there.width).written(facts.part) == facts for facts in there.segments)
    others = all(files.is_file(files.join(path, name)) for name in (ROTATION, sample_name(there.sample)))
    return there if whole and others else None


def _clear(path: str) -> None:
    """Remove everything, the manifest first."""
    files.discard(files.join(path, MANIFEST))
    for name in files.names(path):
        if not is_lock(name):
            _remove(files.join(path, name))


def _remove(path: str) -> None:
    if files.is_dir(path):
        files.remove_tree(path)
    else:
        files.remove(path)


def _rotation(path: str, width: int) -> tuple[np.ndarray, str]:
    """The rotation and the sha256 of its file; an existing one is kept, because codes were made with it."""
    file = files.join(path, ROTATION)
    if files.is_file(file):
        try:
            there = np.load(io.BytesIO(files.read_bytes(file)), allow_pickle=False)
        except ValueError:
            there = np.zeros(0)
        right = there.shape == (width, codes.code_width(width)) and there.dtype == np.float32
        if right and np.allclose(there @ there.T, np.eye(width), atol=ROUNDING):
            return there, files.sha256(file)
    turn = codes.rotation(width)
    data = io.BytesIO()
    np.save(data, turn, allow_pickle=False)
    files.write_bytes(file, data.getvalue())
    return turn, files.sha256(file)


def _check_rows(reader: StageReader, found: Sequence[Facts]) -> None:
    """Refuse features whose rows differ from their count, or are not sorted."""
    rows = sum(facts.rows for facts in found)
    if rows != reader.rows or any(was.last > now.first for was, now in pairwise(found) if now.rows):
        raise InputError(
            f"{reader.path}: has {rows} rows, not sorted by name or not the {reader.rows} that its manifest counts; "
            "make it again with feature.py --overwrite"
        )


def _tidy(path: str, folder: str, manifest: Manifest) -> None:
    """Remove files that the manifest does not name."""
    for name in files.names(path):
        place = files.join(path, name)
        keep = {MANIFEST, ROTATION, sample_name(manifest.sample), files.base_name(folder)}
        if name not in keep and not is_lock(name):
            _remove(place)
    mine = {
        files.base_name(file)
        for facts in manifest.segments
        for file in Segment(folder, facts.part, manifest.width).files
    }
    for name in files.names(folder):
        if name not in mine:
            _remove(files.join(folder, name))
