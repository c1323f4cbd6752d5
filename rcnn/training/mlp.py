"""Trains the classifier with PyTorch, by MXNet's rules."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.graphs.classifier import BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, ClassifierShape

LR_FACTOR = 0.1  # at each step of the schedule
BIAS_LR = 2.0  # times the learning rate
PRELU_SLOPE = 0.25
# Longest gradient over all parameters (Pascanu et al., arXiv:1211.5063). Without it the default rate of 0.2
# diverges where one class, nobody known, has a large share of the clips.
GRADIENT_NORM = 1.0


class Trainable(nn.Module, ABC):
    """A classifier of one kind or another: (n, features) -> scores (n, classes)."""

    @abstractmethod
    def loss(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss in nats of the rows, and their scores (n, classes)."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and statistics by their MXNet names, float32."""

    @abstractmethod
    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over parameters by their MXNet names.

        Raises
        ------
        ValueError
            If one is missing or has another shape; names it.
        """

    @abstractmethod
    def named_mxnet_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """What is trained, with its MXNet names."""

    def best(self, data: Tensor) -> Tensor:
        """(n,) int64, the class of the highest score of each row."""
        return self(data).argmax(1)


class Learner:
    """Takes a step's rows to gradients; other learners share the rows out among processes.

    Parameters
    ----------
    model : that learns
    """

    def __init__(self, model: Trainable) -> None:
        self.model = model

    def learn(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Leave the gradient of the mean loss of a batch in the parameters.

        Parameters
        ----------
        data, labels : (n, D) float32 and (n,) int64, the whole batch

        Returns
        -------
        The mean loss in nats and how many rows were right, without dimensions.
        """
        loss, scores = self.model.loss(data, labels)
        loss.backward()
        return loss.detach(), (scores.argmax(1) == labels).sum()


class Classifier(Trainable):
    """The network of `classifier.build_graph`, with its parameter names: (n, features) -> (n, classes)."""

    def __init__(self, shape: ClassifierShape) -> None:
        super().__init__()
        self.shape = shape
        if shape.input_norm:
            self.fbn = _batch_norm(shape.features, fixed=True)
        width = shape.features
        for stage in ("stage0", "stage1"):
            self.add_module(stage, nn.Linear(width, shape.filters))
            self.add_module(f"{stage}_bn", _batch_norm(shape.filters))
            self.add_module(f"{stage}_relu", nn.PReLU(1, PRELU_SLOPE))
            width = shape.filters
        self.stage2 = nn.Linear(width, shape.classes)

    def forward(self, data: Tensor) -> Tensor:
        return self.stage2(self.body(data))

    def body(self, data: Tensor) -> Tensor:
        """What the last layer is given, (n, filters)."""
        body = self.fbn(data) if self.shape.input_norm else data
        for stage in ("stage0", "stage1"):
            before = body
            body = self.get_submodule(f"{stage}_relu")(
                self.get_submodule(f"{stage}_bn")(self.get_submodule(stage)(body))
            )
            if before.shape == body.shape:
                body = body + before
        return body

    def loss(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean softmax cross-entropy in nats, and the scores (n, classes) that it is of."""
        scores = self(data)
        return functional.cross_entropy(scores, labels), scores

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and statistics by their MXNet names, float32."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self._named().items()}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over parameters by their MXNet names.

        Raises
        ------
        ValueError
            If one is missing or has another shape; names it.
        """
        with torch.no_grad():
            for name, value in self._named().items():
                array = arrays.get(name)
                if array is None or array.shape != tuple(value.shape):
                    found = "missing" if array is None else f"of shape {array.shape}"
                    raise ValueError(f"{name} is {found}, wanted is {tuple(value.shape)}")
                value.copy_(torch.from_numpy(np.array(array, np.float32)))

    def named_mxnet_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """What is trained, with its MXNet names."""
        return [(name, value) for name, value in self._named().items() if isinstance(value, nn.Parameter)]

    def _named(self) -> dict[str, Tensor]:
        return {
            _mxnet_name(name): value
            for name, value in self.state_dict(keep_vars=True).items()
            if not name.endswith("num_batches_tracked")
        }


def _batch_norm(width: int, fixed: bool = False) -> nn.BatchNorm1d:
    layer = nn.BatchNorm1d(width, BATCH_NORM_EPS, 1 - BATCH_NORM_MOMENTUM)  # PyTorch counts the new value
    layer.weight.requires_grad_(not fixed)
    return layer


def _mxnet_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    if layer.endswith("bn"):
        kind = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_var"}[kind]
    elif layer.endswith("relu"):
        kind = "gamma"
    return f"{layer}_{kind}"


def initialise(model: Classifier, network: str, generator: torch.Generator) -> None:
    """Xavier (Glorot and Bengio, AISTATS 2010) with magnitude 2, biases 0.

    Gaussian over the fan-out for networks named `r*` and `y*`, Gaussian over the fan-in for `i*` and `x*`, uniform
    over the fan-in for others.
    """
    for layer in (module for module in model.modules() if isinstance(module, nn.Linear)):
        with torch.no_grad():
            draw(layer.weight, network, generator, len(layer.weight))
            layer.bias.zero_()


def draw(weight: Tensor, network: str, generator: torch.Generator, outputs: int) -> None:
    """Initial weights (n, inputs), n of the `outputs` rows of a layer, in place."""
    scale = math.sqrt(2.0 / (outputs if network[:1] in ("r", "y") else weight.shape[1]))
    if network[:1] in ("r", "y", "i", "x"):
        weight.normal_(0, scale, generator=generator)
    else:
        weight.uniform_(-scale, scale, generator=generator)


class Momentum:
    """MXNet's SGD: velocity = momentum * velocity - lr * (gradient + decay * weight); weight += velocity.

    Biases learn at twice the rate; they and the betas of BatchNorm do not decay.
    """

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], momentum: float, decay: float) -> None:
        self.momentum = momentum
        self.entries = [
            (
                parameter,
                torch.zeros_like(parameter),
                BIAS_LR if name.endswith("_bias") else 1.0,
                decay if name.endswith(("_weight", "_gamma")) else 0.0,
            )
            for name, parameter in parameters
            if parameter.requires_grad
        ]

    def state_dict(self) -> dict[str, dict[int, dict[str, Tensor]]]:
        """The velocities, in the form of PyTorch's own optimizers."""
        return {"state": {index: {"velocity": entry[1]} for index, entry in enumerate(self.entries)}}

    def load_state_dict(self, state: Mapping[str, Mapping[int, Mapping[str, Tensor]]]) -> None:
        """Take over what `state_dict` gave."""
        for index, (_, velocity, *_) in enumerate(self.entries):
            velocity.copy_(state["state"][index]["velocity"])

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply the gradients and clear them; a gradient longer than GRADIENT_NORM is shortened to it."""
        self.shorten([entry[0] for entry in self.entries])
        for parameter, velocity, factor, decay in self.entries:
            gradient = parameter.grad.add(parameter, alpha=decay) if decay else parameter.grad
            velocity.mul_(self.momentum).sub_(gradient, alpha=rate * factor)
            parameter.add_(velocity)
            parameter.grad = None

    def shorten(self, parameters: list[nn.Parameter]) -> None:
        """Shorten the gradient over all parameters to GRADIENT_NORM, if it is longer."""
        nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    rate : learning rate of the first epoch
    steps : epochs after which it falls tenfold
    begin, end : epochs that are done already, and that are done in the end
    steps_done : steps of a run that was stopped and now goes on
    batch_size : rows a step
    max_steps : 0 for no limit
    """

    rate: float
    steps: tuple[int, ...]
    begin: int
    end: int
    batch_size: int
    max_steps: int = 0
    steps_done: int = 0

    def rate_of(self, epoch: int) -> float:
        """Learning rate of an epoch, which count from 0."""
        return self.rate * LR_FACTOR ** sum(step <= epoch for step in self.steps)


