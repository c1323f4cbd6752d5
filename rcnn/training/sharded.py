"""A last layer sharded over processes, each with some of the classes (An et al., arXiv:2010.05222).

Each process computes the hidden layers for its rows of the batch. The results are gathered, and each process scores all
rows for its own classes. The softmax is over all classes: maximum and sum are reduced over all processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from ..errors import InputError
from ..networks.checkpoint import Graph
from ..networks.graphs.classifier import ClassifierShape, build_graph
from .distributed import SharedLearner, in_parallel
from .loop import gradient_norm
from .mlp import Classifier, Learner, Trainable, draw
from .momentum import VELOCITY, Momentum
from .snapshot import Stateful
from .team import Team

LAST = "stage2"  # the sharded layer
DRAWN_ROWS = 4096  # of initial weights drawn together; a multiple of 16, the block size of torch's normal generator
SENT_NUMBERS = 1 << 26  # per message, 256 MB


class ShardedClassifier(Classifier):
    """`Classifier` with some of the classes: `stage2` and the scores cover the classes `rows`.

    Parameters
    ----------
    shape : of the whole classifier
    team : the processes; all of them call its methods together

    Raises
    ------
    InputError
        If there are more processes than classes.
    """

    def __init__(self, shape: ClassifierShape, team: Team) -> None:
        if shape.classes < team.size:
            raise InputError(f"--num-classes {shape.classes}: too few for --shard-classes over {team.size} processes")
        self.rows = team.part(shape.classes)
        self.classes = shape.classes
        self.team = team
        super().__init__(replace(shape, classes=self.rows.stop - self.rows.start))

    def loss(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy in nats of rows that are the same in all processes, and this process's scores."""
        scores = self(data)
        return ShardedSoftmax.apply(scores, labels, self.rows.start)[0], scores

    def best(self, data: Tensor) -> Tensor:
        """(n,) int64, the class of the highest score of each row; the rows are the same in all processes."""
        return _best(self(data), self.rows.start)[0]

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays of the whole classifier in the first process; meaningless in the others."""
        arrays = super().arrays()
        for name in (f"{LAST}_weight", f"{LAST}_bias"):
            arrays[name] = self.gather(torch.from_numpy(arrays[name])).numpy()
        return arrays

    def graph(self, arrays: Mapping[str, np.ndarray], source: str) -> Graph:
        """The whole classifier."""
        return build_graph(replace(self.shape, classes=self.classes), arrays, source)

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load parameters of a whole classifier by their MXNet names.

        Raises
        ------
        ValueError
            If one is missing or has another shape; the message names it.
        """
        own = dict(arrays)
        for name in (f"{LAST}_weight", f"{LAST}_bias"):
            if name in own:
                own[name] = self.cut(name, own[name])
        super().load(own)

    def cut(self, name: str, whole: Any) -> Any:
        """This process's rows of an array or tensor over all classes.

        Raises
        ------
        ValueError
            If it has another number of rows; the message names it.
        """
        if not len(whole.shape) or len(whole) != self.classes:
            raise ValueError(f"{name} is of shape {tuple(whole.shape)}, expected {self.classes} rows")
        return whole[self.rows]

    def gather(self, own: Tensor) -> Tensor:
        """The rows of all processes in the first process, the own rows in the others; on the CPU."""
        own = own.detach().cpu().contiguous()
        rows = max(1, SENT_NUMBERS // max(1, own[:1].numel()))
        if not self.team.leads:
            for piece in own.split(rows):
                self.team.send_to_first(piece)
            return own
        whole = torch.empty((self.classes, *own.shape[1:]))
        whole[self.rows] = own
        for rank in range(1, self.team.size):
            for piece in whole[self.team.part(self.classes, rank)].split(rows):
                self.team.receive(piece, rank)
        return whole


def initialise_shard(
    model: ShardedClassifier, network: str, generator: torch.Generator, least_fan_out: int = 0
) -> None:
    """Same weights as `initialise`, but no process creates those of all classes."""
    with torch.no_grad():
        for layer in (model.stage0, model.stage1):
            draw(layer.weight, network, generator, len(layer.weight))
        draw_rows(model.stage2.weight, model.rows, model.classes, network, generator, least_fan_out)
        for layer in (model.stage0, model.stage1, model.stage2):
            layer.bias.zero_()


def draw_rows(
    weight: Tensor, rows: slice, outputs: int, network: str, generator: torch.Generator, least_fan_out: int = 0
) -> None:
    """Draw the initial weights of `outputs` rows, DRAWN_ROWS at a time, and keep `rows` in `weight`.

    The numbers equal those of a single draw. torch generates the last ones of a draw differently, so the last chunk is
    not split.
    """
    first = 0
    while first < outputs:
        last = outputs if outputs - first < 2 * DRAWN_ROWS else first + DRAWN_ROWS
        drawn = torch.empty(last - first, weight.shape[1])
        draw(drawn, network, generator, max(outputs, least_fan_out))
        here = slice(max(first, rows.start), min(last, rows.stop))
        if here.start < here.stop:
            weight[here.start - rows.start : here.stop - rows.start] = drawn[here.start - first : here.stop - first]
        first = last


class ShardedSoftmax(torch.autograd.Function):
    """Softmax cross-entropy over the classes of all processes.

    Arguments: the scores (n, own classes) of rows that are the same in all processes, their labels (n,) and the number
    of the first own class. Returns the mean loss in nats, the same in all processes, and the best class (n,) of each
    row.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, labels: Tensor, first: int) -> tuple[Tensor, Tensor]:
        best, largest = _best(scores, first)
        shares = (scores - largest[:, None]).exp_()
        own = (labels >= first) & (labels < first + scores.shape[1])
        column = (labels - first).clamp(0, scores.shape[1] - 1)[:, None]
        target = torch.where(own, scores.gather(1, column)[:, 0], 0)
        sums = torch.stack([shares.sum(1), target])
        distributed.all_reduce(sums)
        total, target = sums
        shares.div_(total[:, None]).scatter_add_(1, column, -own.to(shares.dtype)[:, None])
        ctx.save_for_backward(shares)
        ctx.mark_non_differentiable(best)
        return (total.log() + largest - target).mean(), best

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        (shares,) = ctx.saved_tensors
        return shares.mul_(gradient / len(shares)), None, None  # in place: the array is large, backward runs once


def _best(scores: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """Best class and score (n,) over all processes; the lowest class on ties."""
    largest, column = scores.max(1)
    highest = largest.clone()
    distributed.all_reduce(highest, distributed.ReduceOp.MAX)
    none = torch.iinfo(torch.int64).max
    best = torch.where(largest == highest, column + first, none)
    distributed.all_reduce(best, distributed.ReduceOp.MIN)
    return best, highest


class Gathered(torch.autograd.Function):
    """The rows (total, width) of all processes, gathered from each one's own.

    The backward pass sums the gradients of all processes and multiplies by `size`, because DistributedDataParallel
    averages the gradients of the layers below.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, part: slice, total: int, size: int) -> Tensor:
        ctx.part, ctx.size = part, size
        whole = own.new_zeros(total, own.shape[1])
        whole[part] = own
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total[ctx.part] * ctx.size, None, None, None


