"""Measures the time in which this process was awake."""

from __future__ import annotations

import time

STEP_SECONDS = 2.0  # counted at most between two readings


class AwakeClock:
    """Seconds in which this process was running and polling.

    Read it at least once a second while you wait for another process. A longer gap counts as `STEP_SECONDS`: this
    process was stopped (Ctrl-Z, a batch system, a laptop that slept) or busy elsewhere. The other process may have been
    stopped with it, and must have time to show that it is alive.
    """

    def __init__(self) -> None:
        self._seconds, self._last = 0.0, time.monotonic()

    def read(self) -> float:
        """Counted seconds since its creation."""
        now = time.monotonic()
        self._seconds += min(now - self._last, STEP_SECONDS)
        self._last = now
        return self._seconds
