"""The log of answers about a run: an append-only SQLite file next to it.

A step is the answer of one click; it is on disk when `Answers.add` returns. Each step carries a token from the client.
A repeated token changes nothing, so a request that is repeated after a crash counts once. Rows are never updated: an
undone step stays, and a later step marks it as undone. Only `forget` removes rows.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import files
from ..errors import InputError
from .answer_file import ANSWERS_FILE, COLUMNS, connect, from_row, one, prepare, to_row, told
from .meaning import Answer, Given, Seen, Spot, meaning

__all__ = [
    "ANSWERS_FILE",
    "Answer",
    "Answers",
    "Given",
    "Seen",
    "Spot",
    "Step",
    "meaning",
    "read_given",
    "read_standing",
]


@dataclass(frozen=True)
class Step:
    """The answers of one click.

    at : time, ISO 8601, UTC
    window : browser window; undo takes back the last step of its own window
    undone : whether a later step took it back
    undoes : number of the step that it takes back; it then has no answers
    """

    step: int
    at: str
    window: str
    answers: tuple[Answer, ...]
    undone: bool = False
    undoes: int | None = None


class Answers:
    """A log of answers; safe for several threads, and for several processes on one file.

    Use `open`. Every method raises InputError if the file is damaged or can't be written.
    """

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()

    @staticmethod
    def open(path: str, create: bool = True) -> Answers:
        """Open a log.

        Parameters
        ----------
        path : of the file
        create : whether to create a missing file

        Raises
        ------
        InputError
            If it does not exist, is damaged, is not a log of answers, or was written by a later version.
        """
        path = files.on_disk(path, "--answers")
        if not create and not os.path.exists(path):
            raise InputError(f"{path}: does not exist; python -m rcnn review creates it with the first answer")
        if create:
            files.check_no_link(path)
        with told(path):
            connection = connect(path, create)
            try:
                prepare(path, connection)
            except BaseException:
                connection.close()
                raise
            return Answers(path, connection)

    def close(self) -> None:
        """Close the file; all answers are already saved."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, token: str, answers: Sequence[Answer], window: str = "") -> int:
        """Add answers as one step; returns its number once it is on disk.

        A known token adds nothing and returns the number of its step.

        Raises
        ------
        ValueError
            If there are no answers, or no token.
        """
        if not token or not answers:
            raise ValueError("a step needs a token and an answer")
        with self._writing() as connection:
            known = _step_of(connection, token)
            if known is not None:
                return known
            step = _new_step(connection, token, window)
            marks = ", ".join("?" * (1 + len(COLUMNS.split(","))))
            rows = [(step, *to_row(answer)) for answer in answers]
            connection.executemany(f"INSERT INTO answers (step, {COLUMNS}) VALUES ({marks})", rows)
            return step

    def undo(self, token: str, window: str = "") -> int | None:
        """Take back the last valid step of a window; returns its number, or None if there is none.

        A known token takes back nothing more and returns its first result.
        """
        if not token:
            raise ValueError("a step needs a token")
        with self._writing() as connection:
            known = _step_of(connection, token)
            if known is not None:
                return one(connection, "SELECT undoes FROM steps WHERE step = ?", known)
            last = one(
                connection,
                "SELECT max(step) FROM steps WHERE window = ? AND NOT undo AND step NOT IN "
                "(SELECT undoes FROM steps WHERE undoes IS NOT NULL) AND step IN (SELECT step FROM answers)",
                window,
            )
            _new_step(connection, token, window, undo=True, undoes=last)
            return last

    def revision(self) -> int:
        """A number that rises with every step of any client; 0 before the first."""
        with self._reading() as connection:
            return one(connection, "SELECT max(step) FROM steps") or 0

    def step_of(self, token: str) -> int | None:
        """The step with a token; None if there is none."""
        with self._reading() as connection:
            return _step_of(connection, token)

    def standing(self) -> list[Answer]:
        """All answers that were not taken back, in the order given."""
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM answers WHERE step NOT IN "
                "(SELECT undoes FROM steps WHERE undoes IS NOT NULL) ORDER BY id"
            )
            return [from_row(row) for row in rows]

    def all(self) -> list[Answer]:
        """All answers, including those taken back, in the order given."""
        with self._reading() as connection:
            return [from_row(row) for row in connection.execute(f"SELECT {COLUMNS} FROM answers ORDER BY id")]

    def given(self) -> Given:
        """The combined meaning of all answers."""
        return meaning(self.standing())

    def steps(self, last: int = 100) -> list[Step]:
        """The last steps, oldest first."""
        with self._reading() as connection:
            heads = connection.execute(
                "SELECT step, at, window, undoes, EXISTS (SELECT 1 FROM steps later WHERE later.undoes = steps.step) "
                "FROM steps ORDER BY step DESC LIMIT ?",
                (last,),
            ).fetchall()
            first = heads[-1][0] if heads else 0
            rows = connection.execute(f"SELECT step, {COLUMNS} FROM answers WHERE step >= ? ORDER BY id", (first,))
            said: dict[int, list[Answer]] = {}
            for step, *row in rows:
                said.setdefault(step, []).append(from_row(row))
        return [
            Step(step, at, window, tuple(said.get(step, ())), bool(undone), undoes)
            for step, at, window, undoes, undone in reversed(heads)
        ]

    def forget(self, label: int, spots: Collection[Spot] = (), clips: Collection[str] = ()) -> int:
        """Remove all answers about a person, tracks and clips; returns the number of answers removed.

        People merged into the person are included. Nothing of the rows remains in the file or its side files.
        """
        gone = {label, *(other for other, now in self.given().merged.items() if now == label)}
        places, names = set(spots), set(clips)
        with self._writing() as connection:
            rows = connection.execute(f"SELECT id, {COLUMNS} FROM answers").fetchall()
            said = [(number, from_row(row)) for number, *row in rows]
            ids = [
                (number,)
                for number, answer in said
                if {answer.label, answer.other} & gone
                or any(spot in places or spot.clip in names for spot in answer.spots)
            ]
            connection.executemany("DELETE FROM answers WHERE id = ?", ids)
            if ids:
                _new_step(connection, f"forget-{os.urandom(8).hex()}", "")
        with self._reading() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(ids)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, told(self.path):
            yield self._connection


def read_given(path: str | None) -> Given:
    """The combined meaning of the answers in a file; empty if there is no file.

    Raises
    ------
    InputError
        If it is damaged or is not a log of answers.
    """
    return meaning(read_standing(path))


def read_standing(path: str | None) -> list[Answer]:
    """The answers in a file that were not taken back, in order; none if there is no file.

    Raises
    ------
    InputError
        See `read_given`.
    """
    if path is None or not os.path.exists(path):
        return []
    with Answers.open(path, create=False) as answers:
        return answers.standing()


def _step_of(connection: sqlite3.Connection, token: str) -> int | None:
    return one(connection, "SELECT step FROM steps WHERE token = ?", token)


def _new_step(
    connection: sqlite3.Connection, token: str, window: str, undo: bool = False, undoes: int | None = None
) -> int:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    added = connection.execute(
        "INSERT INTO steps (token, at, window, undoes, undo) VALUES (?, ?, ?, ?, ?)", (token, now, window, undoes, undo)
    )
    return int(added.lastrowid or 0)
