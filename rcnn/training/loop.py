"""The training loop of all trainers: each period adds a curve line, a model and a snapshot; gradients are clipped.

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
    """Default of the optional callback."""


class Course(Generic[CurveLine]):
    """The course of a training run: its curve, one line per period.

    Parameters
    ----------
    command : name of the trainer, for messages
    words : formats a line of the curve for printing
    save : writes the model, given the curve so far
    snapshot : of this training; None if it cannot be resumed
    more : returns what a snapshot stores in addition to the curve
    agree : waits until the other processes of this training reach the same point
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
        """Resume from the snapshot of an earlier run, if there is one.

        Parameters
        ----------
        take_over : restores the record of a snapshot; returns the curve and a description of the last period

        Raises
        ------
        InputError
            If the snapshot cannot be read or is of another training.
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
        """Consume the lines of the curve lazily; requesting a line trains its period."""
        for line in lines:
            self.curve.append(line)
            print(self.words(line), flush=True)
            # the model first: a run stopped between the two repeats this period and gets the same model
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
        """Add a step. Tensors stay on their device until `means` is called."""
        for name, value in terms.items():
            self._totals[name] = self._totals.get(name, 0) + value

    def means(self, count: int, period: str) -> dict[str, float]:
        """The sums divided by `count`; messages name `period`.

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
    """The sum of at least one tensor; the built-in `sum` starts at the integer 0."""
    return reduce(torch.add, terms)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Norm of the gradient over all parameters that have one."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])


def apply_gradients(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    rate: float,
    longest: float | None = None,
    norm: Callable[[list[nn.Parameter]], Tensor] = gradient_norm,
) -> None:
    """Take an optimizer step and clear the gradients.

    Parameters
    ----------
    parameters : all parameters of the optimizer
    rate : learning rate; groups of the optimizer may have a `share` of it
    longest : clip the norm of the gradient over all parameters to this (Pascanu et al., arXiv:1211.5063); None to not
        clip
    norm : computes that norm
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
    """Take a step on the sum of the losses; see `apply_gradients`. Returns the losses as numbers."""
    total(losses.values()).backward()
    apply_gradients(optimizer, parameters, rate, longest)
    return {name: float(value.detach()) for name, value in losses.items()}
