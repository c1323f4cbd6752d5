"""Runs plain functions in parallel threads, with results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


_limit: int | None = None


def limit_cores(count: int) -> None:
    """Make `cores` return `count`, for a worker that shares the machine with others. Call before any network is
    made."""
    global _limit
    _limit = count


def cores() -> int:
    """Processor cores that this process may use."""
    return _limit or len(os.sched_getaffinity(0))


def shares_cores() -> bool:
    """Whether other workers share this machine's cores, so that none should be pinned to the first ones."""
    return _limit is not None


def groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one may be shorter."""
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Iterator[Result]:
    """`function` of each item, on threads, in the order of the items.

    What it yields doesn't depend on the number of workers or on their pace, if `function` depends on its item alone.

    Parameters
    ----------
    workers : threads
    ahead : maximum number of items started or done and not yet consumed; bounds the memory

    Raises
    ------
    What `function` raises, in its item's turn; nothing is started after that.
    """
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
