"""Worker processes of this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..errors import InputError
from .jobs import Answer, Death, Event, Job, Ready
from .ledger import Unit
from .worker import DONE, OUT_OF_MEMORY, READY

START_DEATHS = 3  # of workers of one place that never became ready
DEATH_SECONDS = 5.0  # that a process which has closed its pipe has to end
ROOT = str(Path(__file__).resolve().parents[2])


class _Process:
    """A worker: its number, its place in the pool, and both ends of talking to it."""

    def __init__(self, number: int, place: int, quiet: bool) -> None:
        self.number, self.place = number, place
        self.ready = False
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rcnn.workers.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if quiet else None,  # all say the same about the models
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C is for the run, which then ends its workers
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(dict.fromkeys([ROOT, *map(os.path.abspath, sys.path)])),
                },
            )
        self.connection = Connection(ours.detach())

    def death(self) -> str:
        """Ends it, if it has not ended, and says how."""
        try:
            code = self.process.wait(DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.connection.close()
        if code == OUT_OF_MEMORY:
            return "out of memory"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class ProcessPool:
    """See `rcnn.workers.crew.Pool`.

    Parameters
    ----------
    devices : of each worker, as `--gpu`
    threads : of each worker
    """

    def __init__(self, job: Job, devices: Sequence[int | None], threads: int) -> None:
        self._job, self._devices, self._threads = job, devices, threads
        self._workers: dict[int, _Process] = {}
        self._started = 0
        self._start_deaths: Counter[int] = Counter()

    @property
    def pids(self) -> list[int]:
        """Of the workers that there are."""
        return [worker.process.pid for worker in self._workers.values()]

    def start(self) -> None:
        for place in range(len(self._devices)):
            self._spawn(place)

    def _spawn(self, place: int) -> None:
        self._started += 1
        worker = _Process(self._started, place, quiet=self._started > 1)
        self._workers[worker.number] = worker
        self._tell(worker, (self._job, self._devices[place], self._threads))

    @staticmethod
    def _tell(worker: _Process, message: object) -> None:
        with contextlib.suppress(OSError):  # it is dead, which `wait` will see
            worker.connection.send(message)

    def send(self, worker: int, unit: Unit) -> None:
        self._tell(self._workers[worker], (unit.number, unit.items))

    def wait(self) -> list[Event]:
        by_connection: dict[Any, _Process] = {worker.connection: worker for worker in self._workers.values()}
        events: list[Event] = []
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]
            try:
                kind, unit, value = worker.connection.recv()
            except (EOFError, OSError):
                events.append(self._replace(worker))
                continue
            if kind == READY:
                worker.ready = True
                self._start_deaths[worker.place] = 0
                events.append(Ready(worker.number, self._threads, value))
            elif kind == DONE:
                events.append(Answer(worker.number, unit, value))
            elif worker.ready:
                events.append(Answer(worker.number, unit, None, value))
            else:
                raise value
        return events

    def _replace(self, worker: _Process) -> Death:
        del self._workers[worker.number]
        reason = worker.death()
        if not worker.ready:
            self._start_deaths[worker.place] += 1
            if self._start_deaths[worker.place] >= START_DEATHS:
                raise InputError(
                    f"--workers: a worker died {START_DEATHS} times before it could begin ({reason}); is there memory "
                    f"for {len(self._devices)}? Give fewer, or none to work in this process"
                )
        self._spawn(worker.place)
        return Death(worker.number, reason)

    def close(self) -> None:
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.wait()
            worker.connection.close()
        self._workers.clear()
