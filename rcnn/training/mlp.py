"""The classifier in PyTorch, with MXNet's parameter names and initialisation, and the `Learner` that trains it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.checkpoint import Graph
from ..networks.graphs.classifier import BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, ClassifierShape, build_graph
from .loop import gradient_norm
from .parameters import arrays_of, load_arrays

PRELU_SLOPE = 0.25


class Trainable(nn.Module, ABC):
    """Base class of the classifiers: (n, features) -> scores (n, classes)."""

    @abstractmethod
    def loss(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss in nats of the rows, and their scores (n, classes)."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and statistics under their MXNet names, float32."""

    @abstractmethod
    def graph(self, arrays: Mapping[str, np.ndarray], source: str) -> Graph:
        """The network for the arrays that `arrays` returned; messages name it `source`."""

    @abstractmethod
    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load parameters by their MXNet names.

        Raises
        ------
        ValueError
            If one is missing or has another shape; the message names it.
        """

    @abstractmethod
    def named_mxnet_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The trained parameters with their MXNet names."""

    def best(self, data: Tensor) -> Tensor:
        """(n,) int64, the class of the highest score of each row."""
        return self(data).argmax(1)


class Learner:
    """Computes the gradients of a step; subclasses distribute the work over processes.

    Parameters
    ----------
    model : the model to train
    """

    def __init__(self, model: Trainable) -> None:
        self.model = model

    def learn(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the gradient of the mean loss of a batch, into the parameters' `grad`.

        Parameters
        ----------
        data, labels : (n, D) float32 and (n,) int64, the whole batch

        Returns
        -------
        The mean loss in nats and the number of correct rows, as 0-dimensional tensors.
        """
        loss, scores = self.model.loss(data, labels)
        loss.backward()
        return loss.detach(), (scores.argmax(1) == labels).sum()

    def gradient_norm(self, parameters: list[nn.Parameter]) -> Tensor:
        """Norm of the gradient over all parameters of the model, including those in other processes."""
        return gradient_norm(parameters)


class Classifier(Trainable):
    """The network of `classifier.build_graph`, with its parameter names: (n, features) -> (n, classes)."""

    stage0: nn.Linear
    stage1: nn.Linear
    stage2: nn.Linear

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
        """Input of the last layer, (n, filters)."""
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
        """Mean softmax cross-entropy in nats, and the scores (n, classes)."""
        scores = self(data)
        return functional.cross_entropy(scores, labels), scores

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters and statistics under their MXNet names, float32."""
        return arrays_of(self._named())

    def graph(self, arrays: Mapping[str, np.ndarray], source: str) -> Graph:
        """The network for the arrays that `arrays` returned."""
        return build_graph(self.shape, arrays, source)

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load parameters by their MXNet names.

        Raises
        ------
        ValueError
            If one is missing or has another shape; the message names it.
        """
        load_arrays(self._named(), arrays)

    def named_mxnet_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The trained parameters with their MXNet names."""
        return [(name, value) for name, value in self._named().items() if isinstance(value, nn.Parameter)]

    def _named(self) -> dict[str, Tensor]:
        return {
            _mxnet_name(name): value
            for name, value in self.state_dict(keep_vars=True).items()
            if not name.endswith("num_batches_tracked")
        }


def _batch_norm(width: int, fixed: bool = False) -> nn.BatchNorm1d:
    layer = nn.BatchNorm1d(width, BATCH_NORM_EPS, 1 - BATCH_NORM_MOMENTUM)  # PyTorch weighs the new value
    layer.weight.requires_grad_(not fixed)
    return layer


def _mxnet_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    if layer.endswith("bn"):
        kind = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_var"}[kind]
    elif layer.endswith("relu"):
        kind = "gamma"
    return f"{layer}_{kind}"


def initialise(model: Classifier, network: str, generator: torch.Generator, least_fan_out: int = 0) -> None:
    """Xavier initialisation (Glorot and Bengio, AISTATS 2010) with magnitude 2, biases 0.

    Gaussian over the fan-out for networks named `r*` and `y*`, Gaussian over the fan-in for `i*` and `x*`, uniform
    over the fan-in for others.

    Parameters
    ----------
    least_fan_out : lower bound for the fan-out of the last layer; with few classes, the weights of `r*` and `y*` would
        be so large that they dominate a short training
    """
    for layer in (module for module in model.modules() if isinstance(module, nn.Linear)):
        least = least_fan_out if layer is model.stage2 else 0
        with torch.no_grad():
            draw(layer.weight, network, generator, max(len(layer.weight), least))
            layer.bias.zero_()


def draw(weight: Tensor, network: str, generator: torch.Generator, outputs: int) -> None:
    """Initial weights (n, inputs), n of the `outputs` rows of a layer, in place."""
    scale = math.sqrt(2.0 / (outputs if network[:1] in ("r", "y") else weight.shape[1]))
    if network[:1] in ("r", "y", "i", "x"):
        weight.normal_(0, scale, generator=generator)
    else:
        weight.uniform_(-scale, scale, generator=generator)
