"""A map over processes, for work that needs no models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any


@contextmanager
def mapper(workers: int, chunk: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A `map` over processes that keeps the order, `chunk` items at a time; one worker needs no process."""
    if workers == 1:
        yield map
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield partial(pool.map, chunksize=chunk)
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    import cv2  # only workers need it

    cv2.setNumThreads(1)  # one process per core is enough
