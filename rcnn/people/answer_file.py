"""The SQLite file of answers: its tables, its format marks, and the conversion between rows and answers."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import InputError
from ..files.writing import FILE_MODE
from .meaning import BOX_SIDES, Answer, Spot

ANSWERS_FILE = "review.sqlite"  # in the folder of a run
SIDE_FILES = ("-wal", "-shm", "-journal")  # files that SQLite creates next to it
APPLICATION = 0x52434E4E  # "RCNN", in the header of the file
VERSION = 1  # of the tables
PATIENCE = 60.0  # seconds to wait for another process that is writing
PAUSE = 0.01  # seconds between attempts where SQLite itself does not wait
TABLES = (
    "CREATE TABLE steps (step INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE NOT NULL, at TEXT NOT NULL, "
    "window TEXT NOT NULL, undoes INTEGER, undo INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE answers (id INTEGER PRIMARY KEY AUTOINCREMENT, step INTEGER NOT NULL REFERENCES steps, "
    "kind TEXT NOT NULL, clip TEXT, track INTEGER, time REAL, x1 REAL, y1 REAL, x2 REAL, y2 REAL, "
    "label INTEGER, other INTEGER, name TEXT NOT NULL DEFAULT '', clip2 TEXT, track2 INTEGER, time2 REAL, "
    "x3 REAL, y3 REAL, x4 REAL, y4 REAL)",
    "CREATE INDEX answers_step ON answers (step)",
    "CREATE INDEX steps_undoes ON steps (undoes)",
)
COLUMNS = (
    "kind, clip, track, time, x1, y1, x2, y2, label, other, name, clip2, track2, time2, x3, y3, x4, y4"  # see to_row
)


def connect(path: str, create: bool) -> sqlite3.Connection:
    """Open a file with durable commits; `create` creates a missing one."""
    if create and not os.path.lexists(path):
        with contextlib.suppress(FileExistsError):  # readable by the user only; SQLite's side files inherit the mode
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    for pragma in ("synchronous = FULL", "secure_delete = ON", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def prepare(path: str, connection: sqlite3.Connection) -> None:
    """Check that a file is a log of answers; initialise an empty file."""
    if one(connection, "PRAGMA application_id") != APPLICATION:
        connection.execute("BEGIN IMMEDIATE")  # another process may be creating it
        if one(connection, "PRAGMA application_id") != APPLICATION:
            if one(connection, "SELECT count(*) FROM sqlite_schema"):
                raise InputError(f"{path}: belongs to another program; name the {ANSWERS_FILE} of a run")
            for statement in TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    version = one(connection, "PRAGMA user_version")
    if version != VERSION:
        raise InputError(
            f"{path}: has format {version}, and this version reads {VERSION}; use the version that wrote it"
        )
    ends = time.monotonic() + PATIENCE
    while one(connection, "PRAGMA journal_mode") != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:  # another process has just created it, and SQLite does not wait here
            if time.monotonic() > ends:
                raise
            time.sleep(PAUSE)
    wrong = one(connection, "PRAGMA quick_check(1)")
    if wrong != "ok":
        raise sqlite3.DatabaseError(" ".join(str(wrong).split()))


@contextmanager
def told(path: str) -> Iterator[None]:
    """Convert errors about a file into an InputError of one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InputError(f"{path}: can't be read or written: {error}; fix that and give the same command") from None
    except (sqlite3.DatabaseError, OverflowError) as error:
        raise InputError(
            f"{path}: is damaged or is not a file of answers ({error}); restore a backup, or move it away to continue "
            "without its answers"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: can't be created: {error.strerror or error}; fix that") from None


def one(connection: sqlite3.Connection, query: str, *values: object) -> Any:
    """The first column of the first row; None if there is no row."""
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def to_row(answer: Answer) -> tuple[Any, ...]:
    """The column values of an answer, in the order of `COLUMNS`."""
    ends: list[list[Any]] = []
    for spot, at, box in ((answer.spot, answer.time, answer.box), (answer.spot2, answer.time2, answer.box2)):
        ends.append([spot and spot.clip, spot and spot.track, at, *(box or (None,) * BOX_SIDES)])
    return (answer.kind, *ends[0], answer.label, answer.other, answer.name, *ends[1])


def from_row(row: Sequence[Any]) -> Answer:
    """The answer for column values in the order of `COLUMNS`; raises DatabaseError if they are invalid."""
    kind, clip, track, time, x1, y1, x2, y2, label, other, name, clip2, track2, time2, *box2 = row
    spot, spot2 = (None if c is None else Spot(c, t) for c, t in ((clip, track), (clip2, track2)))
    box = None if time is None else (x1, y1, x2, y2)
    try:
        return Answer(kind, spot, label, other, name, spot2, time, box, time2, None if time2 is None else tuple(box2))
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError(f"contains an invalid answer: {error}") from None
