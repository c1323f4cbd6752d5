"""A graph as an OpenVINO model on the CPU.

A model is compiled for each input shape, so that inner shapes are constant and OpenVINO plans its memory once. Images
run one by one, one core each: the working set of an image stays in that core's cache, unlike that of a batch (batches
of 8 were 20% slower with RetinaFace, batches of 32 30% with MobileFaceNet), and the result does not depend on the other
images.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from ...errors import InputError
from ...workers.life import beat
from ...workers.pipeline import cores, shares_cores
from ..checkpoint import Graph, Node
from ..checkpoint.operators import (
    TOO_FEW_DIMENSIONS,
    VARIABLE,
    Values,
    crop_window,
    pool_area,
    pool_overhang,
    reshape_target,
    slice_window,
)
from .images import ImageInput

# compiled ones are kept, the least recently used are dropped: a detector has 8 canvases, and 8 half as large
COMPILED_SHAPES = 16
LARGEST_MAP = 1 << 28  # values per image in a layer's output, or per output in weights: 1 GiB
PRECISION = "f32"  # machines with AMX would otherwise use bfloat16
ONE_STREAM = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}  # on all cores
ROUGH_PRECISION = "bf16"  # on request, if the processor supports it

Value = Any  # openvino.Output or openvino.Node


@cache
def core() -> ov.Core:
    """The OpenVINO runtime, one object per process."""
    return ov.Core()


class _Requests:
    """The inference requests of a compiled model, each with its own memory, used by one call at a time."""

    def __init__(self, model: ov.CompiledModel) -> None:
        self.model = model
        self._idle: list[ov.InferRequest] = []

    @contextmanager
    def borrowed(self, count: int) -> Iterator[list[ov.InferRequest]]:
        lent: list[ov.InferRequest] = []
        try:
            while len(lent) < count:
                try:
                    lent.append(self._idle.pop())  # atomic, so no lock
                except IndexError:
                    lent.append(self.model.create_infer_request())
            yield lent
        finally:
            for request in lent:
                request.wait()  # it may still read memory that the caller is about to free
            self._idle += lent


class OpenVinoNetwork:
    """See `rcnn.networks.engine.Network`.

    Parameters
    ----------
    image : input format of images; None if it is fed with the graph's own input
    shapes : number of input shapes with a cached compiled model
    rough : whether to multiply in bfloat16

    Attributes
    ----------
    alone : whether a call with one image uses all cores instead of one, for calls that come one at a time. The first
        such call of a size compiles the model again
    """

    alone = False

    def __init__(
        self, graph: Graph, image: ImageInput | None, shapes: int = COMPILED_SHAPES, rough: bool = False
    ) -> None:
        self._graph = graph
        self._begin(graph.output_names, image, shapes, rough)

    def _begin(self, output_names: tuple[str, ...], image: ImageInput | None, shapes: int, rough: bool = False) -> None:
        """Initialise everything except the source of the model."""
        self.output_names = output_names
        images = image is not None
        self._image = image
        self._shapes = shapes
        self._streams = cores() if images else 1
        self._settings = {
            "INFERENCE_PRECISION_HINT": ROUGH_PRECISION if rough else PRECISION,
            "PERFORMANCE_HINT": "THROUGHPUT" if images else "LATENCY",
            "NUM_STREAMS": self._streams,
            "INFERENCE_NUM_THREADS": cores(),
        }
        if shares_cores():
            self._settings["ENABLE_CPU_PINNING"] = False
        self._compiled: OrderedDict[tuple[Any, ...], _Requests] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        data = np.ascontiguousarray(data)
        if self._image is not None:
            return self._one_by_one(data)
        with self._requests(data.shape, data.dtype).borrowed(1) as (request,):
            results = request.infer([data], share_inputs=True, share_outputs=False)
            return [results[index] for index in range(len(self.output_names))]

    def _one_by_one(self, images: np.ndarray) -> list[np.ndarray]:
        """Run each image on its own stream, as many at a time as there are streams."""
        count = len(images)
        outputs: list[np.ndarray] = []
        requests = self._requests((1, *images.shape[1:]), images.dtype, alone=self.alone and count == 1)
        with requests.borrowed(min(count, self._streams)) as lent:
            for number in range(count + len(lent)):
                request = lent[number % len(lent)]
                done = number - len(lent)
                if done >= 0:
                    request.wait()
                    beat()
                    results = [request.get_output_tensor(i).data for i in range(len(self.output_names))]
                    outputs = outputs or [np.empty((count, *result.shape[1:]), np.float32) for result in results]
                    for output, result in zip(outputs, results, strict=True):
                        output[done : done + 1] = result
                if number < count:
                    request.start_async([images[number : number + 1]], share_inputs=True)
        return outputs

    def _requests(self, shape: tuple[int, ...], dtype: np.dtype, alone: bool = False) -> _Requests:
        key = (shape, dtype.str, alone)
        settings = {**self._settings, **ONE_STREAM} if alone else self._settings
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = _Requests(core().compile_model(self.model(shape, dtype), "CPU", settings))
                if len(self._compiled) > self._shapes:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(key)
            return self._compiled[key]

    def model(self, shape: tuple[int, ...], dtype: np.dtype) -> ov.Model:
        """The network for inputs of a given shape and dtype.

        Raises
        ------
        InputError
            If the graph does not accept them.
        """
        parameter = ops.parameter(shape, dtype, name="data")
        data = ops.convert(parameter, np.float32) if dtype != np.float32 else parameter.output(0)
        if self._image is not None:
            data = lower_images(data, self._image)
        values: list[Value] = []
        for node in self._graph.nodes:
            try:
                values.append(_bounded(self._lower(node, [values[index] for index in node.inputs], data)))
            except (ValueError, RuntimeError, IndexError, MemoryError) as error:
                few = isinstance(error, IndexError)
                reason = TOO_FEW_DIMENSIONS if few else (str(error).strip().splitlines() or ["too large"])[-1][:200]
                raise InputError(
                    f"{self._graph.source}: layer {node.name} ({node.op}) can't take an input of shape "
                    f"{shape}: {reason}"
                ) from None
        return ov.Model([ops.result(values[index]) for index in self._graph.outputs], [parameter], "graph")

    def _lower(self, node: Node, inputs: list[Value], data: Value) -> Value:
        if node.op != VARIABLE:
            return LOWER[node.op](inputs, node.values)
        if node.name not in self._graph.params:
            return data
        return ops.constant(np.asarray(self._graph.params[node.name], np.float32), shared_memory=False)


def _bounded(value: Value) -> Value:
    shape = _shape(value)
    if math.prod(shape[1:]) > LARGEST_MAP:
        raise ValueError(f"its result of shape {shape} is too large, at most {LARGEST_MAP} values per image")
    return value


def lower_images(images: Value, image: ImageInput) -> Value:
    """N x H x W x 3, float32, BGR -> N x 3 x H x W as the network's input."""
    result = ops.transpose(images, _ints((0, 3, 1, 2)))
    if image.rgb:
        result = ops.gather(result, _ints((2, 1, 0)), _ints(1))
    if any(image.mean):
        result = ops.subtract(result, _floats(np.reshape(image.mean, (1, 3, 1, 1))))
    if any(std != 1 for std in image.std):
        result = ops.divide(result, _floats(np.reshape(image.std, (1, 3, 1, 1))))
    return result


