"""A stage directory without some clips, faces and people: all other rows are unchanged, and the manifest is updated.

The rows of a removed clip are left out of both tables. A clip that loses some of its tracks keeps the others; without
any it has no face, with the reason `REMOVED`. Removing the same again gives the same bytes.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import files
from ..clips.dataset import Clip
from ..config import config
from ..files.json import write_json
from .accounts import Accounts
from .header import LIST
from .listing import Listing
from .reader import NAME, StageReader
from .schema import CLIPS, CLIPS_SCHEMA, INT8, KIND, KINDS, MANIFEST, NO_FACE, OK, OWN, UNREADABLE, has_kinds, one_row
from .table import GrowingTable

REMOVED = "its faces were removed, with the person whom they show"


@dataclass(frozen=True)
class Removal:
    """What to remove.

    clips : names of clips to remove with all their rows
    tracks : numbers of the tracks to remove from other clips; without tracks, 0 means the whole clip
    faces : of these clips, how many faces are left
    label : of the person, whose appearances are removed
    """

    clips: Collection[str] = frozenset()
    tracks: Mapping[str, Collection[int]] = field(default_factory=dict)
    faces: Mapping[str, int] = field(default_factory=dict)
    label: int = config.SUBMIT.NOBODY

    def __bool__(self) -> bool:
        return bool(self.clips or self.tracks or self.label != config.SUBMIT.NOBODY)


def write_without(path: str, output: str, removal: Removal, sources: Mapping[int, str]) -> None:
    """Write the rest of a complete stage directory into another one; its manifest is written last.

    Parameters
    ----------
    output : a directory on the same disk; an existing one is removed
    sources : the directories that it was made from, which may have changed since, by their index in the manifest

    Raises
    ------
    InputError
        If the directory is damaged.
    """
    reader = StageReader(path, tuple(KINDS))
    files.remove_tree(output)
    files.make_dir(output)
    table = KINDS[reader.stage].table
    rows = GrowingTable(files.join(output, table), reader.schema)
    clips = GrowingTable(files.join(output, CLIPS), CLIPS_SCHEMA)
    lost: set[str] = set()  # clips of a training set whose vector may be of a removed track
    counts: Counter[str] = Counter()
    for batch in reader.batches(reader.columns):
        stay = _stay(batch, reader, removal)
        left = batch.filter(pa.array(stay))
        if reader.stage == "genfeat":
            lost.update(_names(_own(batch.filter(pa.array(~stay)))) - {*removal.clips})
            own = _own(left)
            counts["nobody"] += int((~reader.of_people(own.column("label").to_numpy())).sum())
        elif reader.stage == "appearances":
            counts.update(left.column("verdict").to_pylist())
        if left.num_rows:
            rows.add(left)
    states: Counter[str] = Counter()
    gone: list[Clip] = []
    for batch in reader.clips():
        batch = _clips_left(batch, removal, lost, gone)
        states.update(batch.column("state").to_pylist())
        if batch.num_rows:
            clips.add(batch)
    for each in (rows, clips):
        each.finish()
    manifest = _manifest(reader, sources, gone)
    manifest["counts"] |= {
        "clips": clips.total,
        "rows": rows.total,
        **{state.replace(" ", "_"): states[state] for state in (OK, NO_FACE, UNREADABLE)},
        **{name: counts[name] for name in ("nobody", "yes", "maybe", "no") if name in manifest["counts"]},
    }
    manifest["parts"] = {
        f"{name}/{part}": digest for name, each in ((table, rows), (CLIPS, clips)) for part, digest in each.sums.items()
    }
    kind = KINDS[reader.stage]
    Accounts.of(manifest["counts"], output).check_rows(
        one_row(reader.stage, reader.schema), path, kind.together, kind.bare
    )
    networks = files.join(path, INT8)
    if files.is_dir(networks):
        shutil.copytree(networks, files.join(output, INT8))
    write_json(files.join(output, MANIFEST), manifest)


def _own(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of a training set with a clip's own vector, one per clip."""
    return batch.filter(pc.equal(batch.column(KIND[0]), OWN)) if has_kinds(batch.schema) else batch


