"""Makes a network of a graph, on the engine that suits its device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..checkpoint import Graph
from ..precision import BF16, FP16, FP32
from .images import NO_MEAN, ONES, ImageInput, Three
from .network import CPU, Network


def load_network(
    graph: Graph,
    outputs: Sequence[str] | None = None,
    *,
    device: int = CPU,
    engine: str | None = None,
    images: bool = False,
    mean: Three = NO_MEAN,
    std: Three = ONES,
    rgb: bool = True,
    shapes: int | None = None,
    precision: str = FP32,
    last: Callable[[list[Any]], list[Any]] | None = None,
) -> Network:
    """Make a network of a graph.

    Parameters
    ----------
    graph : as `load_checkpoint` gives it
    outputs : names of the outputs (`fc1_output`); None for those of the graph
    device : number of a CUDA device or `CPU`
    engine : "openvino" or "torch"; None for OpenVINO on the CPU and PyTorch on CUDA
    images : whether the network is fed images (uint8, N x H x W x 3, BGR) in place of the graph's own input
        (planes); the change of order and layout is then the first step of the network
    mean, std, rgb : what is done to images, see `ImageInput`
    shapes : sizes of images that it is to be ready for at the same time; None for a few (OpenVINO only)
    precision : FP32, FP16 (in PyTorch), BF16 (in OpenVINO), or INT8 for a network that
        `rcnn.networks.engine.int8` is then to quantise
    last : a step on PyTorch's tensors after the graph, on the device, so that less is copied back; PyTorch only

    Raises
    ------
    InputError
        If the graph holds something that is not supported.
    """
    engine = engine or ("openvino" if device == CPU else "torch")
    part = graph.select(outputs)
    image = ImageInput(rgb, mean, std) if images else None
    if engine == "openvino":
        from .openvino import COMPILED_SHAPES, OpenVinoNetwork

        return OpenVinoNetwork(part, image, shapes or COMPILED_SHAPES, rough=precision == BF16)
    from .torch import TorchNetwork

    return TorchNetwork(part, device, image, half=precision == FP16, last=last)
