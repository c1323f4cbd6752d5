"""The processes of a training that `torchrun` started together. A single process does not import PyTorch for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..errors import InputError, speak

if TYPE_CHECKING:
    from torch import Tensor

STARTED_BY_TORCHRUN = "TORCHELASTIC_RUN_ID"  # as in torch.distributed.is_torchelastic_launched
PATIENCE = timedelta(hours=2)  # timeout of the others while the first process writes checkpoints
GRACE = 1.0  # seconds to wait for torchrun's signal after another process has ended
Value = TypeVar("Value")
LOST_WORDS = ("gloo", "onnection", "NCCL", "ncclInternal")  # in PyTorch's errors when another process has ended


class AgreedError(InputError):
    """An error shared by all processes."""


class Team:
    """The processes of a training; with one process, the methods do nothing.

    Parameters
    ----------
    rank : of this process, from 0
    size : number of processes
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        # control messages and shards use the CPU, whatever backend the gradients use
        self._control = None
        if size > 1:
            from torch import distributed

            self._control = distributed.new_group(backend="gloo", timeout=PATIENCE)

    @property
    def leads(self) -> bool:
        """Whether this process prints, locks and writes."""
        return self.rank == 0

    def device_number(self, gpu: int | None) -> int | None:
        """The device for `--gpu`: with several processes, each uses the CUDA device of its local rank."""
        if self.size == 1 or gpu == -1:
            return gpu
        import torch

        if not torch.cuda.device_count():
            return gpu
        if gpu is not None:
            raise InputError(f"--gpu {gpu}: torchrun gives each process a device of its own; leave it out, or give -1")
        local, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= count:
            raise InputError(f"torchrun: process {local} of a machine with {count} CUDA devices; start fewer")
        torch.cuda.set_device(local)
        return local

    def part(self, total: int, rank: int | None = None) -> slice:
        """The part of `total` rows of process `rank`, by default this one; the first processes get the remainder."""
        rank = self.rank if rank is None else rank
        each, rest = divmod(total, self.size)
        first = rank * each + min(rank, rest)
        return slice(first, first + each + (rank < rest))

    def check_batch(self, size: int) -> None:
        """Reject a batch size that leaves a process without a row.

        Raises
        ------
        InputError
            If there are more processes than rows.
        """
        if size < self.size:
            raise InputError(f"a batch of {size} clips is too few for {self.size} processes; start fewer")

    def agree(self, facts: Mapping[str, Any] | None = None, error: str = "") -> None:
        """Wait for the other processes; then all continue, or all raise.

        All processes must call this in the same order. A failed process calls it with its error immediately.

        Parameters
        ----------
        facts : must be equal in all processes

        Raises
        ------
        InputError
            The error of the first failed process, or one that names the differing facts. Only one process prints it.
        """
        if self.size == 1:
            return
        from torch import distributed

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
        """The first process's value: the others' may differ in the last digit, and all must take the same branch."""
        if self.size == 1:
            return value
        from torch import distributed

        values: list[Any] = [value]
        distributed.broadcast_object_list(values, 0, group=self._control)
        return cast(Value, values[0])

    def send_to_first(self, values: Tensor) -> None:
        """Send the first process a CPU tensor."""
        from torch import distributed

        distributed.send(values.contiguous(), 0, group=self._control)

    def receive(self, into: Tensor, rank: int) -> None:
        """Receive a tensor from process `rank`; for the first process only."""
        from torch import distributed

        distributed.recv(into, rank, group=self._control)


@contextmanager
def joined_team(gpu: int | None) -> Iterator[Team]:
    """The team of this process if `torchrun` started it, else a team of one. Only the first process prints.

    Raises
    ------
    InputError
        The same error in all processes; or if the other processes do not respond.
    """
    size = int(os.environ["WORLD_SIZE"]) if STARTED_BY_TORCHRUN in os.environ else 1
    if size == 1:
        yield Team()
        return
    import torch
    from torch import distributed

    ours = not distributed.is_initialized()  # a Python caller may have initialised it already
    try:
        if ours:
            distributed.init_process_group("nccl" if gpu != -1 and torch.cuda.device_count() else "gloo")
        team = Team(distributed.get_rank(), size)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"torchrun: the processes cannot reach each other ({_first_line(error)})") from None
    try:
        with open(os.devnull, "w") as nowhere, nullcontext() if team.leads else redirect_stdout(nowhere):
            try:
                yield team
            except AgreedError:
                raise
            except InputError as error:
                try:
                    team.agree(error=str(error))
                except RuntimeError:  # the others ended before this one failed
                    raise error from None
            except RuntimeError as error:
                if not any(word in str(error) for word in LOST_WORDS):
                    raise
                time.sleep(GRACE)  # the signal that ended the other process may be about to end this one
                raise InputError(
                    f"torchrun: another process of this training has ended ({_first_line(error)}); the same command "
                    "resumes from the last saved epoch"
                ) from None
    except AgreedError:
        _part(ours)
        raise
    _part(ours)


def _part(ours: bool) -> None:
    """Destroy the process group explicitly: left to process exit, it may abort the processes that exit last."""
    if ours:
        from torch import distributed

        distributed.destroy_process_group()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:120]
