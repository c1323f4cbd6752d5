"""Signs of life: numbers that a worker counts up, and that its driver looks at without asking.

The first is counted up by a thread that does nothing else. It stands still where the whole process does: stopped by a
signal, or in native code that keeps Python's lock. Then each thread that works has two: the unit that it works at, 0
for none, and how often that went on. These stand still where one thread hangs in native code and the others work.
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
    """Say that the unit which this thread works at goes on: a frame came, a batch was run. Costs next to nothing.

    Called by what may take long, between steps that each take seconds at most. Does nothing outside of workers.
    """
    count: Callable[[], None] | None = getattr(_here, "count", None)
    if count is not None:
        count()


def size_of(threads: int) -> int:
    """How many numbers a worker with so many threads counts."""
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
        """While this thread, the `thread`-th from 0, works at a unit, whose number is 1 or more."""
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