def _ints(values: Any) -> Value:
    return ops.constant(np.asarray(values, np.int64))


def _floats(values: Any) -> Value:
    return ops.constant(np.asarray(values, np.float32))


def _shape(value: Value) -> list[int]:
    return list((value.output(0) if isinstance(value, ov.Node) else value).shape)


def _reshape(value: Value, shape: Sequence[int]) -> Value:
    return ops.reshape(value, _ints(shape), special_zero=False)


def _activation(x: list[Value], a: Values) -> Value:
    kinds: dict[str, Callable[[Value], Value]] = {
        "relu": ops.relu,
        "sigmoid": ops.sigmoid,
        "tanh": ops.tanh,
        "softrelu": ops.softplus,
        "softsign": ops.softsign,
    }
    return kinds[a["act_type"]](x[0])


def _batch_norm(x: list[Value], a: Values) -> Value:
    gamma = _floats(np.ones(_shape(x[2]))) if a["fix_gamma"] else x[1]
    return ops.batch_norm_inference(x[0], gamma, x[2], x[3], x[4], a["eps"])


def _grouped(weight: Value, groups: int) -> Value:
    shape = _shape(weight)
    return _reshape(weight, (groups, shape[0] // groups, *shape[1:]))


def _add_bias(value: Value, x: list[Value]) -> Value:
    return value if len(x) < 3 else ops.add(value, _reshape(x[2], (1, -1, 1, 1)))


def _convolution(x: list[Value], a: Values) -> Value:
    geometry = (list(a["stride"]), list(a["pad"]), list(a["pad"]), list(a["dilate"]))
    if a["num_group"] == 1:
        return _add_bias(ops.convolution(x[0], x[1], *geometry), x)
    return _add_bias(ops.group_convolution(x[0], _grouped(x[1], a["num_group"]), *geometry), x)


def _deconvolution(x: list[Value], a: Values) -> Value:
    geometry = {
        "strides": list(a["stride"]),
        "pads_begin": list(a["pad"]),
        "pads_end": list(a["pad"]),
        "dilations": list(a["dilate"]),
        "output_padding": list(a["adj"]),
    }
    if a["num_group"] == 1:
        return _add_bias(ops.convolution_backprop_data(x[0], x[1], **geometry), x)
    weight = _grouped(x[1], a["num_group"])
    return _add_bias(ops.group_convolution_backprop_data(x[0], weight, **geometry), x)


def _crop(x: list[Value], a: Values) -> Value:
    top, left, height, width = crop_window(_shape(x[0]), _shape(x[1]) if len(x) > 1 else None, a)
    return ops.slice(x[0], _ints((top, left)), _ints((top + height, left + width)), _ints((1, 1)), _ints((2, 3)))


def _flatten(x: list[Value]) -> Value:
    return _reshape(x[0], (_shape(x[0])[0], -1))


def _fully_connected(x: list[Value], a: Values) -> Value:
    flat = _flatten(x) if a["flatten"] else x[0]
    product = ops.matmul(flat, x[1], False, True)
    return product if a["no_bias"] else ops.add(product, x[2])


def _l2_normalization(x: list[Value], a: Values) -> Value:
    rank = len(_shape(x[0]))
    axes = {"instance": range(1, rank), "channel": [1], "spatial": range(2, rank)}[a["mode"]]
    squares = ops.reduce_sum(ops.multiply(x[0], x[0]), _ints(list(axes)), True)
    return ops.divide(x[0], ops.sqrt(ops.add(squares, _floats(a["eps"]))))


def _leaky_relu(x: list[Value], a: Values) -> Value:
    if a["act_type"] == "leaky":
        return ops.prelu(x[0], _floats([a["slope"]]))
    slopes, channels = _shape(x[1]), _shape(x[0])[1]
    if slopes not in ([1], [channels]):
        raise ValueError(f"slopes of shape {slopes} for {channels} channels")
    return ops.prelu(x[0], x[1])


def _max(x: list[Value], a: Values) -> Value:
    rank = len(_shape(x[0]))
    result = ops.reduce_max(x[0], _ints(list(a["axis"] or range(rank))), a["keepdims"])
    return result if _shape(result) else _reshape(result, (1,))  # MXNet knows no array of 0 dimensions


def _pooling(x: list[Value], a: Values) -> Value:
    kind = a["pool_type"]
    if a["global_pool"]:
        reduce = {"max": ops.reduce_max, "avg": ops.reduce_mean, "sum": ops.reduce_sum}[kind]
        return reduce(x[0], _ints((2, 3)), True)
    kernel, stride, pad = a["kernel"], a["stride"], a["pad"]
    shape = _shape(x[0])
    over = [pool_overhang(shape[2 + i], kernel[i], stride[i], pad[i], a["pooling_convention"]) for i in range(2)]
    ends = [pad[i] + over[i] for i in range(2)]
    if kind == "max":
        return ops.max_pool(x[0], list(stride), [1, 1], list(pad), ends, list(kernel), "floor").output(0)
    padded = ops.pad(x[0], _ints((0, 0, *pad)), _ints((0, 0, *ends)), "constant", _floats(0))
    mean = ops.avg_pool(padded, list(stride), [0, 0], [0, 0], list(kernel), False, "floor")
    area = float(kernel[0] * kernel[1])
    if kind == "sum":
        return ops.multiply(mean, _floats(area))
    return ops.multiply(mean, _floats(area / pool_area(shape[2:], a)[None, None]))


def _slice_axis(x: list[Value], a: Values) -> Value:
    begin, end = slice_window(_shape(x[0])[a["axis"]], a)
    return ops.slice(x[0], _ints([begin]), _ints([end]), _ints([1]), _ints([a["axis"]]))


def _softmax(x: list[Value], a: Values) -> Value:
    value = x[0] if a["temperature"] is None else ops.divide(x[0], _floats(a["temperature"]))
    return ops.softmax(value, a["axis"])


def _softmax_activation(x: list[Value], a: Values) -> Value:
    return ops.softmax(x[0], 1 if a["mode"] == "channel" else -1)


def _softmax_output(x: list[Value], a: Values) -> Value:
    if a["multi_output"] or a["preserve_shape"]:
        return ops.softmax(x[0], 1 if a["multi_output"] else -1)
    return _reshape(ops.softmax(_flatten(x), 1), _shape(x[0]))  # over all dimensions except the batch


def _transpose(x: list[Value], a: Values) -> Value:
    axes = a["axes"] or tuple(range(len(_shape(x[0]))))[::-1]
    return ops.transpose(x[0], _ints(axes))


def _up_sampling(x: list[Value], a: Values) -> Value:
    scale = a["scale"]
    sizes = [length * scale for length in _shape(x[0])[2:]]
    return ops.interpolate(
        x[0], np.array(sizes), "nearest", "sizes", axes=np.array([2, 3]), coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )  # fmt: skip


def _same(x: list[Value], a: Values) -> Value:
    return x[0]


def _elementwise(operation: Callable[[Value, Value], Value]) -> Callable[[list[Value], Values], Value]:
    def apply(x: list[Value], a: Values) -> Value:
        if _shape(x[0]) != _shape(x[1]):
            raise ValueError(f"its inputs have the shapes {_shape(x[0])} and {_shape(x[1])}")
        return operation(x[0], x[1])

    return apply


def _arithmetic(operation: Callable[[Value, Value], Value]) -> Callable[[list[Value], Values], Value]:
    return lambda x, a: operation(x[0], x[1] if len(x) > 1 else _floats(a["scalar"]))


LOWER: dict[str, Callable[[list[Value], Values], Value]] = {
    "Activation": _activation,
    "BatchNorm": _batch_norm,
    "Cast": _same,  # between float types; everything is computed in float32
    "Concat": lambda x, a: ops.concat(x, a["dim"]),
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "Dropout": _same,
    "Flatten": lambda x, a: _flatten(x),
    "FullyConnected": _fully_connected,
    "L2Normalization": _l2_normalization,
    "LeakyReLU": _leaky_relu,
    "Pooling": _pooling,
    "Reshape": lambda x, a: _reshape(x[0], reshape_target(_shape(x[0]), a["shape"])),
    "SoftmaxActivation": _softmax_activation,
    "SoftmaxOutput": _softmax_output,
    "UpSampling": _up_sampling,
    "_copy": _same,
    "_div_scalar": _arithmetic(ops.divide),
    "_minus_scalar": _arithmetic(ops.subtract),
    "_mul_scalar": _arithmetic(ops.multiply),
    "_plus_scalar": _arithmetic(ops.add),
    "broadcast_add": _arithmetic(ops.add),
    "broadcast_mul": _arithmetic(ops.multiply),
    "clip": lambda x, a: ops.clamp(x[0], a["a_min"], a["a_max"]),
    "elemwise_add": _elementwise(ops.add),
    "elemwise_mul": _elementwise(ops.multiply),
    "max": _max,
    "slice_axis": _slice_axis,
    "softmax": _softmax,
    "transpose": _transpose,
}
