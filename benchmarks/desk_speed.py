"""Measures how long the desk of a large run takes to open, and to process an answer.

    python -m benchmarks.desk_speed --tracks 50000 --people 200 --work DIR

The run is synthetic: a fifth of the tracks show known people, more or less clearly; the rest show strangers, ten tracks
each.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.made_desk import Cast, Track, make_run
from rcnn.commands.arguments import FILES, METHOD, Parser, positive
from rcnn.errors import InputError, run_script
from rcnn.review.desk import Desk

WIDTH = 512  # of vectors
TRACKS = 5  # per film
KNOWN = 0.2  # share of tracks that show known people
STRANGER_TRACKS = 10
LIKE = (0.35, 0.9)  # cosines with the person
TIMES = 15  # repetitions of each answer


def cast_of(tracks: int, people: int, films: Path) -> Cast:
    """A cast with that many tracks, five per film."""
    chance = np.random.default_rng(0)
    who = np.where(
        chance.random(tracks) < KNOWN,
        chance.integers(0, people, tracks),
        people + chance.integers(0, max(1, int(tracks * (1 - KNOWN) / STRANGER_TRACKS)), tracks),
    )
    like = chance.uniform(*LIKE, tracks)
    return Cast(
        [f"Person {number}" for number in range(people)],
        {
            films / f"{first:07d}.mp4": [
                Track(int(who[number]), float(like[number]), first=3 * (number - first))
                for number in range(first, min(first + TRACKS, tracks))
            ]
            for first in range(0, tracks, TRACKS)
        },
        WIDTH,
    )


@dataclass(frozen=True)
class Took:
    """Wall clock seconds, and processor seconds of all threads."""

    clock: float
    processor: float


def time_of(call: Callable[[], object]) -> Took:
    clock, processor = time.perf_counter(), time.process_time()
    call()
    return Took(time.perf_counter() - clock, time.process_time() - processor)


def main() -> None:
    parser = Parser(__doc__, "python -m benchmarks.desk_speed --tracks 50000 --work ./output/desk")
    parser.group(METHOD)("--tracks", type=positive, default=50_000, metavar="N", help="tracks in all films")
    parser.group(METHOD)("--people", type=positive, default=200, metavar="N", help="known people")
    parser.group(FILES)("--work", type=Path, required=True, metavar="DIR", help="folder for the run")
    given = parser.parse_args()
    found = given.work / "found"
    if not found.exists():
        make_run(given.work, cast_of(given.tracks, given.people, given.work / "films"))
    if (found / "review.sqlite").exists():
        raise InputError(f"{found}: has answers already; give another --work")
    started = time.perf_counter()
    desk = Desk.open(str(found))
    print(f"open: {time.perf_counter() - started:.1f} s")
    while not desk.groups.ready:
        time.sleep(0.1)
    print(f"groups: {desk.state()['unknown']} after {time.perf_counter() - started:.1f} s")
    tokens = map(str, itertools.count())

    def answer(kind: str, **more: object) -> Took:
        return time_of(lambda: desk.answer({"token": next(tokens), "kind": kind, **more}))

    busy = [one["label"] for one in sorted(desk.state()["people"], key=lambda one: -one["left"])]
    queue = [(label, item) for label in busy for item in (desk.person(label, 0, TIMES, "left") or {})["items"]]
    times: dict[str, list[Took]] = {"state": [time_of(desk.state) for _ in range(TIMES)]}
    times["person"] = [time_of(lambda: desk.person(busy[0], 0, 100, "all")) for _ in range(TIMES)]
    for kind in ("yes", "no"):
        for _ in range(TIMES):
            label, item = queue.pop(0)
            spots = [[item["clip"], item["track"]]]
            times.setdefault(kind, []).append(answer(kind, label=label, spots=spots))
    groups = desk.group_list(0, TIMES, False)["items"]
    for number, group in enumerate(groups):
        spots = [[face["clip"], face["track"]] for face in group["faces"]]
        times.setdefault("name of a group", []).append(answer("name", name=f"New {number}", spots=spots))
    times["undo"] = [answer("undo") for _ in range(TIMES)]
    for name, found_times in times.items():
        clock, processor = ([getattr(each, field) * 1e3 for each in found_times] for field in ("clock", "processor"))
        print(
            f"{name}: {statistics.median(clock):.0f} ms, longest {max(clock):.0f} ms; "
            f"of processor {statistics.median(processor):.0f} ms, longest {max(processor):.0f} ms"
        )
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    desk.close()


if __name__ == "__main__":
    run_script(main)