class ShardedLearner(Learner):
    """Each process computes the hidden layers for its part of the batch and scores the whole batch for its classes."""

    def __init__(self, model: ShardedClassifier) -> None:
        super().__init__(model)
        self.shard = model
        self.team = model.team
        self.body = in_parallel(_Body(model))

    def learn(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Like `Learner.learn`; every process gets the same full batch."""
        part = self.team.part(len(data))
        features = Gathered.apply(self.body(data[part]), part, len(data), self.team.size)
        loss, best = ShardedSoftmax.apply(self.shard.stage2(features), labels, self.shard.rows.start)
        loss.backward()
        return loss.detach(), (best == labels).sum()

    def gradient_norm(self, parameters: list[nn.Parameter]) -> Tensor:
        """Like `Learner.gradient_norm`, over the classes of all processes."""
        last = {id(parameter) for parameter in self.shard.stage2.parameters()}
        own = gradient_norm(p for p in parameters if id(p) in last).square()
        distributed.all_reduce(own)
        return (own + gradient_norm(p for p in parameters if id(p) not in last).square()).sqrt()


class _Body(nn.Module):
    """The layers with averaged gradients: all but the last."""

    def __init__(self, model: ShardedClassifier) -> None:
        super().__init__()
        self._through = model.body
        for name, layer in model.named_children():
            if name != LAST:
                self.add_module(name, layer)

    def forward(self, data: Tensor) -> Tensor:
        return self._through(data)


class _WholeModel:
    """The state of the whole classifier, as a run of one process would save it."""

    def __init__(self, model: ShardedClassifier) -> None:
        self.model = model

    def state_dict(self) -> dict[str, Tensor]:
        state = self.model.state_dict()
        return {key: self.model.gather(value) if key.startswith(LAST) else value for key, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor], /) -> None:
        cut = self.model.cut
        self.model.load_state_dict({k: cut(k, v) if k.startswith(LAST) else v for k, v in state.items()})


class _WholeMomentum:
    """The velocities of the whole classifier."""

    def __init__(self, model: ShardedClassifier, optimizer: Momentum) -> None:
        self.model, self.optimizer = model, optimizer
        last = {id(parameter) for parameter in model.stage2.parameters()}
        self.last = {index for index, parameter in enumerate(optimizer.parameters()) if id(parameter) in last}

    def state_dict(self) -> dict[str, Any]:
        return self._each(self.model.gather, self.optimizer.state_dict())

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        self.optimizer.load_state_dict(self._each(lambda velocity: self.model.cut("velocity", velocity), state))

    def _each(self, change: Callable[[Tensor], Tensor], state: Mapping[str, Any]) -> dict[str, Any]:
        velocities = {index: memory[VELOCITY] for index, memory in sorted(state["state"].items())}
        return {**state, "state": {i: {VELOCITY: change(v) if i in self.last else v} for i, v in velocities.items()}}


def learner_of(model: Trainable, team: Team) -> Learner:
    """The learner for a model: in one process, in several, or in several with sharded classes."""
    if isinstance(model, ShardedClassifier):
        return ShardedLearner(model)
    return SharedLearner(model, team) if team.size > 1 else Learner(model)


def whole_state(model: Trainable, optimizer: Momentum) -> tuple[Stateful, Stateful]:
    """Model and optimizer state for a snapshot, always over all classes.

    All processes must call `state_dict`, the model's first; only the first process's result is used.
    """
    if isinstance(model, ShardedClassifier):
        return _WholeModel(model), _WholeMomentum(model, optimizer)
    return model, optimizer
