"""Exports a graph as ONNX. Needs the `onnx` package (requirements-onnx.txt).

Dynamic dimensions stay dynamic: what depends on them (windows, paddings, shapes) is computed by nodes of the ONNX graph
at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...errors import InputError
from .graph import Graph, Node
from .operators import VARIABLE, Values

OPSET = 17
IR_VERSION = 8  # of ONNX 1.12, which introduced opset 17; older runtimes reject newer versions
LOWEST = np.finfo(np.float32).min  # result of MXNet's max pooling for an empty window
TO_THE_END = np.iinfo(np.int64).max  # end of an open slice

Size = int | str  # of a dimension; a name for a dynamic one


def to_onnx(graph: Graph, shape: Sequence[Size]) -> onnx.ModelProto:
    """The ONNX model of a graph; inputs and outputs keep their names.

    Parameters
    ----------
    graph : a result of `Graph.select`: one input, all operators supported
    shape : of the input, float32, as in `("batch", 3, 112, 112)`

    Raises
    ------
    InputError
        If an attribute is not supported, or a layer's gamma or slope is not a parameter.
    """
    writer = _Writer(graph.source)
    data = Value(graph.input_names[0], len(shape))
    values: list[Value] = []
    for node in graph.nodes:
        values.append(_lower(writer, node, [values[index] for index in node.inputs], data, graph))
    outputs = []
    for name, index in zip(graph.output_names, graph.outputs, strict=True):
        writer.nodes.append(helper.make_node("Identity", [values[index].name], [name], name=name))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * values[index].rank))
    inputs = [helper.make_tensor_value_info(data.name, TensorProto.FLOAT, list(shape))]
    used = {name for node in writer.nodes for name in node.input}
    constants = [numpy_helper.from_array(array, name) for name, array in writer.arrays.items() if name in used]
    body = helper.make_graph(writer.nodes, "rcnn", inputs, outputs, constants)
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="rcnn"
    )
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    onnx.checker.check_model(model, full_check=True)
    return model


@dataclass(frozen=True)
class Value:
    """A tensor of the ONNX graph: its name and the number of its dimensions."""

    name: str
    rank: int


class _Writer:
    """Collects the nodes and constants of an ONNX graph under unique names."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: dict[str, np.ndarray] = {}  # the constants
        self.layer = ""  # layer being converted, for the node names

    def add(self, op: str, inputs: Sequence[Value], rank: int | None = None, **attributes: Any) -> Value:
        """Add a node; its output has the rank of its first input unless `rank` is given."""
        name = f"{self.layer}/{op}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [value.name for value in inputs], [name], name=name, **attributes))
        return Value(name, inputs[0].rank if rank is None else rank)

    def constant(self, array: np.ndarray, name: str | None = None) -> Value:
        name = name or f"{self.layer}/constant{len(self.arrays)}"
        self.arrays[name] = array
        return Value(name, array.ndim)

    def array(self, value: Value) -> np.ndarray:
        """The value of a constant: ONNX requires some inputs to be constants, so they are evaluated here."""
        if value.name not in self.arrays:
            raise InputError(f"{self.source}: layer {self.layer}: one of its parameters is computed, not stored")
        return self.arrays[value.name]

    def ints(self, *values: int) -> Value:
        return self.constant(np.array(values, np.int64))

    def floats(self, value: Any) -> Value:
        return self.constant(np.array(value, np.float32))

    def sizes(self, x: Value, first: int, last: int) -> Value:
        """Lengths of the dimensions from `first` to before `last`, an int64 vector."""
        return self.add("Shape", [x], rank=1, start=first, end=last)

    def join(self, parts: Sequence[Value]) -> Value:
        return parts[0] if len(parts) == 1 else self.add("Concat", parts, axis=0)


def _lower(writer: _Writer, node: Node, inputs: list[Value], data: Value, graph: Graph) -> Value:
    writer.layer = node.name
    if node.op != VARIABLE:
        return LOWER[node.op](writer, inputs, node.values)
    if node.name not in graph.params:
        return data
    return writer.constant(np.asarray(graph.params[node.name], np.float32), node.name)


