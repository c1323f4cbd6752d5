"""A graph with parameters that PyTorch can train."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import InputError
from ..networks.checkpoint import Graph, Node, load_checkpoint
from ..networks.checkpoint.operators import VARIABLE
from ..networks.engine.torch import RUN, last_uses
from .parameters import arrays_of, load_arrays

BATCH_NORM_MOMENTUM = 0.9  # MXNet's default


class GraphModule(nn.Module):
    """Runs a graph on tensors; in training mode, BatchNorm uses the batch's statistics.

    Weights are parameters, BatchNorm's moving statistics are buffers, both under their MXNet names.

    Parameters
    ----------
    graph : with one input; its arrays are copied
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self._last_use = last_uses(graph)
        for name, array in graph.params.items():
            tensor = torch.from_numpy(np.array(array, np.float32))
            if name in graph.auxiliary_names:
                self.register_buffer(name, tensor)
            else:
                self.register_parameter(name, nn.Parameter(tensor))

    def forward(self, data: Tensor) -> list[Tensor]:
        """The graph's outputs for a float32 input."""
        values: dict[int, Tensor] = {}
        for index, node in enumerate(self.graph.nodes):
            if node.op == VARIABLE:
                values[index] = getattr(self, node.name) if node.name in self.graph.params else data
                continue
            inputs = [values[i] for i in node.inputs]
            learns = self.training and node.op == "BatchNorm"
            values[index] = _batch_norm(inputs, node) if learns else RUN[node.op](inputs, node.values)
            for i in node.inputs:
                if self._last_use[i] == index:
                    del values[i]
        return [values[index] for index in self.graph.outputs]

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and statistics by their MXNet names, float32."""
        return arrays_of(self.state_dict())

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load arrays as returned by `arrays`.

        Raises
        ------
        ValueError
            If one is missing or has another shape; the message names it.
        """
        load_arrays(self.state_dict(), arrays)

    def trained_graph(self) -> Graph:
        """The graph with the current parameters."""
        return Graph(self.graph.nodes, self.graph.outputs, self.arrays(), self.graph.source)


def load_start(module: GraphModule, model: str) -> None:
    """Initialise training with the weights of a checkpoint, `PREFIX,EPOCH`, of the same network.

    Raises
    ------
    InputError
        If it cannot be read or is of another network.
    """
    try:
        module.load(load_checkpoint(model).params)
    except ValueError as error:
        raise InputError(f"--start {model}: {error}; give a checkpoint of this trainer's own") from None


def _batch_norm(inputs: list[Tensor], node: Node) -> Tensor:
    data, gamma, beta, mean, variance = inputs
    # MXNet's momentum is the share of the old value, PyTorch's that of the new one
    momentum = 1 - float(node.attributes.get("momentum", BATCH_NORM_MOMENTUM))
    scale = None if node.values["fix_gamma"] else gamma
    return functional.batch_norm(
        data, mean, variance, scale, beta, training=True, momentum=momentum, eps=node.values["eps"]
    )