def _names(batch: pa.RecordBatch) -> set[str]:
    return set(batch.column(NAME).to_pylist())


def _stay(batch: pa.RecordBatch, reader: StageReader, removal: Removal) -> np.ndarray:
    """Which rows (n,) bool of a stage's table stay."""
    names, stage = batch.column(NAME), reader.stage
    gone = _among(names, removal.clips)
    if stage == "appearances":
        return ~(gone | (batch.column("who").to_numpy() == removal.label))
    if stage == "genfeat":  # a clip of a known person has that person's track, whoever else is in view
        strangers = ~reader.of_people(batch.column("label").to_numpy())
        return ~(gone | (strangers & _among(names, removal.tracks)))
    if stage == "predict":
        return ~(gone | _among(names, [name for name in removal.tracks if not removal.faces.get(name)]))
    return ~(gone | _at(batch, names, removal))


def _among(names: pa.Array, some: Collection[str]) -> np.ndarray:
    return pc.is_in(names, pa.array(sorted(some), pa.string())).to_numpy(zero_copy_only=False)


def _at(batch: pa.RecordBatch, names: pa.Array, removal: Removal) -> np.ndarray:
    """Which rows (n,) bool are of removed tracks."""
    found = _among(names, removal.tracks)
    tracks = batch.column("track").to_numpy() if "track" in batch.schema.names else np.zeros(len(names), np.int32)
    for row in np.flatnonzero(found).tolist():
        found[row] = int(tracks[row]) in removal.tracks[names[row].as_py()]
    return found


def _clips_left(batch: pa.RecordBatch, removal: Removal, lost: Collection[str], gone: list[Clip]) -> pa.RecordBatch:
    """Rows of the table of clips; removed ones are added to `gone`."""
    leaving = _among(batch.column(NAME), removal.clips)
    for row in batch.filter(pa.array(leaving)).to_pylist():
        mark = (row[key] for key in ("size", "changed", "start", "end"))
        gone.append(Clip(row["name"], row["source"], row["split"], *mark))
    batch = batch.filter(pa.array(~leaving))
    changed = _among(batch.column(NAME), [*removal.tracks, *lost])
    if not changed.any():
        return batch
    return pa.RecordBatch.from_pylist([_clip_left(row, removal, lost) for row in batch.to_pylist()], CLIPS_SCHEMA)


def _clip_left(row: dict[str, Any], removal: Removal, lost: Collection[str]) -> dict[str, Any]:
    name = row["name"]
    if name not in removal.tracks or row["state"] != OK:
        return row
    left = removal.faces.get(name, 0)
    none = not left or name in lost
    return {**row, "faces": left, **({"state": NO_FACE, "reason": REMOVED} if none else {})}


def _manifest(reader: StageReader, sources: Mapping[int, str], gone: Collection[Clip]) -> dict[str, Any]:
    manifest = {**reader.manifest, "counts": dict(reader.manifest["counts"])}
    manifest["sources"] = [
        {**source, "manifest": files.sha256(files.join(sources[place], MANIFEST))} if place in sources else source
        for place, source in enumerate(manifest["sources"])
    ]
    if manifest.get(LIST) is not None:
        manifest[LIST] = Listing(manifest[LIST]).without(gone).digest
    return manifest


def exchange(path: str, ready: str, aside: str) -> None:
    """Replace a directory with a finished one; after a kill, this can be called again.

    Parameters
    ----------
    ready : the new one, complete; not there where an earlier call has moved it
    aside : where the old one is moved before it is removed
    """
    if os.path.isdir(ready):
        if os.path.isdir(path) and not os.path.isdir(aside):
            os.rename(path, aside)
        os.rename(ready, path)
    files.remove_tree(aside)
