"""Builds an MXNet graph layer by layer and draws its initial weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..checkpoint import Graph, Node
from ..checkpoint.operators import VARIABLE

BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 0.9
PRELU_SLOPE = 0.25
RELU_GAIN = math.sqrt(2.0)  # He et al., arXiv:1502.01852


class GraphBuilder:
    """A graph under construction. A layer is identified by the number that the call adding it returned.

    Parameters
    ----------
    seed : of the weights, drawn from a normal distribution with variance gain² / fan-in
    """

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._nodes: list[Node] = []
        self._params: dict[str, np.ndarray] = {}
        self._channels: dict[int, int] = {}

    def graph(self, outputs: Sequence[int], source: str) -> Graph:
        """The graph; messages name it `source`."""
        return Graph(tuple(self._nodes), tuple(outputs), dict(self._params), source)

    def channels(self, layer: int) -> int:
        """Number of output channels of a layer."""
        return self._channels[layer]

    def add(self, name: str, op: str, inputs: Sequence[int], channels: int, **attributes: object) -> int:
        """Add any operator; `channels` is its number of output channels."""
        self._nodes.append(Node(name, op, tuple(inputs), {key: str(value) for key, value in attributes.items()}))
        self._channels[len(self._nodes) - 1] = channels
        return len(self._nodes) - 1

    def input(self, channels: int, name: str = "data") -> int:
        """Add the input of the network."""
        return self.add(name, VARIABLE, (), channels)

    def _parameter(self, name: str, array: np.ndarray) -> int:
        self._params[name] = array.astype(np.float32)
        return self.add(name, VARIABLE, (), 0)

    def _weight(self, name: str, shape: tuple[int, ...], gain: float) -> int:
        return self._parameter(name, self._rng.normal(0, gain / math.sqrt(math.prod(shape[1:])), shape))

    def convolution(
        self,
        name: str,
        data: int,
        filters: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        pad: int | None = None,
        bias: bool = False,
        gain: float = RELU_GAIN,
    ) -> int:
        """A square convolution, by default padded so that stride 1 keeps the size."""
        pad = kernel // 2 if pad is None else pad
        inputs = [data, self._weight(f"{name}_weight", (filters, self._channels[data] // groups, kernel, kernel), gain)]
        if bias:
            inputs.append(self._parameter(f"{name}_bias", np.zeros(filters)))
        return self.add(
            name, "Convolution", inputs, filters, num_filter=filters, kernel=(kernel, kernel), stride=(stride, stride),
            pad=(pad, pad), num_group=groups, no_bias=not bias,
        )  # fmt: skip

    def fully_connected(self, name: str, data: int, inputs: int, width: int, gain: float = 1.0) -> int:
        """All `inputs` values of an item to `width`, without a bias."""
        weight = self._weight(f"{name}_weight", (width, inputs), gain)
        return self.add(name, "FullyConnected", (data, weight), width, num_hidden=width, no_bias=True)

    def batch_norm(
        self, name: str, data: int, fix_gamma: bool = False, gamma: float = 1.0, momentum: float = BATCH_NORM_MOMENTUM
    ) -> int:
        """Batch normalisation, initialised as the identity times `gamma`.

        `momentum` is the share of the moving statistics that a batch keeps.
        """
        width = self._channels[data]
        values = {"gamma": gamma, "beta": 0, "moving_mean": 0, "moving_var": 1}
        inputs = [self._parameter(f"{name}_{part}", np.full(width, value)) for part, value in values.items()]
        return self.add(
            name, "BatchNorm", (data, *inputs), width,
            eps=BATCH_NORM_EPS, fix_gamma=fix_gamma, momentum=momentum,
        )  # fmt: skip

    def relu(self, name: str, data: int) -> int:
        """max(0, x)."""
        return self.add(name, "Activation", (data,), self._channels[data], act_type="relu")

    def prelu(self, name: str, data: int) -> int:
        """x, or below 0 x times a learned slope per channel."""
        width = self._channels[data]
        slope = self._parameter(f"{name}_gamma", np.full(width, PRELU_SLOPE))
        return self.add(name, "LeakyReLU", (data, slope), width, act_type="prelu")

    def sum(self, name: str, first: int, second: int) -> int:
        """The sum of two layers of equal shape."""
        return self.add(name, "elemwise_add", (first, second), self._channels[first])

    def scalar(self, name: str, op: str, data: int, value: float) -> int:
        """`_minus_scalar`, `_mul_scalar`, ...: arithmetic with a constant."""
        return self.add(name, op, (data,), self._channels[data], scalar=value)
