"""A few decoder processes for all requests."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from ..video.decoder import FrameDecoder

DECODERS = 2  # processes, so films that are decoded at once
WAIT_SECONDS = 20.0  # for one that is free
STALL_SECONDS = 15.0  # without a frame, after which a file is given up


class BusyError(Exception):
    """All decoders are at work, and went on being so."""


class DecoderPool:
    """Hands out decoders, one thread each."""

    def __init__(self, count: int = DECODERS, wait: float = WAIT_SECONDS) -> None:
        self._free: queue.LifoQueue[FrameDecoder] = queue.LifoQueue()
        self._all = [FrameDecoder(STALL_SECONDS) for _ in range(count)]
        self._wait = wait
        for decoder in self._all:
            self._free.put(decoder)

    @contextmanager
    def decoder(self) -> Iterator[FrameDecoder]:
        """One that is free.

        Raises
        ------
        BusyError
            If none is for too long.
        """
        try:
            decoder = self._free.get(timeout=self._wait)
        except queue.Empty:
            raise BusyError from None
        try:
            yield decoder
        finally:
            self._free.put(decoder)

    def close(self) -> None:
        """End all processes."""
        for decoder in self._all:
            decoder.close()
