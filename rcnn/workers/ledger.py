"""Which groups are waiting, in progress and done, and what happens to those whose worker died."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .jobs import Death

GROUP_DEATHS = 2  # of workers, after which a group is split into single clips
CLIP_DEATHS = 3  # of workers with only this clip in progress, after which it is given up
CLIP_HANGS = 2  # the same for hangs, each of which costs minutes


@dataclass
class Unit:
    """What a worker gets at a time.

    number : of the unit, unique in a run
    items : a group, or one item of it
    first : place of the first item in its group
    deaths : workers that died while they worked at it, or hung
    hangs : workers that hung while they worked at it
    """

    number: int
    group: _Group
    items: Sequence[Any]
    first: int = 0
    deaths: int = 0
    hangs: int = 0
    alone: bool = False  # its worker must have nothing else in progress, so that the cause of a death is clear


@dataclass
class _Group:
    items: Sequence[Any]
    results: list[Any] = field(default_factory=list)
    missing: int = 0
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.results, self.missing = [None] * len(self.items), len(self.items)


class Ledger:
    """Assigns groups and returns their results in order. Independent of processes.

    Parameters
    ----------
    groups : of items; consumed one at a time, as they are assigned
    lost : the result of an item that killed its workers, or raises; takes the item and the reason
    """

    def __init__(self, groups: Iterator[Sequence[Any]], lost: Callable[[Any, str], Any]) -> None:
        self._groups, self._lost = groups, lost
        self._line: deque[_Group] = deque()  # started and not returned, in order
        self._again: deque[Unit] = deque()
        self._units = 0
        self._exhausted = self._failed = False

    @property
    def finished(self) -> bool:
        return self._exhausted and not self._line

    def take(self, empty_handed: bool, ahead: int) -> Unit | None:
        """A unit for a worker; None if there is currently none for it.

        Parameters
        ----------
        empty_handed : whether the worker has nothing else to do
        ahead : groups that may be started or done and not returned
        """
        if self._again:
            if self._again[0].alone and not empty_handed:
                return None
            return self._again.popleft()
        if self._exhausted or self._failed or len(self._line) >= ahead:
            return None
        items = next(self._groups, None)
        if items is None:
            self._exhausted = True
            return None
        group = _Group(items)
        self._line.append(group)
        return self._unit(group, items)

    def _unit(self, group: _Group, items: Sequence[Any], first: int = 0, alone: bool = False) -> Unit:
        self._units += 1
        return Unit(self._units, group, items, first, alone=alone)

    def done(self, unit: Unit, results: Sequence[Any]) -> None:
        """Note the results of a unit, one an item."""
        if len(results) != len(unit.items):
            raise ValueError(f"{len(results)} results of {len(unit.items)} items")
        unit.group.results[unit.first : unit.first + len(results)] = results
        unit.group.missing -= len(results)

    def failed(self, unit: Unit, error: BaseException) -> None:
        """Note an error, which is raised in its group's turn; nothing new is started."""
        unit.group.error = unit.group.error or error
        unit.group.missing -= len(unit.items)
        self._failed = True

    def died(self, hand: Sequence[Unit], threads: int, death: Death) -> None:
        """A worker died. Its work in progress is done again.

        Parameters
        ----------
        hand : its units, in the order in which it got them; the first `threads` had been started
        """
        again: list[Unit] = []
        for place, unit in enumerate(hand):
            suspect = place < threads if death.unit is None else unit.number == death.unit
            unit.deaths += death.blame and suspect
            unit.hangs += death.blame and suspect and death.hung
            if unit.alone and unit.hangs >= CLIP_HANGS:
                self._give_up(unit, f"hung its worker {unit.hangs} times ({death.reason})")
            elif unit.alone and unit.deaths >= CLIP_DEATHS:
                self._give_up(unit, f"killed its worker {CLIP_DEATHS} times ({death.reason})")
            elif not unit.alone and unit.deaths >= GROUP_DEATHS:
                again += [self._unit(unit.group, [item], i, alone=True) for i, item in enumerate(unit.items)]
            else:
                again.append(unit)
        self._again.extendleft(reversed(again))

    def _give_up(self, unit: Unit, reason: str) -> None:
        try:
            self.done(unit, [self._lost(unit.items[0], reason)])
        except Exception as error:
            self.failed(unit, error)

    def ready(self) -> Iterator[tuple[Sequence[Any], list[Any]]]:
        """Groups and their results, up to the first gap.

        Raises
        ------
        What the step raised, in its group's turn.
        """
        while self._line and not self._line[0].missing:
            group = self._line.popleft()
            if group.error is not None:
                raise group.error
            yield group.items, group.results
