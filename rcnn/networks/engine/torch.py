"""A graph as a PyTorch network, on a CUDA device or the CPU."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...errors import InputError
from ...workers.life import beat
from ..checkpoint import Graph
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

LANES = 2  # batches in flight on a CUDA device: one is computed while the other is copied
LARGEST_BATCH = 256  # rows; larger inputs are split

Last = Callable[[list[Tensor]], list[Tensor]]


def torch_device(device: int) -> torch.device:
    """The PyTorch device for a device number: CUDA devices from 0, negative for the CPU."""
    return torch.device("cuda", device) if device >= 0 else torch.device("cpu")


class TorchNetwork:
    """See `rcnn.networks.engine.Network`.

    Parameters
    ----------
    device : number of a CUDA device, negative for the CPU
    image : input format of images; None if it is fed with the graph's own input
    half : whether to compute in float16
    last : a step after the graph, on the device: maps a list of tensors to another, one row per image
    """

    def __init__(
        self,
        graph: Graph,
        device: int,
        image: ImageInput | None,
        half: bool = False,
        last: Last | None = None,
    ) -> None:
        self.output_names = graph.output_names
        self._graph = graph
        self._device = torch_device(device)
        if device >= 0:
            torch.backends.cudnn.allow_tf32 = False  # 10 bits of mantissa are too few for MXNet's results
        self._image = image
        self._last = last
        self._dtype = torch.float16 if half else torch.float32
        if image is not None:
            self._mean, self._std = (
                torch.tensor(values, device=self._device).reshape(1, 3, 1, 1) for values in (image.mean, image.std)
            )
        self._params = self._load(graph)
        self._last_use = last_uses(graph)
        self._lanes = [_Lane(self._device) for _ in range(LANES)] if device >= 0 else []
        self._idle: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for lane in self._lanes:
            self._idle.put(lane)
        if device >= 0:
            torch.cuda.synchronize(self._device)  # the lanes' streams do not wait for the copy of the weights

    def _load(self, graph: Graph) -> dict[str, Tensor]:
        exact = {graph.nodes[i].name for node in graph.nodes if node.op == "BatchNorm" for i in node.inputs[1:]}
        params = {}
        for name, array in graph.params.items():
            tensor = torch.from_numpy(np.array(array, np.float32)).to(self._device)
            if name not in exact:  # statistics and scales of BatchNorm stay float32, as PyTorch requires
                tensor = tensor.to(self._dtype)
            if tensor.ndim == 4 and self._device.type == "cuda":
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            params[name] = tensor
        return params

    @torch.inference_mode()
    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        data = np.ascontiguousarray(data)
        if not self._lanes:
            return [output.numpy() for output in self._run(torch.from_numpy(data))]
        parts = [self._on_lane(data[start : start + LARGEST_BATCH]) for start in range(0, len(data), LARGEST_BATCH)]
        return parts[0] if len(parts) == 1 else [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _on_lane(self, rows: np.ndarray) -> list[np.ndarray]:
        """Run rows through a CUDA graph for the next power of two, padded; the padding's results are removed."""
        count = len(rows)
        size = 1 << (count - 1).bit_length()
        lane = self._idle.get()  # waits while all lanes are busy
        beat()
        try:
            return lane.run(rows, (size, *rows.shape[1:]), self._run)
        finally:
            self._idle.put(lane)

    def _run(self, source: Tensor) -> list[Tensor]:
        """The outputs for an input on the device, float32 unless the last step returns another type."""
        shape = tuple(source.shape)
        if self._image is not None:
            source = self._planes(source)
        source = source.to(self._dtype)
        if source.ndim == 4 and self._device.type == "cuda":
            source = source.contiguous(memory_format=torch.channels_last)
        values: dict[int, Tensor] = {}
        for index, node in enumerate(self._graph.nodes):
            if node.op == VARIABLE:
                values[index] = self._params.get(node.name, source)
                continue
            try:
                values[index] = RUN[node.op]([values[i] for i in node.inputs], node.values)
            except (ValueError, RuntimeError, IndexError) as error:
                if "out of memory" in str(error):
                    raise
                few = isinstance(error, IndexError)
                reason = TOO_FEW_DIMENSIONS if few else str(error).strip().splitlines()[0][:200]
                raise InputError(
                    f"{self._graph.source}: layer {node.name} ({node.op}) can't take an input of shape "
                    f"{shape}: {reason}"
                ) from None
            for i in node.inputs:
                if self._last_use[i] == index:
                    del values[i]  # frees values that are no longer needed
        outputs = [values[index].float() for index in self._graph.outputs]
        return self._last(outputs) if self._last else outputs

    def _planes(self, images: Tensor) -> Tensor:
        """N x H x W x 3, uint8, BGR -> N x 3 x H x W, float32, as the network's input."""
        assert self._image is not None
        result = images.permute(0, 3, 1, 2)
        result = (result.flip(1) if self._image.rgb else result).to(torch.float32) - self._mean
        return result / self._std if any(std != 1 for std in self._image.std) else result


