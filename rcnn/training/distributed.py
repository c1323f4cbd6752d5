"""Training by several processes that `torchrun` started: the batch of one process, shared out among them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import InputError, speak
from .mlp import Learner, Trainable

PATIENCE = timedelta(hours=2)  # that the others wait for the first, which writes checkpoints
GRACE = 1.0  # seconds for torchrun's signal, after another process has gone
Value = TypeVar("Value")
LOST_WORDS = ("gloo", "onnection", "NCCL", "ncclInternal")  # in what PyTorch says when another process has gone


class AgreedError(InputError):
    """An error that all processes know of."""


class Team:
    """The processes of a training; of one process, all of this does nothing.

    Parameters
    ----------
    rank : of this process, from 0
    size : how many there are
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        # Words and shards go over the CPU, whatever the gradients go over.
        self._control = distributed.new_group(backend="gloo", timeout=PATIENCE) if size > 1 else None

    @property
    def leads(self) -> bool:
        """Whether this process prints, locks and writes."""
        return self.rank == 0

    def device_number(self, gpu: int | None) -> int | None:
        """What `--gpu` means here: of several processes each has the CUDA device of its number on its machine."""
        if self.size == 1 or gpu == -1 or not torch.cuda.device_count():
            return gpu
        if gpu is not None:
            raise InputError(f"--gpu {gpu}: torchrun gives each process a device of its own; leave it out, or give -1")
        local, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= count:
            raise InputError(f"torchrun: process {local} of a machine with {count} CUDA devices; start fewer")
        torch.cuda.set_device(local)
        return local

    def part(self, total: int, rank: int | None = None) -> slice:
        """Which of `total` rows a process has, this one if none is named; the first ones have one more."""
        rank = self.rank if rank is None else rank
        each, rest = divmod(total, self.size)
        first = rank * each + min(rank, rest)
        return slice(first, first + each + (rank < rest))

    def check_batch(self, size: int) -> None:
        """Refuse batches that leave a process without a row.

        Raises
        ------
        InputError
            Says how many processes are too many.
        """
        if size < self.size:
            raise InputError(f"a batch of {size} clips is too few for {self.size} processes; start fewer")

    def agree(self, facts: Mapping[str, Any] | None = None, error: str = "") -> None:
        """Wait for the others, here or where they fail; then all go on, or all fail.

        All processes come here in the same order. One that failed comes with its error, as soon as it has failed.

        Parameters
        ----------
        facts : must be the same in all

        Raises
        ------
        InputError
            Of the first process that has one, or that names the facts that differ. One process will print it.
        """
        if self.size == 1:
            return
        words: list[Any] = [None] * self.size
        distributed.all_gather_object(words, (error, dict(facts or {})), group=self._control)
        failed = next((rank for rank, (what, _) in enumerate(words) if what), None)
        if failed is not None:
            speak(self.rank == failed)
            raise AgreedError(words[failed][0])
        differing = sorted({name for _, other in words for name in other if other[name] != words[0][1].get(name)})
        if differing:
            speak(self.leads)
            raise AgreedError(
                f"torchrun: the processes differ in {', '.join(differing)}; start the same command everywhere, on a "
                "file system that all machines see"
            )

    def from_first(self, value: Value) -> Value:
        """What the first process has; the others' may differ in the last digit, and all are to go the same way."""
        if self.size == 1:
            return value
        values: list[Any] = [value]
        distributed.broadcast_object_list(values, 0, group=self._control)
        return cast(Value, values[0])

    def send_to_first(self, values: Tensor) -> None:
        """Give the first process a tensor on the CPU."""
        distributed.send(values.contiguous(), 0, group=self._control)

    def receive(self, into: Tensor, rank: int) -> None:
        """Take what a process sends to the first, which this one is."""
        distributed.recv(into, rank, group=self._control)


