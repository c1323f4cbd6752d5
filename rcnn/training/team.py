"""The processes of a training that `torchrun` started together. A training of one process needs no PyTorch for it."""

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

STARTED_BY_TORCHRUN = "TORCHELASTIC_RUN_ID"  # as torch.distributed.is_torchelastic_launched has it
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
        self._control = None
        if size > 1:
            from torch import distributed

            self._control = distributed.new_group(backend="gloo", timeout=PATIENCE)

    @property
    def leads(self) -> bool:
        """Whether this process prints, locks and writes."""
        return self.rank == 0

    def device_number(self, gpu: int | None) -> int | None:
        """What `--gpu` means here: of several processes each has the CUDA device of its number on its machine."""
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
        """What the first process has; the others' may differ in the last digit, and all are to go the same way."""
        if self.size == 1:
            return value
        from torch import distributed

        values: list[Any] = [value]
        distributed.broadcast_object_list(values, 0, group=self._control)
        return cast(Value, values[0])

    def send_to_first(self, values: Tensor) -> None:
        """Give the first process a tensor on the CPU."""
        from torch import distributed

        distributed.send(values.contiguous(), 0, group=self._control)

    def receive(self, into: Tensor, rank: int) -> None:
        """Take what a process sends to the first, which this one is."""
        from torch import distributed

        distributed.recv(into, rank, group=self._control)


@contextmanager
def joined_team(gpu: int | None) -> Iterator[Team]:
    """The team of this process, which `torchrun` started, or a team of one. Only the first of a team prints.

    Raises
    ------
    InputError
        The same in all processes, whichever it came from; or if the others don't answer.
    """
    size = int(os.environ["WORLD_SIZE"]) if STARTED_BY_TORCHRUN in os.environ else 1
    if size == 1:
        yield Team()
        return
    import torch
    from torch import distributed

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
                    "resumes from the last saved epoch"
                ) from None
    except AgreedError:
        _part(ours)
        raise
    _part(ours)


def _part(ours: bool) -> None:
    """All end here: a group that is left to the end of the processes may abort those that end last."""
    if ours:
        from torch import distributed

        distributed.destroy_process_group()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:120]