class _Lane:
    """A stream of a CUDA device with its own memory, and a CUDA graph per input shape.

    A graph replays all kernels of a network at the cost of one launch. Copies use pinned memory, so that they overlap
    with the other lane's kernels.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._captured: dict[tuple[Any, ...], _Captured] = {}

    def run(
        self, rows: np.ndarray, shape: tuple[int, ...], network: Callable[[Tensor], list[Tensor]]
    ) -> list[np.ndarray]:
        """The outputs for `rows`, which are padded to `shape`."""
        key = (shape, rows.dtype.str)
        with torch.cuda.stream(self._stream):
            if key not in self._captured:
                self._captured[key] = _Captured(torch.from_numpy(rows).dtype, shape, network, self._stream)
            captured = self._captured[key]
            captured.pinned_input[: len(rows)].copy_(torch.from_numpy(rows))
            captured.input.copy_(captured.pinned_input, non_blocking=True)
            captured.graph.replay()
            for pinned, output in zip(captured.pinned_outputs, captured.outputs, strict=True):
                pinned.copy_(output, non_blocking=True)
            self._stream.synchronize()
            return [pinned[: len(rows)].numpy().copy() for pinned in captured.pinned_outputs]


_capturing = threading.Lock()  # one capture at a time in the process


class _Captured:
    """A network for inputs of one shape and dtype, as a CUDA graph."""

    def __init__(
        self, dtype: torch.dtype, shape: tuple[int, ...], network: Callable[[Tensor], list[Tensor]], stream: Any
    ) -> None:
        self.pinned_input = torch.zeros(shape, dtype=dtype, pin_memory=True)
        self.input = self.pinned_input.to(stream.device)
        with _capturing:
            for _ in range(2):  # libraries select algorithms and allocate memory before the capture
                network(self.input)
            stream.synchronize()
            self.graph = torch.cuda.CUDAGraph()
            # other threads may use the device during the capture
            with torch.cuda.graph(self.graph, stream=stream, capture_error_mode="thread_local"):
                self.outputs = network(self.input)
        self.pinned_outputs = [torch.empty(o.shape, dtype=o.dtype, pin_memory=True) for o in self.outputs]


def last_uses(graph: Graph) -> dict[int, int]:
    uses = {i: index for index, node in enumerate(graph.nodes) for i in node.inputs}
    uses.update(dict.fromkeys(graph.outputs, len(graph.nodes)))
    return uses


def _activation(x: list[Tensor], a: Values) -> Tensor:
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softrelu": functional.softplus,
        "softsign": functional.softsign,
    }
    return kinds[a["act_type"]](x[0])


def _batch_norm(x: list[Tensor], a: Values) -> Tensor:
    data, gamma, beta, mean, variance = x
    return functional.batch_norm(data, mean, variance, None if a["fix_gamma"] else gamma, beta, eps=a["eps"])


def _bias(x: list[Tensor]) -> Tensor | None:
    return x[2] if len(x) > 2 else None


def _convolution(x: list[Tensor], a: Values) -> Tensor:
    return functional.conv2d(x[0], x[1], _bias(x), a["stride"], a["pad"], a["dilate"], a["num_group"])


def _deconvolution(x: list[Tensor], a: Values) -> Tensor:
    return functional.conv_transpose2d(
        x[0], x[1], _bias(x), a["stride"], a["pad"], a["adj"], a["num_group"], a["dilate"]
    )


def _crop(x: list[Tensor], a: Values) -> Tensor:
    top, left, height, width = crop_window(x[0].shape, x[1].shape if len(x) > 1 else None, a)
    return x[0][:, :, top : top + height, left : left + width]


def _fully_connected(x: list[Tensor], a: Values) -> Tensor:
    return functional.linear(x[0].flatten(1) if a["flatten"] else x[0], x[1], _bias(x))


def _l2_normalization(x: list[Tensor], a: Values) -> Tensor:
    axes = {"instance": range(1, x[0].ndim), "channel": [1], "spatial": range(2, x[0].ndim)}[a["mode"]]
    squares = x[0].float().square().sum(tuple(axes), keepdim=True)  # may exceed the range of float16
    return x[0] / torch.sqrt(squares + a["eps"]).to(x[0].dtype)


def _leaky_relu(x: list[Tensor], a: Values) -> Tensor:
    if a["act_type"] == "prelu":
        return functional.prelu(x[0], x[1])
    return functional.leaky_relu(x[0], a["slope"])


def _max(x: list[Tensor], a: Values) -> Tensor:
    result = x[0].amax(a["axis"] or tuple(range(x[0].ndim)), a["keepdims"])
    return result if result.ndim else result.reshape(1)  # MXNet knows no array of 0 dimensions


def _pooling(x: list[Tensor], a: Values) -> Tensor:
    kind = a["pool_type"]
    if a["global_pool"]:
        kinds: dict[str, Callable[..., Tensor]] = {"max": torch.amax, "avg": torch.mean, "sum": torch.sum}
        return kinds[kind](x[0], dim=(2, 3), keepdim=True)
    size = tuple(x[0].shape[2:])
    kernel, stride, pad = a["kernel"], a["stride"], a["pad"]
    over = [pool_overhang(size[i], kernel[i], stride[i], pad[i], a["pooling_convention"]) for i in range(2)]
    margins = (pad[1], pad[1] + over[1], pad[0], pad[0] + over[0])
    if kind == "max":  # MXNet returns the lowest float for an empty window
        return functional.max_pool2d(functional.pad(x[0], margins, value=torch.finfo(x[0].dtype).min), kernel, stride)
    total = functional.avg_pool2d(functional.pad(x[0], margins), kernel, stride, divisor_override=1)
    if kind == "sum":
        return total
    return total / _area(size, tuple(sorted(a.items())), total.dtype, total.device)


@lru_cache(maxsize=64)
def _area(size: tuple[int, ...], items: tuple[tuple[str, Any], ...], dtype: torch.dtype, device: Any) -> Tensor:
    """Cached on the device, because nothing may be copied there during a CUDA graph capture."""
    return torch.from_numpy(pool_area(size, dict(items))).to(device, dtype)


def _slice_axis(x: list[Tensor], a: Values) -> Tensor:
    window = [slice(None)] * x[0].ndim
    window[a["axis"]] = slice(*slice_window(x[0].shape[a["axis"]], a))
    return x[0][tuple(window)]


def _softmax(x: list[Tensor], a: Values) -> Tensor:
    return torch.softmax(x[0] / (a["temperature"] or 1.0), a["axis"])


def _softmax_activation(x: list[Tensor], a: Values) -> Tensor:
    return torch.softmax(x[0], 1 if a["mode"] == "channel" else -1)


def _softmax_output(x: list[Tensor], a: Values) -> Tensor:
    if a["multi_output"] or a["preserve_shape"]:
        return torch.softmax(x[0], 1 if a["multi_output"] else -1)
    return torch.softmax(x[0].flatten(1), 1).reshape(x[0].shape)  # over all dimensions except the batch


def _up_sampling(x: list[Tensor], a: Values) -> Tensor:
    return x[0].repeat_interleave(a["scale"], 2).repeat_interleave(a["scale"], 3)


def _same(x: list[Tensor], a: Values) -> Tensor:
    return x[0]


def _elementwise(operation: Callable[[Tensor, Tensor], Tensor]) -> Callable[[list[Tensor], Values], Tensor]:
    def apply(x: list[Tensor], a: Values) -> Tensor:
        if x[0].shape != x[1].shape:
            raise ValueError(f"its inputs have the shapes {tuple(x[0].shape)} and {tuple(x[1].shape)}")
        return operation(x[0], x[1])

    return apply


def _arithmetic(operation: Callable[[Tensor, Any], Tensor]) -> Callable[[list[Tensor], Values], Tensor]:
    return lambda x, a: operation(x[0], x[1] if len(x) > 1 else a["scalar"])


RUN: dict[str, Callable[[list[Tensor], Values], Tensor]] = {
    "Activation": _activation,
    "BatchNorm": _batch_norm,
    "Cast": _same,  # between float types; everything is computed in float32
    "Concat": lambda x, a: torch.cat(x, a["dim"]),
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "Dropout": _same,
    "Flatten": lambda x, a: x[0].flatten(1),
    "FullyConnected": _fully_connected,
    "L2Normalization": _l2_normalization,
    "LeakyReLU": _leaky_relu,
    "Pooling": _pooling,
    "Reshape": lambda x, a: x[0].reshape(reshape_target(x[0].shape, a["shape"])),
    "SoftmaxActivation": _softmax_activation,
    "SoftmaxOutput": _softmax_output,
    "UpSampling": _up_sampling,
    "_copy": _same,
    "_div_scalar": _arithmetic(torch.div),
    "_minus_scalar": _arithmetic(torch.sub),
    "_mul_scalar": _arithmetic(torch.mul),
    "_plus_scalar": _arithmetic(torch.add),
    "broadcast_add": _arithmetic(torch.add),
    "broadcast_mul": _arithmetic(torch.mul),
    "clip": lambda x, a: x[0].clamp(a["a_min"], a["a_max"]),
    "elemwise_add": _elementwise(torch.add),
    "elemwise_mul": _elementwise(torch.mul),
    "max": _max,
    "slice_axis": _slice_axis,
    "softmax": _softmax,
    "transpose": lambda x, a: x[0].permute(a["axes"] or tuple(range(x[0].ndim))[::-1]),
}