@contextmanager
def joined_team(gpu: int | None) -> Iterator[Team]:
    """The team of this process, which `torchrun` started, or a team of one. Only the first of a team prints.

    Raises
    ------
    InputError
        The same in all processes, whichever it came from; or if the others don't answer.
    """
    size = int(os.environ["WORLD_SIZE"]) if distributed.is_torchelastic_launched() else 1
    if size == 1:
        yield Team()
        return
    ours = not distributed.is_initialized()  # a caller from Python may have begun already
    try:
        if ours:
            distributed.init_process_group("nccl" if gpu != -1 and torch.cuda.device_count() else "gloo")
        team = Team(distributed.get_rank(), size)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"torchrun: the processes can't reach each other ({_first_line(error)})") from None
    try:
        with open(os.devnull, "w") as nowhere, nullcontext() if team.leads else redirect_stdout(nowhere):
            try:
                yield team
            except AgreedError:
                raise
            except InputError as error:
                try:
                    team.agree(error=str(error))
                except RuntimeError:  # the others have gone before this one failed
                    raise error from None
            except RuntimeError as error:
                if not any(word in str(error) for word in LOST_WORDS):
                    raise
                time.sleep(GRACE)  # a signal that has ended the other one may be on its way to this one
                raise InputError(
                    f"torchrun: another process of this training has gone ({_first_line(error)}); the same command "
                    "goes on from the last epoch that was saved"
                ) from None
    except AgreedError:
        _part(ours)
        raise
    _part(ours)


def _part(ours: bool) -> None:
    """All end here: a group that is left to the end of the processes may abort those that end last."""
    if ours:
        distributed.destroy_process_group()


class Summed(torch.autograd.Function):
    """The sum of a tensor over all processes; the gradient of what all make of the sum goes back to each.

    As torch.distributed.nn.functional.all_reduce, which would bring in remote modules and their temporary folder.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total


class SharedBatchNorm(nn.BatchNorm1d):
    """A BatchNorm whose statistics are those of the rows of all processes (torch.nn.SyncBatchNorm wants CUDA)."""

    @classmethod
    def of(cls, layer: nn.BatchNorm1d) -> SharedBatchNorm:
        """One with the parameters and statistics of another BatchNorm, which are the same tensors."""
        shared = cls(layer.num_features, layer.eps, layer.momentum)
        shared.weight, shared.bias = layer.weight, layer.bias
        shared.running_mean, shared.running_var = layer.running_mean, layer.running_var
        shared.num_batches_tracked = layer.num_batches_tracked
        return shared

    def forward(self, data: Tensor) -> Tensor:
        if not self.training:
            return super().forward(data)
        assert self.running_mean is not None and self.running_var is not None  # `of` gives it both, and a momentum
        assert self.num_batches_tracked is not None and self.momentum is not None
        sums = Summed.apply(torch.cat([data.sum(0), data.new_tensor([len(data)])]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = data - mean
        variance = (
            Summed.apply((centred * centred).sum(0)) / count
        )  # a second round: squares of large means lose digits
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        return centred * torch.rsqrt(variance + self.eps) * self.weight + self.bias


def share_statistics(model: nn.Module, team: Team) -> None:
    """Give a model BatchNorms over all processes; of a team of one, leave it as it is."""
    if team.size > 1:
        for name, layer in list(model.named_children()):
            if isinstance(layer, nn.BatchNorm1d):
                setattr(model, name, SharedBatchNorm.of(layer))


class SharedLearner(Learner):
    """Each process takes its part of the batch; the gradients are those of the mean over the whole batch.

    Parameters
    ----------
    model : the same in all processes, on its device
    """

    def __init__(self, model: Trainable, team: Team) -> None:
        super().__init__(model)
        self.team = team
        self.shared = in_parallel(_Loss(model))

    def learn(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """As `Learner.learn`; all processes are given the same batch."""
        own = self.team.part(len(data))
        loss, scores = self.shared(data[own], labels[own])
        share = loss * (len(scores) / len(data))
        (share * self.team.size).backward()  # DistributedDataParallel takes the mean over processes, we want the sum
        sums = torch.stack([share.detach(), (scores.argmax(1) == labels[own]).sum()])
        distributed.all_reduce(sums)
        return sums[0], sums[1]


def in_parallel(module: nn.Module) -> DistributedDataParallel:
    """A module whose gradients are averaged over the processes."""
    device = next(module.parameters()).device
    return DistributedDataParallel(
        module,
        device_ids=[device.index] if device.type == "cuda" else None,
        forward_sync_buffers=False,  # they stay the same
        gradient_as_bucket_view=True,
    )


class _Loss(nn.Module):
    """The loss as what a module does forward, as DistributedDataParallel wants it."""

    def __init__(self, model: Trainable) -> None:
        super().__init__()
        self.model = model

    def forward(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.loss(data, labels)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:120]
