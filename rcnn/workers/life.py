"""Heartbeats: counters that a worker increments, and that its driver reads from shared memory.

The first is incremented by a dedicated thread. It stops if the whole process does: suspended by a signal, or in native
code that keeps Python's lock. Then each working thread has two: its unit, 0 for none, and its progress count. These
stop if one thread hangs in native code while the others work.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

HEARTBEAT = 1.0  # seconds between two counts of the first number
NUMBER_BYTES = 8
Numbers: TypeAlias = "memoryview[int] | list[int]"

_here = threading.local()


def beat() -> None:
    """Report progress of this thread's unit: a frame arrived, a batch was run. Costs almost nothing.

    Called by long-running code, between steps of at most a few seconds. Does nothing outside workers.
    """
    count: Callable[[], None] | None = getattr(_here, "count", None)
    if count is not None:
        count()


def size_of(threads: int) -> int:
    """The number of counters of a worker with this many threads."""
    return 1 + 2 * threads


def shared_numbers(descriptor: int, threads: int) -> Numbers:
    """The numbers, all 0, in a file in memory that two processes map; see `os.memfd_create`."""
    size = size_of(threads) * NUMBER_BYTES
    if os.fstat(descriptor).st_size < size:
        os.ftruncate(descriptor, size)
    return memoryview(mmap.mmap(descriptor, size)).cast("Q")


class Signs:
    """The side of the worker.

    Parameters
    ----------
    numbers : `size_of(threads)` of them
    """

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        while True:
            self._numbers[0] += 1
            time.sleep(HEARTBEAT)

    @contextmanager
    def working(self, thread: int, unit: int) -> Iterator[None]:
        """Context in which this thread, number `thread` from 0, works on a unit, whose number is 1 or more."""
        place = 1 + 2 * thread

        def count() -> None:
            self._numbers[place + 1] += 1

        count()
        self._numbers[place] = unit
        _here.count = count
        try:
            yield
        finally:
            _here.count = None
            self._numbers[place] = 0
