"""SIGINT and SIGTERM end a run at a safe point."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from ..errors import Stopped

Item = TypeVar("Item")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def until_stopped(items: Iterable[Item]) -> Iterator[Item]:
    """The items, until a signal asks the run to end.

    A signal that arrives while the caller waits for the next item takes effect immediately; one that arrives while the
    caller works on an item takes effect before the next. Outside the main thread signals are left alone.

    Raises
    ------
    Stopped
        In place of the next item.
    """
    if threading.current_thread() is not threading.main_thread():
        yield from items
        return
    came: list[int] = []
    waiting = False

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if waiting:
            raise Stopped(number)

    iterator = iter(items)
    with _handling(handle):
        while True:
            if came:
                raise Stopped(came[0])
            try:
                waiting = True
                item = next(iterator)
            except StopIteration:
                return
            except Exception:
                if came:  # a library that was importing another has turned the Stopped into an error of its own
                    raise Stopped(came[0]) from None
                raise
            finally:
                waiting = False
            yield item


@contextmanager
def stopped_at_once() -> Iterator[None]:
    """A signal raises `Stopped` anywhere: for work that is saved from time to time, atomically."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handling(handle):
        yield


@contextmanager
def _handling(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
