"""Shared base of the trainers that train in rounds: detector, embedding and drawn people."""

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
    """Settings that every trainer in rounds has.

    prefix : of the output files
    gpu : number of a CUDA device or `CPU`; None for the first device if there is one, else the CPU
    rounds : total number of rounds
    batch : items per step
    threads : of PyTorch; 0 for one per core
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
    """A training in rounds of steps. Each round adds a curve line and writes a usable model and a snapshot.

    Subclasses set `module`, `optimizer` and `steps_a_round`.

    Parameters
    ----------
    settings : a dataclass
    """

    command: ClassVar[str]  # name of the trainer, for messages
    items: ClassVar[str]  # name of the batch items, in the curve

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
        """`PREFIX,EPOCH` of the checkpoint written."""
        return f"{self.settings.prefix},0"

    @property
    def result(self) -> str:
        """The path of the model, for messages."""
        return checkpoint_files(self.model)[1]

    @abstractmethod
    def trained_graph(self) -> Graph:
        """The current model."""

    @abstractmethod
    def learning_rate(self, step: int) -> float:
        """Learning rate of a step of the whole run."""

    def evaluate(self) -> dict[str, float]:
        """Evaluation results after a round."""
        return {}

    def modules(self) -> dict[str, nn.Module]:
        """Modules saved in a snapshot, by name."""
        return {"module": self.module}

    def run(self) -> None:
        """Train the remaining rounds and write the model."""
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
        """Train round `number`, counted from 0; returns the means of its losses."""

    def _learn_all(
        self, number: int, batches: Iterable[Portion], learn: Callable[[Portion, float], dict[str, float]]
    ) -> dict[str, float]:
        """Mean loss terms over the steps of round `number`, and the throughput.

        Parameters
        ----------
        learn : trains on a batch at a learning rate; returns the loss terms
        """
        started = time.monotonic()
        sums = Sums()
        for index, batch in enumerate(batches):
            sums.add(learn(batch, self.learning_rate(number * self.steps_a_round + index)))
        speed = self.steps_a_round * self.settings.batch / (time.monotonic() - started)
        means = sums.means(self.steps_a_round, f"round {number + 1}")
        return {**{name: round(value, 4) for name, value in means.items()}, f"{self.items}_per_second": round(speed, 2)}

    def images(self, pictures: np.ndarray) -> Tensor:
        """Pictures (n, H, W, 3) uint8, BGR, as the network's input: (n, 3, H, W) float32, RGB, on the device."""
        planes = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).flip(1)
        return planes.float().contiguous(memory_format=torch.channels_last)

    def _save(self, curve: list[RoundLine]) -> None:
        """Write the model and PREFIX-training.jsonl."""
        save_checkpoint(self.model, self.trained_graph())
        write_curve(self.settings.prefix, curve)


def write_curve(prefix: str, curve: list[RoundLine]) -> None:
    """Write PREFIX-training.jsonl, one line per round."""
    with create(f"{prefix}-training.jsonl") as file:
        file.writelines(f"{json.dumps(line)}\n".encode() for line in curve)


def _take_over(record: dict[str, Any]) -> tuple[list[RoundLine], str]:
    """The curve in a snapshot's record, and a description of its last round."""
    curve = record["curve"]
    if not isinstance(curve, list) or not curve or any(line["round"] != n for n, line in enumerate(curve, start=1)):
        raise ValueError("its curve is not that of rounds")
    return curve, f"round {len(curve)}"


def channels_last(module: nn.Module) -> nn.Module:
    """The module with its 4-dimensional parameters in the memory layout with fast CPU convolutions."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from PyTorch's type hints
