"""A few decoder processes for all requests."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from ..video.decoder import FrameDecoder

DECODERS = 2  # processes, so also films decoded at once
WAIT_SECONDS = 20.0  # of waiting for a free one
STALL_SECONDS = 15.0  # without a frame after which a file is given up


class BusyError(Exception):
    """All decoders stayed busy."""


class DecoderPool:
    """Provides decoders, one thread each."""

    def __init__(self, count: int = DECODERS, wait: float = WAIT_SECONDS) -> None:
        self._free: queue.LifoQueue[FrameDecoder] = queue.LifoQueue()
        self._all = [FrameDecoder(STALL_SECONDS) for _ in range(count)]
        self._wait = wait
        for decoder in self._all:
            self._free.put(decoder)

    @contextmanager
    def decoder(self) -> Iterator[FrameDecoder]:
        """A free decoder.

        Raises
        ------
        BusyError
            If none becomes free in time.
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
