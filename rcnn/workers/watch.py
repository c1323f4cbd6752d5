"""The driver's side of heartbeats: which worker is stopped, and which unit hangs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long a worker may seem dead, in seconds in which the driver was awake; see `AwakeClock`.

    silent : without a heartbeat. Loading a library from a slow network disk may keep Python's lock for minutes
    hung : in one step of a unit, as from a frame to the next. A batch takes seconds, minutes on a slow machine
    slower : times the longest step that ended well in this run that a step may take, where that is more than `hung`
    poll : between two looks
    """

    silent: float = 300.0
    hung: float = 900.0
    slower: float = 3.0
    poll: float = 1.0


LIMITS = Limits()


@dataclass(frozen=True)
class Hang:
    """Why a worker counts as hung; `unit` is the one to blame, None if it is not known which."""

    reason: str
    unit: int | None = None


class Watch:
    """Compares workers' counters with their previous values."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._longest = 0.0  # seconds of a step that ended well
        self._seen: dict[tuple[int, int], tuple[tuple[int, ...], float]] = {}  # by worker and place, and since when

    def look(self, worker: int, numbers: Sequence[int], now: float) -> Hang | None:
        """Whether a worker hangs.

        Parameters
        ----------
        numbers : see `rcnn.workers.life`
        now : of an `AwakeClock`
        """
        if self._since(worker, 0, (numbers[0],), now) > self._limits.silent:
            return Hang(f"no sign of life for {self._limits.silent:.0f} s")
        for place in range(1, len(numbers), 2):
            unit, beats = numbers[place], numbers[place + 1]
            quiet = self._since(worker, place, (unit, beats), now)
            limit = max(self._limits.hung, self._limits.slower * self._longest)
            if unit and quiet > limit:
                return Hang(f"no progress for {limit:.0f} s", unit)
        return None

    def _since(self, worker: int, place: int, found: tuple[int, ...], now: float) -> float:
        """Seconds since these numbers changed."""
        before, since = self._seen.get((worker, place), (found, now))
        if before != found and len(found) > 1 and before[0]:
            self._longest = max(self._longest, now - since)
        if before != found or (worker, place) not in self._seen:
            self._seen[worker, place] = (found, now)
            return 0.0
        return now - since

    def forget(self, worker: int) -> None:
        """A worker is gone."""
        self._seen = {key: value for key, value in self._seen.items() if key[0] != worker}
