"""Kills the desk with SIGKILL while it receives answers, and counts lost and duplicated answers.

    python -m benchmarks.desk_kills --kills 50 --work DIR

Three windows answer as fast as they can. After a random number of requests, while others are in flight, the desk is
killed and restarted. Interrupted requests are sent again, twice each, with their token. At the end the log must contain
every acknowledged answer exactly once, under the number that the desk returned.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.made_desk import SURE, Cast, Running, Track, make_run, start
from rcnn.clips.in_place import clip_name
from rcnn.commands.arguments import FILES, METHOD, Parser, positive
from rcnn.errors import InputError, run_script
from rcnn.people.answers import ANSWERS_FILE

WINDOWS = 3  # answering concurrently
FILMS = 40  # with one track each
LAST = 20  # acknowledged answers repeated at the end


@dataclass
class Outcome:
    """Result of the test.

    requests : number of requests sent
    steps : step numbers returned by the desk, by token of an answer
    broken : requests interrupted by a kill
    kills : number of kills
    """

    requests: int = 0
    steps: dict[str, set[int]] = field(default_factory=dict)
    broken: int = 0
    kills: int = 0

    def count(self, log: Path) -> tuple[int, int]:
        """Numbers of acknowledged answers missing from the log, and of duplicated answers."""
        with sqlite3.connect(log) as connection:
            found = dict(connection.execute("SELECT token, step FROM steps"))
            rows = Counter(step for (step,) in connection.execute("SELECT step FROM answers"))
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise InputError(f"{log}: is damaged")
        lost = sum(token not in found or steps != {found[token]} for token, steps in self.steps.items())
        return lost, sum(count > 1 for count in rows.values()) + sum(len(steps) > 1 for steps in self.steps.values())


@dataclass
class Answering:
    """Windows that answer until their desk is killed.

    spots : tracks to answer in turn, "yes" or "no" for the person with label 1
    """

    spots: list[tuple[str, int]]
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._sent = threading.Semaphore(0)
        self._broken: list[str] = []

    def until_killed(self, desk: Running, requests: int) -> None:
        """Repeat interrupted requests, then answer; kill the desk after this many requests."""
        self.again(desk)
        windows = [threading.Thread(target=self._answer, args=(desk,)) for _ in range(WINDOWS)]
        for window in windows:
            window.start()
        for _ in range(requests):
            self._sent.acquire()
        desk.process.kill()
        for window in windows:
            window.join()
        desk.process.communicate()
        self.outcome.kills += 1
        self.outcome.broken += len(self._broken)

    def again(self, desk: Running, last: int = 0) -> None:
        """Send interrupted requests twice each, like a client that is not sure; and repeat the last acknowledged
        ones."""
        with closing(desk.client()) as client:
            for token in [*self._broken, *self._broken, *(list(self.outcome.steps)[-last:] if last else ())]:
                self._send(client, token)
        self._broken.clear()

    def _answer(self, desk: Running) -> None:
        try:
            with closing(desk.client()) as client:
                while True:
                    with self._lock:
                        token = f"t{next(self._numbers)}"
                    try:
                        self._sent.release()
                        self._send(client, token)
                    except httpx.TransportError:
                        with self._lock:
                            self._broken.append(token)
                        return
        except httpx.TransportError:  # killed before this window opened
            return

    def _send(self, client: httpx.Client, token: str) -> None:
        number = int(token[1:])
        clip, track = self.spots[number % len(self.spots)]
        body = {"token": token, "kind": "yes" if number % 3 else "no", "label": 1, "spots": [[clip, track]]}
        with self._lock:
            self.outcome.requests += 1
        got = client.post("/api/answer", json=body)
        got.raise_for_status()
        with self._lock:
            self.outcome.steps.setdefault(token, set()).add(int(got.json()["step"]))


def kill_often(found: Path, spots: list[tuple[str, int]], kills: int, requests: int, seed: int = 0) -> Outcome:
    """Kill the desk of a run repeatedly, each time after `requests` to twice as many requests."""
    chance = random.Random(seed)
    answering = Answering(spots)
    for _ in range(kills):
        answering.until_killed(start(found), requests + chance.randrange(requests))
    desk = start(found)
    answering.again(desk, LAST)
    desk.stop()
    return answering.outcome


def run_of(work: Path) -> tuple[Path, list[tuple[str, int]]]:
    """Create a run with films of one track each; returns its folder and the tracks."""
    films = {work / "films" / f"{number:03d}.mp4": [Track(0, SURE)] for number in range(FILMS)}
    found = make_run(work, Cast(["Ada", "Bo"], films))
    return found, [(clip_name(str(path), 0.0), 0) for path in films]


def main() -> None:
    parser = Parser(__doc__, "python -m benchmarks.desk_kills --kills 50 --work ./output/kills")
    parser.group(METHOD)("--kills", type=positive, default=50, metavar="N", help="kills of the desk")
    parser.group(METHOD)("--requests", type=positive, default=20, metavar="N", help="minimum between two kills")
    parser.group(FILES)("--work", type=Path, required=True, metavar="DIR", help="new folder for the run")
    given = parser.parse_args()
    if given.work.exists():
        raise InputError(f"--work {given.work}: exists already; give another name")
    found, spots = run_of(given.work)
    started = time.monotonic()
    outcome = kill_often(found, spots, given.kills, given.requests)
    lost, twice = outcome.count(found / ANSWERS_FILE)
    print(
        f"{outcome.kills} kills, {outcome.requests} requests, {len(outcome.steps)} answers acknowledged, "
        f"{outcome.broken} requests broken off; {lost} lost, {twice} twice; {time.monotonic() - started:.0f} s"
    )
    if lost or twice:
        sys.exit(1)


if __name__ == "__main__":
    run_script(main)
