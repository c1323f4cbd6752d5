"""Trains the classifier epoch by epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .loop import Sums, apply_gradients
from .mlp import Learner, Trainable
from .momentum import Momentum
from .rates import stepped

# Maximum norm of the gradient over all parameters. Without it the default rate of 0.2 diverges when one class, nobody
# known, has a large share of the clips.
LONGEST_GRADIENT = 1.0
EVALUATED_ROWS = 8192  # per batch


@dataclass(frozen=True)
class Schedule:
    """Length and learning rate of a training run.

    rate : learning rate of the first epoch
    steps : epochs after which the rate falls tenfold
    begin, end : epochs done before this run, and total epochs
    steps_done : steps done before the run was resumed
    batch_size : rows per step
    max_steps : stop after this many steps; 0 for no limit
    passes : passes over the rows per epoch
    """

    rate: float
    steps: tuple[int, ...]
    begin: int
    end: int
    batch_size: int
    max_steps: int = 0
    steps_done: int = 0
    passes: int = 1

    def rate_of(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return stepped(self.rate, epoch, self.steps)


@dataclass(frozen=True)
class EpochResult:
    """Result of an epoch; accuracies 0..1, loss in nats."""

    epoch: int
    lr: float
    accuracy: float
    loss: float
    val_accuracy: float | None
    rows_per_second: float
    steps: int


def train_epochs(
    learner: Learner,
    data: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor] | None,
    schedule: Schedule,
    optimizer: Momentum,
    generator: torch.Generator,
    after_step: Callable[[int, float], None] | None = None,
) -> Iterator[EpochResult]:
    """Train in place, lazily: requesting a result trains the epoch.

    Parameters
    ----------
    learner : of the model
    data, validation : features (n, D) float32 and labels (n,) int64, on the device of the model
    generator : determines the order of the rows, epoch by epoch
    after_step : called with the step, from 1, and its loss

    Raises
    ------
    InputError
        If the loss is not finite.
    """
    model, parameters = learner.model, optimizer.parameters()
    features, labels = data
    size = min(schedule.batch_size, len(features))
    steps = schedule.steps_done
    for epoch in range(schedule.begin, schedule.end):
        started = time.monotonic()
        model.train()
        rate = schedule.rate_of(epoch)
        sums, seen = Sums(), 0
        for rows in _batches(features, size, schedule.passes, generator):
            loss, correct = learner.learn(features[rows], labels[rows])
            apply_gradients(optimizer, parameters, rate, LONGEST_GRADIENT, learner.gradient_norm)
            sums.add({"accuracy": correct, "loss": loss * size})
            seen += size
            steps += 1
            if after_step is not None:  # reading the loss synchronises with the device
                after_step(steps, float(loss))
            if steps == schedule.max_steps:
                break
        accuracy = None if validation is None else evaluate(model, *validation)
        speed = seen / max(time.monotonic() - started, 1e-9)
        means = sums.means(seen, f"epoch {epoch + 1}")
        yield EpochResult(epoch + 1, rate, means["accuracy"], means["loss"], accuracy, speed, steps)
        if steps == schedule.max_steps:
            return


def _batches(features: Tensor, size: int, passes: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row indices (size,) of each step of an epoch; each pass is shuffled separately and drops the last incomplete
    batch."""
    for _ in range(passes):
        order = torch.randperm(len(features), generator=generator).to(features.device)
        yield from (order[start : start + size] for start in range(0, len(features) - size + 1, size))


@torch.no_grad()
def evaluate(model: Trainable, features: Tensor, labels: Tensor) -> float:
    """Top-1 accuracy."""
    model.eval()
    right = sum(
        int((model.best(rows) == wanted).sum())
        for rows, wanted in zip(features.split(EVALUATED_ROWS), labels.split(EVALUATED_ROWS), strict=True)
    )
    return right / max(len(labels), 1)