def _activation(w: _Writer, x: list[Value], a: Values) -> Value:
    kinds = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus", "softsign": "Softsign"}
    return w.add(kinds[a["act_type"]], x)


def _batch_norm(w: _Writer, x: list[Value], a: Values) -> Value:
    data, gamma, beta, mean, variance = x
    if a["fix_gamma"]:
        gamma = w.constant(np.ones_like(w.array(beta)))
    return w.add("BatchNormalization", [data, gamma, beta, mean, variance], epsilon=a["eps"])


def _geometry(a: Values) -> dict[str, Any]:
    return {
        "kernel_shape": a["kernel"],
        "strides": a["stride"],
        "pads": (*a["pad"], *a["pad"]),
        "dilations": a["dilate"],
        "group": a["num_group"],
    }


def _convolution(w: _Writer, x: list[Value], a: Values) -> Value:
    return w.add("Conv", x, **_geometry(a))


def _deconvolution(w: _Writer, x: list[Value], a: Values) -> Value:
    return w.add("ConvTranspose", x, **_geometry(a), output_padding=a["adj"])


def _crop(w: _Writer, x: list[Value], a: Values) -> Value:
    size = w.sizes(x[1], 2, 4) if len(x) > 1 else w.ints(*a["h_w"])
    start = w.ints(*a["offset"])
    if a["center_crop"]:
        start = w.add("Div", [w.add("Sub", [w.sizes(x[0], 2, 4), size]), w.ints(2)])
    return w.add("Slice", [x[0], start, w.add("Add", [start, size]), w.ints(2, 3)])


def _flatten(w: _Writer, x: Value) -> Value:
    return w.add("Flatten", [x], rank=2, axis=1)


def _fully_connected(w: _Writer, x: list[Value], a: Values) -> Value:
    if a["flatten"]:
        return w.add("Gemm", [_flatten(w, x[0]), *x[1:]], transB=1)
    product = w.add("MatMul", [x[0], w.add("Transpose", [x[1]], perm=(1, 0))])
    return w.add("Add", [product, x[2]]) if len(x) > 2 else product


def _l2_normalization(w: _Writer, x: list[Value], a: Values) -> Value:
    axes = {"instance": range(1, x[0].rank), "channel": [1], "spatial": range(2, x[0].rank)}[a["mode"]]
    squares = w.add("ReduceSum", [w.add("Mul", [x[0], x[0]]), w.ints(*axes)], keepdims=1)
    return w.add("Div", [x[0], w.add("Sqrt", [w.add("Add", [squares, w.floats(a["eps"])])])])


def _leaky_relu(w: _Writer, x: list[Value], a: Values) -> Value:
    if a["act_type"] == "leaky":
        return w.add("LeakyRelu", x, alpha=a["slope"])
    behind = x[0].rank - 2  # dimensions after the channels, which share a slope
    return w.add("PRelu", [x[0], w.constant(w.array(x[1]).reshape(-1, *[1] * behind))])


def _max(w: _Writer, x: list[Value], a: Values) -> Value:
    axes = a["axis"] or tuple(range(x[0].rank))
    rank = x[0].rank if a["keepdims"] else x[0].rank - len(axes)
    result = w.add("ReduceMax", [x[0]], rank=rank, axes=axes, keepdims=int(a["keepdims"]))
    return result if rank else w.add("Reshape", [result, w.ints(1)], rank=1)  # MXNet knows no array of 0 dimensions


def _overhang(w: _Writer, x: Value, a: Values) -> Value:
    """Pixels past the padding covered by the last windows of `full` pooling: int64, for height and width.

    (kernel - size - 2 pad) modulo stride, as in `pool_overhang`.
    """
    rest = w.ints(*(kernel - 2 * pad for kernel, pad in zip(a["kernel"], a["pad"], strict=True)))
    return w.add("Mod", [w.add("Sub", [rest, w.sizes(x, 2, 4)]), w.ints(*a["stride"])])


