"""Messages between a crew and its workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Step = Callable[[Sequence[Any]], Sequence[Any]]


def about(step: Step) -> Any:
    """The description of a step, `step.about`; None if it has none."""
    return getattr(step, "about", None)


class Job(Protocol):
    """The input of a worker, small and picklable; the worker builds the models itself."""

    def build(self, gpu: int | None, source: Callable[[], Any] | None = None) -> Step:
        """The step: items in, a result for each out.

        Parameters
        ----------
        gpu : as `--gpu`, one device
        source : of frames, if not local decoders

        Raises
        ------
        InputError
            If a model is wrong or the device does not exist.
        """
        ...

    def lost(self, item: Any, reason: str) -> Any:
        """The result of an item that killed its workers; raises InputError if there must be a real one."""
        ...


class DecodingJob(Job, Protocol):
    """A job whose items are clips, which other nodes may decode."""

    def decoders(self) -> tuple[type, Callable[[Sequence[Any], int], Any]]:
        """The class of an actor that decodes, made with the folder to work in; and what makes a worker's source of
        frames, of such actors and the number of the one that it is to prefer."""
        ...


@dataclass(frozen=True)
class Ready:
    """A worker has built its step, described by `about`; it works on `threads` units at a time."""

    worker: int
    threads: int
    about: Any = None


@dataclass(frozen=True)
class Answer:
    """Results of a unit, or the error that the step raised."""

    worker: int
    unit: int
    results: Sequence[Any] | None
    error: BaseException | None = None


@dataclass(frozen=True)
class Death:
    """A worker is gone.

    blame : False if its work can't be the cause
    hung : whether it did not die, but gave no sign of life and was killed for that
    unit : the one that hung, if known; else all that were started may be the cause
    """

    worker: int
    reason: str
    blame: bool = True
    hung: bool = False
    unit: int | None = None


Event = Ready | Answer | Death
