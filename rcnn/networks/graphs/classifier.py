"""The classifiers as MXNet graphs: three fully connected layers over a clip's vector, or its cosine to each person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..checkpoint import Graph, Node
from ..checkpoint.operators import VARIABLE

OUTPUT = "fc7_output"  # scores before the softmax
BATCH_NORM_EPS = 2e-5
BATCH_NORM_MOMENTUM = 0.9


@dataclass(frozen=True)
class ClassifierShape:
    """Widths of the classifier.

    features : length of a clip's vector
    filters : width of the two hidden layers
    classes : number of people plus class 0, nobody known
    input_norm : whether a BatchNorm precedes the first layer
    """

    features: int
    filters: int
    classes: int
    input_norm: bool = False


def build_graph(shape: ClassifierShape, params: Mapping[str, np.ndarray], source: str = "classifier") -> Graph:
    """The graph of a classifier, with MXNet's operators.

    Parameters
    ----------
    params : float32 arrays `stage0_weight` (out, in), `stage0_bias` (out,), `stage0_bn_gamma`,
        `stage0_bn_moving_mean`, `stage0_relu_gamma` (1,), ...
    """
    nodes: list[Node] = []

    def add(name: str, op: str, inputs: tuple[int, ...] = (), **attributes: object) -> int:
        nodes.append(Node(name, op, inputs, {key: str(value) for key, value in attributes.items()}))
        return len(nodes) - 1

    def batch_norm(name: str, data: int, fixed: bool) -> int:
        statistics = tuple(add(f"{name}_{part}", VARIABLE) for part in ("gamma", "beta", "moving_mean", "moving_var"))
        return add(
            name, "BatchNorm", (data, *statistics),
            eps=BATCH_NORM_EPS, fix_gamma=fixed, momentum=BATCH_NORM_MOMENTUM,
        )  # fmt: skip

    def fully_connected(name: str, data: int, width: int) -> int:
        inputs = (data, add(f"{name}_weight", VARIABLE), add(f"{name}_bias", VARIABLE))
        return add(name, "FullyConnected", inputs, num_hidden=width)

    body = add("data", VARIABLE)
    if shape.input_norm:
        body = batch_norm("fbn", body, fixed=True)
    width = shape.features
    for stage in ("stage0", "stage1"):
        before = body
        body = batch_norm(f"{stage}_bn", fully_connected(stage, body, shape.filters), fixed=False)
        slope = add(f"{stage}_relu_gamma", VARIABLE)
        body = add(f"{stage}_relu", "LeakyReLU", (body, slope), act_type="prelu")
        if width == shape.filters:
            body = add(f"{stage}_sum", "elemwise_add", (body, before))
        width = shape.filters
    scores = add("fc7", "_copy", (fully_connected("stage2", body, shape.classes),))
    output = add("softmax", "SoftmaxOutput", (scores, add("softmax_label", VARIABLE)))
    return Graph(tuple(nodes), (output,), dict(params), source)


def build_cosine_graph(weight: np.ndarray, bias: np.ndarray, scale: float, source: str = "classifier") -> Graph:
    """The graph of a cosine classifier: `scale` times the cosine between a clip's vector and each class's.

    Parameters
    ----------
    weight : (classes, features) float32, unit rows, or 0 for a class whose score is only its bias
    bias : (classes,) float32, in cosine
    scale : the softmax's inverse temperature
    """
    nodes = (
        Node("data", VARIABLE, (), {}),
        Node("unit", "L2Normalization", (0,), {"mode": "instance"}),
        Node("stage2_weight", VARIABLE, (), {}),
        Node("stage2_bias", VARIABLE, (), {}),
        Node("stage2", "FullyConnected", (1, 2, 3), {"num_hidden": str(len(weight))}),
        Node("fc7", "_mul_scalar", (4,), {"scalar": str(scale)}),
        Node("softmax_label", VARIABLE, (), {}),
        Node("softmax", "SoftmaxOutput", (5, 6), {}),
    )
    return Graph(nodes, (7,), {"stage2_weight": weight, "stage2_bias": bias}, source)


def shape_of(graph: Graph) -> ClassifierShape:
    """Shape of a classifier read from a checkpoint; for a cosine classifier, `filters` is 0.

    Raises
    ------
    InputError
        If the checkpoint is not a classifier.
    """
    first, last = graph.params.get("stage0_weight"), graph.params.get("stage2_weight")
    if {"unit_output", OUTPUT} <= set(graph.internal_names) and first is None and last is not None and last.ndim == 2:
        return ClassifierShape(last.shape[1], 0, last.shape[0])
    if first is None or last is None or first.ndim != 2 or last.ndim != 2 or OUTPUT not in graph.internal_names:
        raise InputError(
            f"{graph.source}: is not a classifier: it lacks stage0, stage2 or fc7; give one that train_mlp.py wrote"
        )
    input_norm = any(node.name == "fbn" for node in graph.nodes)
    return ClassifierShape(first.shape[1], first.shape[0], last.shape[0], input_norm)