def _padded(w: _Writer, x: Value, pad: Sequence[int], over: Value | None, value: float) -> Value:
    """Pad height and width of `x` by `pad` on both sides, and by `over` more at the end."""
    behind = w.ints(*pad) if over is None else w.add("Add", [w.ints(*pad), over])
    margins = w.join([w.ints(0, 0, *pad, 0, 0), behind])
    return w.add("Pad", [x, margins, w.floats(value)], mode="constant")


def _pooling(w: _Writer, x: list[Value], a: Values) -> Value:
    kind = a["pool_type"]
    if a["global_pool"]:
        if kind == "sum":
            return w.add("ReduceSum", [x[0], w.ints(2, 3)], keepdims=1)
        return w.add({"max": "GlobalMaxPool", "avg": "GlobalAveragePool"}[kind], x)
    window = {"kernel_shape": a["kernel"], "strides": a["stride"]}
    pads = (*a["pad"], *a["pad"])
    full = a["pooling_convention"] == "full"
    if kind == "max":
        if not full:
            return w.add("MaxPool", x, **window, pads=pads)
        return w.add("MaxPool", [_padded(w, x[0], a["pad"], _overhang(w, x[0], a), float(LOWEST))], **window)
    if kind == "avg" and not full:
        return w.add("AveragePool", x, **window, pads=pads, count_include_pad=int(a["count_include_pad"]))
    over = _overhang(w, x[0], a) if full else None
    mean = w.add("AveragePool", [_padded(w, x[0], a["pad"], over, 0.0)], **window)
    pixels = w.floats(float(np.prod(a["kernel"])))
    if kind == "sum":
        return w.add("Mul", [mean, pixels])
    assert over is not None  # the other conventions returned above
    return w.add("Div", [mean, _counted(w, x[0], over, a, window)])


def _counted(w: _Writer, x: Value, over: Value, a: Values, window: dict[str, Any]) -> Value:
    """The counted share of each averaging window, (1, 1, out H, out W): `pool_area` divided by the kernel's area.

    Computed as average pooling of a plane of ones.
    """
    plane = w.add("Expand", [w.floats([[[[1.0]]]]), w.join([w.ints(1, 1), w.sizes(x, 2, 4)])])
    if a["count_include_pad"]:
        plane = _padded(w, plane, a["pad"], None, 1.0)
        plane = _padded(w, plane, (0, 0), over, 0.0)
    else:
        plane = _padded(w, plane, a["pad"], over, 0.0)
    share = w.add("AveragePool", [plane], **window)
    return w.add("Max", [share, w.floats(np.finfo(np.float32).tiny)])  # an empty window has the mean 0


def _reshape(w: _Writer, x: list[Value], a: Values) -> Value:
    """See `reshape_target`; kept sizes are taken from the input at run time."""
    parts: list[Value] = []
    at = rank = 0
    codes = iter(a["shape"])
    for code in codes:
        kept = 1
        step = 1
        if code > 0 or code == -1:
            parts.append(w.ints(code))
        elif code == 0:
            parts.append(w.sizes(x[0], at, at + 1))
        elif code == -2:
            kept = step = x[0].rank - at
            if kept:
                parts.append(w.sizes(x[0], at, x[0].rank))
        elif code == -3:
            step = 2
            parts.append(w.add("Mul", [w.sizes(x[0], at, at + 1), w.sizes(x[0], at + 1, at + 2)]))
        else:
            kept = 2
            parts += _split(w, w.sizes(x[0], at, at + 1), next(codes), next(codes))
        at += step
        rank += kept
    # input dimensions are never 0, so no length is mistaken for the code 0 (copy)
    return w.add("Reshape", [x[0], w.join(parts)], rank=rank)


