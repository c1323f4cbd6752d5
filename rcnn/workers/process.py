"""The driver's side of a worker process: its messages, its heartbeats, its end."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from .life import shared_numbers
from .worker import OUT_OF_MEMORY

END_SECONDS = 5.0  # within which a process must end: one that has closed its pipe, and one that was killed
ROOT = str(Path(__file__).resolve().parents[2])

Inbox = queue.SimpleQueue[tuple[int, bytes | None]]


class WorkerProcess:
    """A process of `rcnn.workers.worker`.

    Threads send and receive: it may be suspended in the middle of a message, and must not block the driver.

    Parameters
    ----------
    number : of the worker
    place : of the worker in its pool
    threads : of the worker
    quiet : whether it prints nothing
    inbox : takes its number with each message, pickled, and with None once it has closed its end
    """

    def __init__(self, number: int, place: int, threads: int, quiet: bool, inbox: Inbox) -> None:
        self.number, self.place = number, place
        self.ready = False
        ours, theirs = socket.socketpair()
        memory = os.memfd_create("signs")
        self.signs: Sequence[int] = shared_numbers(memory, threads)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rcnn.workers.worker", *map(str, (theirs.fileno(), memory, threads))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if quiet else None,  # all would print the same about the models
                pass_fds=[theirs.fileno(), memory],
                start_new_session=True,  # a Ctrl-C is for the run, which then ends its workers
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(dict.fromkeys([ROOT, *map(os.path.abspath, sys.path)])),
                },
            )
        finally:
            os.close(memory)
            theirs.close()
        self._connection = Connection(ours.detach())
        self._inbox = inbox
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._talk = [threading.Thread(target=work, daemon=True) for work in (self._receive, self._send)]
        for thread in self._talk:
            thread.start()

    def tell(self, message: Any) -> None:
        """Send it a message; nothing if it is dead."""
        self._outbox.put(bytes(ForkingPickler.dumps(message)))

    def _send(self) -> None:
        try:
            while (data := self._outbox.get()) is not None:
                self._connection.send_bytes(data)
        except OSError:  # it is dead, which the other thread sees
            pass

    def _receive(self) -> None:
        try:
            while True:
                self._inbox.put((self.number, self._connection.recv_bytes()))
        except (EOFError, OSError):
            self._inbox.put((self.number, None))

    def kill(self) -> None:
        """Begin its end."""
        self.process.kill()

    def end(self) -> str:
        """Wait for its end, kill it after a timeout, and return how it ended."""
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            try:
                code = self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:  # it waits in the kernel for a disk that does not answer
                return "can't be killed"
        self._outbox.put(None)
        for thread in self._talk:
            thread.join(END_SECONDS)
        self._connection.close()
        if code == OUT_OF_MEMORY:
            return "out of memory"
        return f"signal {-code}" if code < 0 else f"exit code {code}"
