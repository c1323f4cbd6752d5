"""Data-parallel training by processes that `torchrun` started: one batch, split among them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from .mlp import Learner, Trainable
from .team import Team


class Summed(torch.autograd.Function):
    """The sum of a tensor over all processes; the backward pass sums the gradients of all processes too.

    Same as torch.distributed.nn.functional.all_reduce, which would import remote modules and their temporary folder.
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
    """A BatchNorm with statistics over the rows of all processes (torch.nn.SyncBatchNorm needs CUDA)."""

    @classmethod
    def of(cls, layer: nn.BatchNorm1d) -> SharedBatchNorm:
        """One that shares the parameter and statistics tensors of another BatchNorm."""
        shared = cls(layer.num_features, layer.eps, layer.momentum)
        shared.weight, shared.bias = layer.weight, layer.bias
        shared.running_mean, shared.running_var = layer.running_mean, layer.running_var
        shared.num_batches_tracked = layer.num_batches_tracked
        return shared

    def forward(self, data: Tensor) -> Tensor:
        if not self.training:
            return super().forward(data)
        assert self.running_mean is not None and self.running_var is not None  # `of` sets all three
        assert self.num_batches_tracked is not None and self.momentum is not None
        sums = Summed.apply(torch.cat([data.sum(0), data.new_tensor([len(data)])]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = data - mean
        variance = (
            Summed.apply((centred * centred).sum(0)) / count
        )  # a second reduction: E[x^2] - mean^2 loses digits for large means
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        return centred * torch.rsqrt(variance + self.eps) * self.weight + self.bias


def share_statistics(model: nn.Module, team: Team) -> None:
    """Replace a model's BatchNorms by ones over all processes; does nothing in a team of one."""
    if team.size > 1:
        for name, layer in list(model.named_children()):
            if isinstance(layer, nn.BatchNorm1d):
                setattr(model, name, SharedBatchNorm.of(layer))


class SharedLearner(Learner):
    """Each process computes its part of the batch; the gradients are those of the mean over the whole batch.

    Parameters
    ----------
    model : the same in all processes, on its device
    """

    def __init__(self, model: Trainable, team: Team) -> None:
        super().__init__(model)
        self.team = team
        self.shared = in_parallel(_Loss(model))

    def learn(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Like `Learner.learn`; every process gets the same full batch."""
        own = self.team.part(len(data))
        loss, scores = self.shared(data[own], labels[own])
        share = loss * (len(scores) / len(data))
        (share * self.team.size).backward()  # DistributedDataParallel averages over processes; the sum is needed
        sums = torch.stack([share.detach(), (scores.argmax(1) == labels[own]).sum()])
        distributed.all_reduce(sums)
        return sums[0], sums[1]


def in_parallel(module: nn.Module) -> DistributedDataParallel:
    """A module whose gradients are averaged over the processes."""
    device = next(module.parameters()).device
    return DistributedDataParallel(
        module,
        device_ids=[device.index] if device.type == "cuda" else None,
        forward_sync_buffers=False,  # buffers are equal in all processes
        gradient_as_bucket_view=True,
    )


class _Loss(nn.Module):
    """The loss as a module's forward method, as DistributedDataParallel requires."""

    def __init__(self, model: Trainable) -> None:
        super().__init__()
        self.model = model

    def forward(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.loss(data, labels)
