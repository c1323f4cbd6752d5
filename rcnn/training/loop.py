"""What every training does: period by period a line of its curve, a model and a snapshot; steps of bounded length.

A period is an epoch of the classifier or a round of the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ..errors import InputError
from .snapshot import Snapshot, no_snapshot

CurveLine = TypeVar("CurveLine")


def _nothing(*_: object) -> None:
    """What a training does that does not have to."""


class Course(Generic[CurveLine]):
    """The course of a training: what it came to in each period.

    Parameters
    ----------
    command : that trains, for messages
    words : what is printed of a line of the curve
    save : writes the model, from the curve so far
    snapshot : of this training; None if it is not to go on after a stop
    more : gives what a snapshot holds beside the curve
    agree : waits until the other processes of this training have come as far
    """

    def __init__(
        self,
        command: str,
        words: Callable[[CurveLine], str],
        save: Callable[[list[CurveLine]], None],
        snapshot: Snapshot | None,
        more: Callable[[], Mapping[str, Any]] = dict,
        agree: Callable[[], None] = _nothing,
    ) -> None:
        self.command, self.words, self.save = command, words, save
        self.snapshot, self.more, self.agree = snapshot, more, agree
        self.curve: list[CurveLine] = []

    def resume(self, take_over: Callable[[dict[str, Any]], tuple[list[CurveLine], str]]) -> None:
        """Take over what an earlier run left, if it left something.

        Parameters
        ----------
        take_over : reads the record of a snapshot; returns the curve and, in words, after which period it was

        Raises
        ------
        InputError
            If the snapshot can't be read or is of another training.
        """
        record = self.snapshot.load() if self.snapshot else None
        if self.snapshot is None or record is None:
            return
        try:
            self.curve, period = take_over(record)
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
            raise no_snapshot(self.snapshot.path, error) from None
        print(f"{self.command}: resumes after {period} of {self.snapshot.path}", flush=True)

    def run(self, lines: Iterable[CurveLine]) -> None:
        """Take the lines of the curve as they come; each is trained when it is asked for."""
        for line in lines:
            self.curve.append(line)
            print(self.words(line), flush=True)
            # the model first: a run that is stopped between the two trains this period again, to the same model
            self.save(self.curve)
            self.agree()
            if self.snapshot:
                self.snapshot.save(self.curve, **self.more())
            self.agree()


class Sums:
    """Terms, such as those of the loss, summed over the steps of a period."""

    def __init__(self) -> None:
        self._totals: dict[str, Any] = {}

    def add(self, terms: Mapping[str, float | Tensor]) -> None:
        """Count a step. What is added as a tensor stays on its device until the means are asked for."""
        for name, value in terms.items():
            self._totals[name] = self._totals.get(name, 0) + value

    def means(self, count: int, period: str) -> dict[str, float]:
        """The sums over `count`; `period` says in messages of what they are.

        Raises
        ------
        InputError
            If one is not finite.
        """
        totals = {name: float(value) for name, value in self._totals.items()}
        if not all(map(math.isfinite, totals.values())):
            raise InputError(f"{period}: the loss is not finite, training diverged; give a smaller --lr")
        return {name: value / count for name, value in totals.items()}


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of at least one tensor; Python's own begins with the number 0."""
    return reduce(torch.add, terms)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Length of the gradient over all parameters that have one."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])


def apply_gradients(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    rate: float,
    longest: float | None = None,
    norm: Callable[[list[nn.Parameter]], Tensor] = gradient_norm,
) -> None:
    """Go a step against the gradients, and clear them.

    Parameters
    ----------
    parameters : all that the step is taken in
    rate : learning rate; groups of the optimizer may have a `share` of it
    longest : a gradient that is longer over all parameters is shortened to this (Pascanu et al., arXiv:1211.5063);
        None for no bound
    norm : measures that length
    """
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1.0)
    if longest is not None:
        chosen = list(parameters)
        nn.utils.clip_grads_with_norm_(chosen, longest, norm(chosen))
    optimizer.step()
    optimizer.zero_grad()


def learn(
    losses: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    rate: float,
    longest: float | None = None,
) -> dict[str, float]:
    """Go a step down the sum of some losses; see `apply_gradients`. Returns the losses as numbers."""
    total(losses.values()).backward()
    apply_gradients(optimizer, parameters, rate, longest)
    return {name: float(value.detach()) for name, value in losses.items()}
