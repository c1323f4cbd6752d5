"""What trainings in rounds share: the detector's, the embedding's, that of the drawn people."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import Field, asdict
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..files import create
from ..networks.checkpoint import Graph, checkpoint_files, save_checkpoint
from ..networks.engine import choose_device
from ..networks.engine.torch import torch_device
from .loop import Course, Sums
from .snapshot import Snapshot

FREE = ("gpu", "threads", "bf16", "rounds", "prefix")  # settings that may differ when a run resumes

RoundLine = dict[str, Any]  # of the curve
Portion = TypeVar("Portion")


class RoundSettings(Protocol):
    """What the settings of every training in rounds have.

    prefix : of what is written
    gpu : number of a CUDA device or `CPU`; None for the first device if there is one, else the CPU
    rounds : how many there are in the end
    batch : items a step
    threads : of PyTorch; 0: as many as there are cores
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # they are a dataclass

    @property
    def prefix(self) -> str: ...
    @property
    def gpu(self) -> int | None: ...
    @property
    def rounds(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def threads(self) -> int: ...


OwnSettings = TypeVar("OwnSettings", bound=RoundSettings)


class RoundTrainer(ABC, Generic[OwnSettings]):
    """A training in rounds of steps. After each round there are a line of its curve, a usable model and a snapshot.

    A trainer sets `module`, `optimizer` and `steps_a_round`.

    Parameters
    ----------
    settings : a dataclass
    """

    command: ClassVar[str]  # that trains, for messages
    items: ClassVar[str]  # that a batch is made of, in the curve

    module: nn.Module
    optimizer: torch.optim.Optimizer
    steps_a_round: int

    def __init__(self, settings: OwnSettings) -> None:
        self.settings = settings
        self.gpu = choose_device(settings.gpu)
        self.device = torch_device(self.gpu)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.snapshot = f"{settings.prefix}-training.params"

    @property
    def model(self) -> str:
        """`PREFIX,EPOCH` of the checkpoint that it writes."""
        return f"{self.settings.prefix},0"

    @property
    def result(self) -> str:
        """The path of the model, in words."""
        return checkpoint_files(self.model)[1]

    @abstractmethod
    def trained_graph(self) -> Graph:
        """The model as it is now."""

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """Of a step of the whole run."""

    def evaluate(self) -> dict[str, float]:
        """What is measured after a round."""
        return {}

    def modules(self) -> dict[str, nn.Module]:
        """What a snapshot keeps, by name."""
        return {"module": self.module}

    def run(self) -> None:
        """Train what is left to train, and write the model."""
        fixed = {name: value for name, value in asdict(self.settings).items() if name not in FREE}
        snapshot = Snapshot(self.snapshot, self.modules(), self.optimizer, fixed)
        course = Course[RoundLine](self.command, json.dumps, self._save, snapshot)
        course.resume(_take_over)
        course.run(self._line(number) for number in range(len(course.curve), self.settings.rounds))
        print(f"{self.command}: {self.settings.rounds} rounds -> {self.result}")

    def _line(self, number: int) -> RoundLine:
        started = time.monotonic()
        line = {"round": number + 1, **self._round(number)}
        return {**line, "seconds": round(time.monotonic() - started, 1), **self.evaluate()}

    @abstractmethod
    def _round(self, number: int) -> dict[str, float]:
        """Train the round of a number, from 0; returns the means of its losses."""

    def _learn_all(
        self, number: int, batches: Iterable[Portion], learn: Callable[[Portion, float], dict[str, float]]
    ) -> dict[str, float]:
        """The means over the steps of round `number`, and how fast they went.

        Parameters
        ----------
        learn : from a batch at a learning rate; returns the terms of the loss
        """
        started = time.monotonic()
        sums = Sums()
        for index, batch in enumerate(batches):
            sums.add(learn(batch, self.learning_rate(number * self.steps_a_round + index)))
        speed = self.steps_a_round * self.settings.batch / (time.monotonic() - started)
        means = sums.means(self.steps_a_round, f"round {number + 1}")
        return {**{name: round(value, 4) for name, value in means.items()}, f"{self.items}_per_second": round(speed, 2)}

    def images(self, pictures: np.ndarray) -> Tensor:
        """Pictures (n, H, W, 3) uint8, BGR, as the network takes them: (n, 3, H, W) float32, RGB, on the device."""
        planes = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).flip(1)
        return planes.float().contiguous(memory_format=torch.channels_last)

    def _save(self, curve: list[RoundLine]) -> None:
        """Write the model, and PREFIX-training.jsonl, a line a round."""
        save_checkpoint(self.model, self.trained_graph())
        write_curve(self.settings.prefix, curve)


def write_curve(prefix: str, curve: list[RoundLine]) -> None:
    """PREFIX-training.jsonl, a line a round."""
    with create(f"{prefix}-training.jsonl") as file:
        file.writelines(f"{json.dumps(line)}\n".encode() for line in curve)


def _take_over(record: dict[str, Any]) -> tuple[list[RoundLine], str]:
    """The curve in a snapshot's record, and after which round it was."""
    curve = record["curve"]
    if not isinstance(curve, list) or not curve or any(line["round"] != n for n, line in enumerate(curve, start=1)):
        raise ValueError("its curve is not that of rounds")
    return curve, f"round {len(curve)}"


def channels_last(module: nn.Module) -> nn.Module:
    """The module with its 4-dimensional parameters in the layout in which convolutions are fast on a CPU."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # left out of PyTorch's hints
