"""One row per appearance: CSV and JSON, with one batch in memory at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import msgspec

from .place import Output
from .rows import Chosen, Row

VERSION = 1  # of the JSON format, docs/appearances.schema.json
CORNERS = ("best_x1", "best_y1", "best_x2", "best_y2")
HEADER = (
    "person", "label", "source", "clip", "start", "end", "seen", "best_time", *CORNERS, "best_cosine", "track",
    "probability", "verdict",
)  # fmt: skip


def csv_outputs(chosen: Chosen) -> Iterator[Output]:
    """RFC 4180 with a header, UTF-8 without a byte order mark; names are written unchanged, even if a spreadsheet would
    read one as a formula."""
    yield Output("", _csv(chosen))


def _csv(chosen: Chosen) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)  # its defaults follow the RFC
    writer.writerow(HEADER)
    for row in chosen:
        writer.writerow(_cells(row))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cells(row: Row) -> tuple[object, ...]:
    best = row.best
    return (
        row.person, row.label, row.source, row.clip, row.start, row.end, row.seen, best.time, *best.box, best.cosine,
        row.track, row.probability, row.verdict,
    )  # fmt: skip


def json_outputs(chosen: Chosen) -> Iterator[Output]:
    """One line per appearance, in the form of docs/appearances.schema.json."""
    yield Output("", _json(chosen))


def _json(chosen: Chosen) -> Iterator[str]:
    encode = msgspec.json.Encoder().encode
    yield f'{{"version": {VERSION}, "appearances": ['
    comma = "\n"
    for row in chosen:
        yield f"{comma}{encode(row).decode()}"
        comma = ",\n"
    yield "\n]}\n"