def _split(w: _Writer, whole: Value, left: int, right: int) -> list[Value]:
    if left == -1:
        return [w.add("Div", [whole, w.ints(right)]), w.ints(right)]
    return [w.ints(left), w.add("Div", [whole, w.ints(left)]) if right == -1 else w.ints(right)]


def _slice_axis(w: _Writer, x: list[Value], a: Values) -> Value:
    end = TO_THE_END if a["end"] is None else a["end"]
    return w.add("Slice", [x[0], w.ints(a["begin"]), w.ints(end), w.ints(a["axis"])])


def _softmax(w: _Writer, x: list[Value], a: Values) -> Value:
    value = x[0] if a["temperature"] is None else w.add("Div", [x[0], w.floats(a["temperature"])])
    return w.add("Softmax", [value], axis=a["axis"])


def _softmax_activation(w: _Writer, x: list[Value], a: Values) -> Value:
    return w.add("Softmax", x, axis=1 if a["mode"] == "channel" else -1)


def _softmax_output(w: _Writer, x: list[Value], a: Values) -> Value:
    if a["multi_output"] or a["preserve_shape"]:
        return w.add("Softmax", x, axis=1 if a["multi_output"] else -1)
    if x[0].rank == 2:
        return w.add("Softmax", x, axis=1)
    flat = w.add("Softmax", [_flatten(w, x[0])], axis=1)  # over all dimensions except the batch
    return w.add("Reshape", [flat, w.sizes(x[0], 0, x[0].rank)], rank=x[0].rank)


def _transpose(w: _Writer, x: list[Value], a: Values) -> Value:
    return w.add("Transpose", x, perm=a["axes"] or tuple(range(x[0].rank))[::-1])


def _up_sampling(w: _Writer, x: list[Value], a: Values) -> Value:
    scales = w.floats([1, 1, a["scale"], a["scale"]])
    nothing = Value("", 0)  # the region of interest, unused by nearest-neighbour scaling
    return w.add(
        "Resize", [x[0], nothing, scales], mode="nearest", coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )  # fmt: skip


def _same(w: _Writer, x: list[Value], a: Values) -> Value:
    return x[0]


def _arithmetic(op: str) -> Callable[[_Writer, list[Value], Values], Value]:
    def lower(w: _Writer, x: list[Value], a: Values) -> Value:
        second = x[1] if len(x) > 1 else w.floats(a["scalar"])
        return w.add(op, [x[0], second], rank=max(x[0].rank, second.rank))

    return lower


LOWER: dict[str, Callable[[_Writer, list[Value], Values], Value]] = {
    "Activation": _activation,
    "BatchNorm": _batch_norm,
    "Cast": _same,  # between float types; everything is computed in float32
    "Concat": lambda w, x, a: w.add("Concat", x, axis=a["dim"]),
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "Dropout": _same,
    "Flatten": lambda w, x, a: _flatten(w, x[0]),
    "FullyConnected": _fully_connected,
    "L2Normalization": _l2_normalization,
    "LeakyReLU": _leaky_relu,
    "Pooling": _pooling,
    "Reshape": _reshape,
    "SoftmaxActivation": _softmax_activation,
    "SoftmaxOutput": _softmax_output,
    "UpSampling": _up_sampling,
    "_copy": _same,
    "_div_scalar": _arithmetic("Div"),
    "_minus_scalar": _arithmetic("Sub"),
    "_mul_scalar": _arithmetic("Mul"),
    "_plus_scalar": _arithmetic("Add"),
    "broadcast_add": _arithmetic("Add"),
    "broadcast_mul": _arithmetic("Mul"),
    "clip": lambda w, x, a: w.add("Clip", [x[0], w.floats(a["a_min"]), w.floats(a["a_max"])]),
    "elemwise_add": _arithmetic("Add"),
    "elemwise_mul": _arithmetic("Mul"),
    "max": _max,
    "slice_axis": _slice_axis,
    "softmax": _softmax,
    "transpose": _transpose,
}