@dataclass(frozen=True)
class EpochResult:
    """What an epoch came to; accuracy 0..1, loss in nats, rate in rows a second."""

    epoch: int
    lr: float
    accuracy: float
    loss: float
    val_accuracy: float | None
    rows_per_second: float
    steps: int


def train(
    model: Trainable,
    data: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor] | None,
    schedule: Schedule,
    optimizer: Momentum,
    generator: torch.Generator,
    after_epoch: Callable[[EpochResult], None],
    after_step: Callable[[int, float], None] | None = None,
    learner: Learner | None = None,
) -> None:
    """Train in place.

    Parameters
    ----------
    data, validation : features (n, D) float32 and labels (n,) int64, on the device of the model
    generator : gives the order of the rows, epoch by epoch
    after_epoch : called with the result of each epoch, last of all at the end
    after_step : called with the step, from 1, and its loss
    learner : of the model; left out, one in this process
    """
    learner = learner or Learner(model)
    features, labels = data
    size = min(schedule.batch_size, len(features))
    steps = schedule.steps_done
    for epoch in range(schedule.begin, schedule.end):
        started = time.monotonic()
        model.train()
        order = torch.randperm(len(features), generator=generator).to(features.device)
        right = torch.zeros((), device=features.device)
        total = torch.zeros((), device=features.device)
        seen = 0
        for start in range(0, len(features) - size + 1, size):
            rows = order[start : start + size]
            loss, correct = learner.learn(features[rows], labels[rows])
            optimizer.step(schedule.rate_of(epoch))
            right += correct
            total += loss * size
            seen += size
            steps += 1
            if after_step is not None:  # asking for the loss waits for the device
                after_step(steps, float(loss))
            if steps == schedule.max_steps:
                break
        accuracy = None if validation is None else evaluate(model, *validation)
        speed = seen / max(time.monotonic() - started, 1e-9)
        after_epoch(
            EpochResult(
                epoch + 1, schedule.rate_of(epoch), float(right) / seen, float(total) / seen, accuracy, speed, steps
            )
        )
        if steps == schedule.max_steps:
            return


@torch.no_grad()
def evaluate(model: Trainable, features: Tensor, labels: Tensor, rows: int = 8192) -> float:
    """Share of rows whose best class is the right one."""
    model.eval()
    right = sum(
        int((model.best(features[i : i + rows]) == labels[i : i + rows]).sum()) for i in range(0, len(labels), rows)
    )
    return right / max(len(labels), 1)
