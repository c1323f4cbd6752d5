"""Simulates the workers of rcnn/workers: cost of ordering, stragglers, deaths and the driver (docs/scale-details.md).

    python benchmarks/scheduling.py

Groups of clips are assigned in order, results are written in order, and a worker gets no new group while the oldest
unwritten one is `ahead` groups per worker behind. So one slow group can make all others wait.
"""

from __future__ import annotations

import heapq
import pickle
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.clips.dataset import Clip
from rcnn.commands.arguments import Parser
from rcnn.stages.detect import QualityHistogram, write_found
from rcnn.stages.face_finder import FoundFaces
from rcnn.tables import FACES_SCHEMA, StageWriter

FRAMES_A_SECOND = 34.0  # of one core: 5,196 frames of 640x360 with 7,748 faces in 152 s (benchmarks/following.py)
CLIP_SECONDS = (1.0, 30.0, 5.0)  # minimum, maximum, mean; log-normal in between
SPREAD = 0.8  # of the logarithm
GROUP = 8  # clips
WRITE_SECONDS = 0.002  # of the driver per group; `driver_seconds` measures it
START_SECONDS = 5.0  # of a worker: process start and models


@dataclass(frozen=True)
class Setting:
    """Parameters of a run.

    workers, groups : numbers of workers and groups
    ahead : groups per worker that may be started or done but not written
    slow : share of workers that are `slowness` times as slow
    deaths : mean hours between deaths of one worker, 0 for none
    write : seconds of the driver per group
    ordered : whether results are written in order
    """

    workers: int
    groups: int
    ahead: int = 2
    slow: float = 0.0
    slowness: float = 5.0
    deaths: float = 0.0
    write: float = WRITE_SECONDS
    ordered: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """Seconds of the run, busy share of the workers' time, groups written, groups done twice."""

    seconds: float
    busy: float
    written: int
    again: int


def service_times(count: int, seed: int) -> np.ndarray:
    """Seconds per group on one core, (count,)."""
    random = np.random.default_rng(seed)
    low, high, middle = CLIP_SECONDS
    lengths = np.clip(random.lognormal(np.log(middle) - SPREAD**2 / 2, SPREAD, (count, GROUP)), low, high)
    return (lengths * 25 / 3 / FRAMES_A_SECOND).sum(1)


def simulate(setting: Setting) -> Outcome:
    """Simulate a run, event by event."""
    random = np.random.default_rng(setting.seed + 1)
    times = service_times(setting.groups, setting.seed)
    pace = np.where(np.arange(setting.workers) < round(setting.slow * setting.workers), setting.slowness, 1.0)
    random.shuffle(pace)
    waiting: list[int] = []  # groups of workers that died, oldest first
    next_group = written = again = 0
    done: set[int] = set()
    driver = now = work = 0.0
    events: list[tuple[float, int, int, bool]] = []  # time, worker, group (-1: ready), whether it died
    idle: list[int] = []
    for worker in range(setting.workers):
        heapq.heappush(events, (START_SECONDS, worker, -1, False))

    def hand_out() -> None:
        nonlocal next_group, work
        while idle:
            if waiting:
                group = heapq.heappop(waiting)
            elif next_group < setting.groups and (
                not setting.ordered or next_group - written < setting.ahead * setting.workers
            ):
                group, next_group = next_group, next_group + 1
            else:
                return
            worker = idle.pop()
            needs = times[group] * pace[worker]
            dies = random.exponential(setting.deaths * 3600) if setting.deaths else np.inf
            if dies < needs:
                heapq.heappush(events, (now + dies, worker, group, True))
            else:
                work += needs
                heapq.heappush(events, (now + needs, worker, group, False))

    while written < setting.groups:
        now, worker, group, died = heapq.heappop(events)
        if died:
            heapq.heappush(waiting, group)
            again += 1
            heapq.heappush(events, (now + START_SECONDS, worker, -1, False))
        else:
            idle.append(worker)
            if group >= 0:
                done.add(group)
        while (written in done) if setting.ordered else done:
            done.remove(written if setting.ordered else next(iter(done)))
            driver = max(driver, now) + setting.write
            written += 1
        hand_out()
    seconds = max(driver, now)
    return Outcome(seconds, work / (seconds * setting.workers), written, again)


def main() -> None:
    Parser(__doc__.splitlines()[0], "python benchmarks/scheduling.py").parse_args()
    print("| workers | ahead 1 | ahead 2 | ahead 4 | ahead 8 | no order |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for workers in (1, 2, 8, 64, 512, 1024):
        groups = max(200, 60 * workers)
        cells = [simulate(Setting(workers, groups, ahead)).busy for ahead in (1, 2, 4, 8)]
        cells.append(simulate(Setting(workers, groups, ordered=False)).busy)
        print(f"| {workers} |", " | ".join(f"{100 * busy:.1f}%" for busy in cells), "|")
    print()
    print(
        "64 workers, 3,840 groups, by how many are five times as slow, and by mean time between deaths of a worker:\n"
    )
    print("| | ahead 2 | ahead 4 | ahead 16 | groups done again |")
    print("| --- | ---: | ---: | ---: | ---: |")
    cases = {"alike": {}, "one slow": {"slow": 1 / 64}, "a tenth slow": {"slow": 0.1},
             "deaths, 1 an hour": {"deaths": 1.0}, "deaths, 1 in 5 minutes": {"deaths": 1 / 12}}  # fmt: skip
    for name, changes in cases.items():
        runs = [simulate(Setting(64, 3840, ahead, **changes)) for ahead in (2, 4, 16)]
        print(f"| {name} |", " | ".join(f"{run.seconds:.0f} s" for run in runs), f"| {runs[0].again} |")
    print()
    write, group = driver_seconds(), service_times(4000, 0).mean()
    print(
        f"The driver writes a group in {1000 * write:.1f} ms, and a core takes {group:.1f} s for one: the driver keeps "
        f"{group / write:,.0f} cores busy."
    )


def driver_seconds(groups: int = 300) -> float:
    """Measure the driver's seconds per group, for clips with 38 faces of 4 kB each, unpickled and written."""
    from made_up import made_up_faces  # importable only when this file is run as a script

    faces = made_up_faces(Clip("", "", "test"), 38, np.random.default_rng(0).bytes(4000))
    found = pickle.dumps([FoundFaces(faces, 42, np.full(38, 9, np.float32)) for _ in range(GROUP)])
    clips = [[Clip(f"{group:06}{index}.mp4", "", "test") for index in range(GROUP)] for group in range(groups)]
    with tempfile.TemporaryDirectory() as folder, StageWriter(f"{folder}/det", "detect", FACES_SCHEMA) as writer:
        histogram = QualityHistogram()
        started = time.process_time()
        for group in clips:
            pairs = zip(pickle.loads(found), group, strict=True)
            results = [replace(one, faces=replace(one.faces, clip=clip)) for one, clip in pairs]
            write_found(writer, group, results, 0.0)
            for result in results:
                histogram.add(result.qualities)
        return (time.process_time() - started) / groups


if __name__ == "__main__":
    main()
