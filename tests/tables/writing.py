"""Stage directories of a few clips, written as far as a test wants them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rcnn.errors import Stopped
from rcnn.tables import StageWriter, features_schema, vector_array

SCHEMA = features_schema(2)
NAMES = [f"{letter}.mp4" for letter in "abcdefgh"]
STATES = ["ok", "no face", "ok", "ok", "unreadable", "ok", "unreadable", "unreadable"]  # of these clips


def begin(path: Path, stage: str = "feature", schema: pa.Schema = SCHEMA, **options: Any) -> StageWriter:
    return StageWriter(str(path), stage, schema, **options)


def put(out: StageWriter, first: int, last: int) -> None:
    """Clips first to last - 1, with the rows of those that are ok."""
    who = {"split": "test", "reason": "", "frames": 1, "faces": 1}
    chosen = list(zip(NAMES, STATES, strict=True))[first:last]
    out.add_clips([{"name": name, "state": state, **who} for name, state in chosen])
    names = [name for name, state in chosen if state == "ok"]
    columns = [
        pa.array(names, pa.string()),
        pa.array(["test"] * len(names), pa.string()),
        vector_array(np.array([[NAMES.index(name), 1] for name in names]).reshape(-1, 2)),
    ]
    out.add_rows(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))


def stopped(path: Path, count: int = 3, state: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """A run that a signal ends after so many clips; gives what it saved."""
    with pytest.raises(Stopped), begin(path, **options) as out:
        put(out, 0, count)
        out.save(**({"groups": count} if state is None else state))
        raise Stopped(15)
    return json.loads((path / "progress.json").read_text())


def tables(path: Path) -> dict[str, bytes]:
    return {str(part.relative_to(path)): part.read_bytes() for part in sorted(path.rglob("*.parquet"))}
