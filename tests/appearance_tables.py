"""Small tables of appearances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from rcnn.tables import StageWriter
from rcnn.tables.schema import APPEARANCES_SCHEMA

ALL = frozenset({"yes", "maybe", "no"})
SIZE = (1280, 720)  # pixels of every video


@dataclass(frozen=True)
class Seen:
    """An appearance; what a test does not care about has a value."""

    clip: str
    start: float
    end: float
    who: int = 10
    person: str = "Zoë Smith"
    source: str = ""
    verdict: str = "yes"
    fps: float = 25.0
    seconds: float = 600.0
    piece: tuple[float, float] = (0.0, 0.0)  # of the source; 0 is its end


def write_table(path: Path, seen: Sequence[Seen]) -> str:
    """A complete stage directory; gives its path."""
    rows = sorted(seen, key=lambda row: (row.clip, row.start, row.who))
    width, height = SIZE
    with StageWriter(str(path), "appearances", APPEARANCES_SCHEMA) as writer:
        for name, row in sorted({row.clip: row for row in rows}.items()):
            clip = {"name": name, "split": "test", "state": "ok", "reason": "", "frames": 9, "faces": 9}
            clip |= {"source": row.source, "start": row.piece[0], "end": row.piece[1]}
            writer.add_clips([{**clip, "seconds": row.seconds, "fps": row.fps, "width": width, "height": height}])
        found = [
            {
                "name": row.clip, "split": "test", "who": row.who, "person": row.person,
                "source": row.source or f"films/{row.clip}", "start": row.start, "end": row.end,
                "seen": row.end - row.start, "time": (row.start + row.end) / 2, "box": [10.5, 20.1, 110.0, 220.0],
                "track": 0, "cosine": 0.37, "probability": 0.9, "verdict": row.verdict,
            }
            for row in rows
        ]  # fmt: skip
        if found:
            writer.add_rows(pa.RecordBatch.from_pylist(found, APPEARANCES_SCHEMA))
    return str(path)
