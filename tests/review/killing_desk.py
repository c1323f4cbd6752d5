"""Kills of the desk in the middle of answers, from a client that sends again what nobody acknowledged."""

from __future__ import annotations

import itertools
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from desk_run import Running, start

CLIENTS = 3  # windows that answer at once


@dataclass
class Outcome:
    """What came of it.

    sent : requests, those that were repeated as well
    acknowledged : tokens that the desk said yes to, with the step that it gave each
    kills : of the desk
    unanswered : requests that a kill broke off
    """

    sent: int = 0
    kills: int = 0
    unanswered: int = 0
    acknowledged: dict[str, set[int]] = field(default_factory=dict)

    def check(self, log: Path) -> tuple[int, int]:
        """Acknowledged answers that the log lacks, and answers that it has twice."""
        with sqlite3.connect(log) as connection:
            steps = dict(connection.execute("SELECT token, step FROM steps"))
            rows = Counter(step for (step,) in connection.execute("SELECT step FROM answers"))
            whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
        assert whole == "ok", whole
        lost = sum(token not in steps or found != {steps[token]} for token, found in self.acknowledged.items())
        twice = sum(count != 1 for count in rows.values()) + (len(steps) - len(set(steps.values())))
        return lost, twice


def kill_often(found: Path, spots: list[tuple[str, int]], kills: int, answers: int, seed: int = 0) -> Outcome:
    """Answer, and kill the desk each time that some more requests are on their way.

    Parameters
    ----------
    spots : tracks that are answered in turn: "yes" and "no" for the person with label 1
    kills : of the desk, SIGKILL each
    answers : requests from one kill to the next, at least
    """
    outcome = Outcome()
    chance = random.Random(seed)
    numbers = itertools.count()
    for _ in range(kills):
        desk = start(found)
        _answer_until(desk, spots, numbers, answers, outcome, lambda: desk.process.kill(), chance)
        desk.process.communicate()
        outcome.kills += 1
    desk = start(found)
    with desk.client() as client:  # what was broken off is sent once more, and what was acknowledged, too
        for token in [*outcome.acknowledged][-20:]:
            outcome.acknowledged[token].add(_send(client, token, spots))
            outcome.sent += 1
    desk.stop()
    return outcome


def _answer_until(
    desk: Running,
    spots: list[tuple[str, int]],
    numbers: itertools.count,
    answers: int,
    outcome: Outcome,
    kill: Callable[[], None],
    chance: random.Random,
) -> None:
    left = threading.Semaphore(0)
    lock = threading.Lock()
    broken: list[str] = []

    def work() -> None:
        with desk.client() as client:
            while True:
                with lock:
                    token = f"t{next(numbers)}"
                    outcome.sent += 1
                left.release()
                try:
                    step = _send(client, token, spots)
                except httpx.TransportError:
                    with lock:
                        broken.append(token)
                    return
                with lock:
                    outcome.acknowledged.setdefault(token, set()).add(step)

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for _ in range(answers + chance.randrange(answers)):
        left.acquire()
    kill()
    for thread in threads:
        thread.join()
    outcome.unanswered += len(broken)
    again = start(Path(desk.process.args[4]))  # type: ignore[index]
    with again.client() as client:
        for token in broken:
            for _ in range(2):  # a client that is not sure sends it twice
                outcome.acknowledged.setdefault(token, set()).add(_send(client, token, spots))
                outcome.sent += 1
    again.stop()


def _send(client: httpx.Client, token: str, spots: list[tuple[str, int]]) -> int:
    number = int(token[1:])
    clip, track = spots[number % len(spots)]
    kind = "yes" if number % 3 else "no"
    body = {"token": token, "kind": kind, "label": 1, "spots": [[clip, track]], "window": token[-1]}
    got = client.post("/api/answer", json=body)
    got.raise_for_status()
    return int(got.json()["step"])
