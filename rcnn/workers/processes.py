"""Worker processes of this machine."""

from __future__ import annotations

import queue
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.reduction import ForkingPickler

from ..errors import InputError
from .awake import AwakeClock
from .jobs import Answer, Death, Event, Job, Ready
from .ledger import Unit
from .process import Inbox, WorkerProcess
from .watch import LIMITS, Hang, Limits, Watch
from .worker import DONE, READY

START_DEATHS = 3  # of workers in one place that never became ready


class ProcessPool:
    """See `rcnn.workers.crew.Pool`. A worker that hangs is killed, and counts as one that died.

    Parameters
    ----------
    devices : of each worker, as `--gpu`
    threads : of each worker
    limits : above which a worker counts as hung
    """

    def __init__(self, job: Job, devices: Sequence[int | None], threads: int, limits: Limits = LIMITS) -> None:
        self._job, self._devices, self._threads, self._limits = job, devices, threads, limits
        self._workers: dict[int, WorkerProcess] = {}
        self._started = 0
        self._start_deaths: Counter[int] = Counter()
        self._inbox: Inbox = queue.SimpleQueue()
        self._watch, self._clock = Watch(limits), AwakeClock()

    @property
    def pids(self) -> list[int]:
        """Of the workers that there are."""
        return [worker.process.pid for worker in self._workers.values()]

    def start(self) -> None:
        for place in range(len(self._devices)):
            self._spawn(place)

    def _spawn(self, place: int) -> None:
        self._started += 1
        worker = WorkerProcess(self._started, place, self._threads, self._started > 1, self._inbox)
        self._workers[worker.number] = worker
        worker.tell((self._job, self._devices[place]))

    def send(self, worker: int, unit: Unit) -> None:
        self._workers[worker].tell((unit.number, unit.items))

    def wait(self) -> list[Event]:
        events: list[Event] = []
        for number, message in self._arrived():
            worker = self._workers.get(number)
            if worker is not None:  # else it was killed meanwhile
                events.append(self._replace(worker) if message is None else self._heard(worker, message))
        return events + self._hung()

    def _arrived(self) -> Iterator[tuple[int, bytes | None]]:
        """The events, as soon as there are some, or nothing after a while."""
        try:
            yield self._inbox.get(timeout=self._limits.poll)
            while True:
                yield self._inbox.get_nowait()
        except queue.Empty:
            return

    def _heard(self, worker: WorkerProcess, message: bytes) -> Event:
        kind, unit, value = ForkingPickler.loads(message)
        if kind == READY:
            worker.ready = True
            self._start_deaths[worker.place] = 0
            return Ready(worker.number, self._threads, value)
        if kind == DONE:
            return Answer(worker.number, unit, value)
        if worker.ready:
            return Answer(worker.number, unit, None, value)
        raise value

    def _hung(self) -> list[Event]:
        now = self._clock.read()
        events: list[Event] = []
        for worker in list(self._workers.values()):
            hang = self._watch.look(worker.number, worker.signs, now)
            if hang is not None:
                print(
                    f"--workers: worker {worker.process.pid} hangs ({hang.reason}); it is killed and replaced, "
                    f"and its work in progress is done again",
                    file=sys.stderr,
                    flush=True,
                )
                worker.kill()
                events.append(self._replace(worker, hang))
        return events

    def _replace(self, worker: WorkerProcess, hang: Hang | None = None) -> Death:
        del self._workers[worker.number]
        self._watch.forget(worker.number)
        reason = worker.end()
        reason = reason if hang is None else hang.reason
        if not worker.ready:
            self._start_deaths[worker.place] += 1
            if self._start_deaths[worker.place] >= START_DEATHS:
                raise InputError(
                    f"--workers: a worker died {START_DEATHS} times before it could start ({reason}); is there enough "
                    "memory "
                    f"for {len(self._devices)}? Give fewer, or none to work in this process"
                )
        self._spawn(worker.place)
        return Death(worker.number, reason, hung=hang is not None, unit=None if hang is None else hang.unit)

    def close(self) -> None:
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()
