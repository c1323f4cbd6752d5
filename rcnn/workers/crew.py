"""A crew maps a step over groups of items, a bounded number ahead; results come in the order of the groups."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from ..errors import InputError
from .jobs import Death, Event, Job, Ready, Step, about
from .ledger import Ledger, Unit
from .pipeline import cores, ordered_map
from .plan import Plan

DEATHS_IN_A_ROW = 30  # without a finished unit in between: the machine is at fault, not the clips
HAND = 1  # units queued at a worker besides those its threads work on

Group = tuple[Sequence[Any], Sequence[Any]]


class Crew(Protocol):
    """Use as a context manager: leaving it ends all workers immediately."""

    def start(self) -> Any:
        """Build the step, or wait until a first worker has built it; returns the step's own description, `step.about`.

        Raises
        ------
        InputError
            What `Job.build` raised.
        """
        ...

    def map(self, groups: Iterable[Sequence[Any]]) -> Iterator[Group]:
        """Each group with its results, in the order of the groups."""
        ...

    def __enter__(self) -> Crew: ...

    def __exit__(self, *_: object) -> None: ...


class ThreadCrew:
    """Threads of this process.

    Parameters
    ----------
    threads : None for one per core
    ahead : maximum number of groups per thread that are started or done and not yet consumed
    """

    def __init__(self, job: Job, gpu: int | None, ahead: int, threads: int | None = None) -> None:
        self._job, self._gpu, self._ahead = job, gpu, ahead
        self._threads = threads or cores()
        self._step: Step | None = None

    def start(self) -> Any:
        self._step = self._step or self._job.build(self._gpu)
        return about(self._step)

    def map(self, groups: Iterable[Sequence[Any]]) -> Iterator[Group]:
        self.start()
        assert self._step is not None
        begun: deque[Sequence[Any]] = deque()

        def noted() -> Iterator[Sequence[Any]]:
            for group in groups:
                begun.append(group)
                yield group

        for results in ordered_map(self._step, noted(), self._threads, self._ahead * self._threads):
            yield begun.popleft(), results

    def __enter__(self) -> ThreadCrew:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Pool(Protocol):
    """Workers, local or remote. It replaces those that die, each with a new number."""

    def start(self) -> None: ...

    def send(self, worker: int, unit: Unit) -> None: ...

    def wait(self) -> list[Event]:
        """The next event; waits for a while if there is none.

        Raises
        ------
        InputError
            If a worker can't build its step, or none stays alive.
        """
        ...

    def close(self) -> None: ...


class PoolCrew:
    """Workers of a pool, fed by this process, which keeps the accounts."""

    def __init__(self, job: Job, pool: Pool, ahead: int) -> None:
        self._job, self._pool, self._ahead = job, pool, ahead
        self._threads: dict[int, int] = {}  # of the workers that are ready
        self._hands: dict[int, dict[int, Unit]] = {}
        self._deaths = 0  # in a row
        self._started = False
        self._about: Any = None

    def start(self) -> Any:
        if not self._started:
            self._started = True
            self._pool.start()
        while not self._threads:
            for event in self._pool.wait():
                self._note(event, None)
        return self._about

    def map(self, groups: Iterable[Sequence[Any]]) -> Iterator[Group]:
        self.start()
        ledger = Ledger(iter(groups), self._job.lost)
        while True:
            self._deal(ledger)
            handed = False
            for pair in ledger.ready():
                handed = True
                yield pair
            if ledger.finished:
                return
            if not handed:  # else there is room for more to be begun first
                for event in self._pool.wait():
                    self._note(event, ledger)

    def _deal(self, ledger: Ledger) -> None:
        ahead = self._ahead * sum(self._threads.values()) + HAND * len(self._threads)
        for size in range(max((n + HAND for n in self._threads.values()), default=0)):  # in turn, not one hand first
            for worker, threads in self._threads.items():
                hand = self._hands[worker]
                if len(hand) > size or len(hand) >= threads + HAND or any(unit.alone for unit in hand.values()):
                    continue
                unit = ledger.take(not hand, ahead)
                if unit is not None:
                    hand[unit.number] = unit
                    self._pool.send(worker, unit)

    def _note(self, event: Event, ledger: Ledger | None) -> None:
        if isinstance(event, Ready):
            self._threads[event.worker], self._hands[event.worker] = event.threads, {}
            self._about = event.about
        elif isinstance(event, Death):
            threads = self._threads.pop(event.worker, 1)
            hand = list(self._hands.pop(event.worker, {}).values())
            if ledger is not None:
                ledger.died(hand, threads, event)
            self._deaths += event.blame
            if self._deaths >= DEATHS_IN_A_ROW:
                raise InputError(
                    f"{self._deaths} workers died in a row ({event.reason}), with nothing done in between; "
                    f"fix the machine, and the same command resumes"
                )
        elif ledger is not None:
            unit = self._hands[event.worker].pop(event.unit)
            self._deaths = 0
            if event.error is not None:
                ledger.failed(unit, event.error)
            else:
                ledger.done(unit, event.results or [])

    def __enter__(self) -> PoolCrew:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()


def open_crew(job: Job, plan: Plan, ahead: int, threads: int | None = None) -> Crew:
    """The crew of a plan, not started yet.

    Parameters
    ----------
    ahead : maximum number of groups per thread that are started or done and not yet consumed; bounds the memory
    threads : of this process, if it does the work; None for one per core

    Raises
    ------
    InputError
        If flags don't go together or Ray is not installed.
    """
    if plan.ray is None and plan.decoders:
        raise InputError("--decoders: are Ray actors; give --ray auto, local or ADDRESS, too")
    if plan.in_process:
        assert not isinstance(plan.gpu, tuple)
        return ThreadCrew(job, plan.gpu, ahead, threads)
    if plan.ray is None:
        from .processes import ProcessPool

        each = max(1, cores() // len(plan.devices))
        return PoolCrew(job, ProcessPool(job, plan.devices, min(each, threads or each)), ahead)
    if plan.gpu not in (None, -1):
        raise InputError("--gpu with --ray: Ray assigns the GPUs; give --workers N, or --gpu -1 for the CPU")
    from .ray_pool import RayPool

    return PoolCrew(job, RayPool(job, plan, threads), ahead)
