"""Networks on devices: a graph in, arrays in, arrays out; OpenVINO on the CPU, PyTorch on CUDA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ...errors import InputError
from ..checkpoint import Graph
from ..precision import FP16, FP32, INT8
from .images import NO_MEAN, ONES, ImageInput, Three

CPU = -1
ENGINES = ("openvino", "torch")


class Network(Protocol):
    """A network that is ready to run. Several threads may call it at the same time.

    output_names : names of what a call returns, in its order
    """

    output_names: tuple[str, ...]

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        """Run one batch.

        Parameters
        ----------
        data : float32 or uint8; (N, ...) as the graph wants it, or, for a network made with `images`,
            (N, H, W, 3) uint8, BGR.

        Returns
        -------
        float32 arrays, one an output.

        Raises
        ------
        InputError
            If the graph can't take an array of this shape.
        """
        ...


def choose_device(gpu: int | None) -> int:
    """The CUDA device that `--gpu` means, or `CPU`.

    Parameters
    ----------
    gpu : number of a device, -1 for the CPU, None for the first device if there is one and else the CPU.

    Raises
    ------
    InputError
        If a device was asked for by number and is not there.
    """
    if gpu is not None and gpu < 0:
        return CPU
    import torch  # takes a second to load, which a run on the CPU need not wait for

    count = torch.cuda.device_count()
    if gpu is None:
        return 0 if count else CPU
    if gpu >= count:
        there = f"only {count} are" if count else "none is"
        raise InputError(f"--gpu {gpu}: there is no CUDA device {gpu} ({there} here); use --gpu -1 for the CPU")
    return gpu


def check_precision(precision: str, device: int) -> None:
    """Whether a device computes with a precision.

    Raises
    ------
    InputError
        If not.
    """
    if precision == FP16 and device == CPU:
        raise InputError("--precision fp16: needs CUDA; on the CPU use fp32 (exact) or int8 (faster)")
    if precision == INT8 and device != CPU:
        raise InputError("--precision int8: is for the CPU; with CUDA use fp32 (exact) or fp16 (faster)")


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
    precision : FP32, FP16 (in PyTorch), or INT8 for a network that `rcnn.networks.engine.int8` is then to quantise
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

        return OpenVinoNetwork(part, image, shapes or COMPILED_SHAPES)
    from .torch import TorchNetwork

    return TorchNetwork(part, device, image, half=precision == FP16, last=last)
