"""Notifies all pages of new answers, from this process or another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

LOOK_SECONDS = 0.2  # between checks of the log, to which other processes also write
ALIVE_SECONDS = 15.0  # after which a silent stream sends a keep-alive comment
MOST_STREAMS = 40


@dataclass
class Events:
    """Streams of events; one loop uses it.

    Parameters
    ----------
    revision : of the log of answers, now
    """

    revision: Callable[[], int]
    stopped: bool = False
    _streams: int = 0
    _last: int = -1
    _grouped: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def stop(self) -> None:
        """End all streams; may be called by a signal handler."""
        self.stopped = True

    def grouped(self) -> None:
        """Groups were rebuilt; any thread may call it."""
        self._grouped += 1

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another stream."""
        return self._streams >= MOST_STREAMS

    async def watch(self) -> None:
        """Poll the log until the desk ends."""
        said = 0
        while not self.stopped:
            last, grouped = await run_in_threadpool(self.revision), self._grouped
            if (last, grouped) != (self._last, said):
                self._last, said = last, grouped
                async with self._changed:
                    self._changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)
        async with self._changed:
            self._changed.notify_all()

    async def stream(self) -> AsyncIterator[bytes]:
        """An event with the revision immediately, and with each new one; and one when groups change."""
        self._streams += 1
        try:
            revision, grouped = -1, self._grouped
            while not self.stopped:
                if self._last != revision:
                    revision = self._last
                    yield f"event: revision\ndata: {revision}\n\n".encode()
                elif self._grouped != grouped:
                    grouped = self._grouped
                    yield f"event: groups\ndata: {grouped}\n\n".encode()
                else:
                    yield await self._wait(revision, grouped)
        finally:
            self._streams -= 1

    async def _wait(self, revision: int, grouped: int) -> bytes:
        """Wait for something new; yields nothing, or a comment if that takes long."""
        try:
            async with asyncio.timeout(ALIVE_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self.stopped or self._last != revision or self._grouped != grouped)
        except TimeoutError:
            return b": \n\n"
        return b""
