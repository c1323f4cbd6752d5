"""Full-width versions of the narrow networks in ../shared, with random weights."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from rcnn.networks.checkpoint import Graph, Node
from rcnn.networks.checkpoint.operators import VARIABLE
from rcnn.networks.engine.torch import RUN

FACTOR = 8  # the narrow networks have an eighth of the filters
EMBEDDING_WIDTH = 512
HEADS = ("cls_score", "bbox_pred", "kpoint_pred")  # in the names of layers with fixed output width
SPREAD = 0.5  # of a layer's output, so that sums of fifty residual layers stay finite
MEAN, VARIANCE, GAMMA = "moving_mean", "moving_var", "gamma"


def widen(graph: Graph, shape: tuple[int, ...], seed: int = 0) -> Graph:
    """A graph with the same layers, `FACTOR` times the filters, and random weights.

    Parameters
    ----------
    graph : of a narrow network, a result of `Graph.select`
    shape : of its input
    """
    random = np.random.default_rng(seed)
    nodes = [_wider(node) for node in graph.nodes]
    data = graph.input_names[0]
    params: dict[str, np.ndarray] = {}
    values: dict[int, torch.Tensor] = {}
    for index, node in enumerate(nodes):
        if node.op == VARIABLE:
            if node.name == data:
                values[index] = torch.empty(shape, device="meta")
            continue
        for place, source in enumerate(node.inputs):
            if source not in values:
                name = nodes[source].name
                params[name] = _weights(random, node, place, name, values[node.inputs[0]], graph.params[name])
                values[source] = torch.empty(params[name].shape, device="meta")
        values[index] = RUN[node.op]([values[source] for source in node.inputs], node.values)
    return Graph(tuple(nodes), graph.outputs, params, f"{graph.source}, {FACTOR} times as wide")


def _wider(node: Node) -> Node:
    attributes = dict(node.attributes)
    if node.op == "FullyConnected":
        attributes["num_hidden"] = str(EMBEDDING_WIDTH)
    elif "num_filter" in attributes and not any(head in node.name for head in HEADS):
        for name in ("num_filter", "num_group"):
            if int(attributes.get(name, 1)) > 1:
                attributes[name] = str(int(attributes[name]) * FACTOR)
    return replace(node, attributes=attributes)


def _weights(
    random: np.random.Generator, node: Node, place: int, name: str, data: torch.Tensor, narrow: np.ndarray
) -> np.ndarray:
    """The float32 array for input number `place` of a layer."""
    if node.op == "FullyConnected":
        width = node.values["num_hidden"]
        shape = (width, math.prod(data.shape[1:])) if place == 1 else (width,)
    elif node.op in ("Convolution", "Deconvolution"):
        filters, groups = node.values["num_filter"], node.values["num_group"]
        first, second = filters, data.shape[1] // groups
        if node.op == "Deconvolution":
            first, second = data.shape[1], filters // groups
        shape = (first, second, *node.values["kernel"]) if place == 1 else (filters,)
    elif node.op in ("BatchNorm", "LeakyReLU") and narrow.size > 1:
        shape = (data.shape[1],)
    else:
        shape = narrow.shape
    if len(shape) > 1:
        return (random.standard_normal(shape, np.float32) * SPREAD / math.sqrt(math.prod(shape[1:]))).astype(np.float32)
    if name.endswith((VARIANCE, GAMMA)) and node.op == "BatchNorm":
        return np.ones(shape, np.float32)
    return np.full(shape, 0.25 if node.op == "LeakyReLU" else 0.0, np.float32)
