"""Creates a network from a graph, on the engine for its device."""

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
    """Create a network from a graph.

    Parameters
    ----------
    graph : for example from `load_checkpoint`
    outputs : names of the outputs (`fc1_output`); None for those of the graph
    device : number of a CUDA device or `CPU`
    engine : "openvino" or "torch"; None for OpenVINO on the CPU and PyTorch on CUDA
    images : whether the network is fed with images (uint8, N x H x W x 3, BGR) instead of the graph's own input
        (planes); the conversion is then the first step of the network
    mean, std, rgb : the conversion of images, see `ImageInput`
    shapes : number of image sizes to keep compiled models for; None for a few (OpenVINO only)
    precision : FP32, FP16 (in PyTorch), BF16 (in OpenVINO), or INT8 for a network that
        `rcnn.networks.engine.int8` quantises later
    last : a step on tensors after the graph, on the device, to copy less back; PyTorch only

    Raises
    ------
    InputError
        If the graph contains something unsupported.
    """
    engine = engine or ("openvino" if device == CPU else "torch")
    part = graph.select(outputs)
    image = ImageInput(rgb, mean, std) if images else None
    if engine == "openvino":
        from .openvino import COMPILED_SHAPES, OpenVinoNetwork

        return OpenVinoNetwork(part, image, shapes or COMPILED_SHAPES, rough=precision == BF16)
    from .torch import TorchNetwork

    return TorchNetwork(part, device, image, half=precision == FP16, last=last)
