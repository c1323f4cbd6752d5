"""Makes a network of an ONNX file, on the engine that suits its device."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InputError
from ..precision import FP16, FP32
from .images import ImageInput
from .network import CPU, Network
from .onnx_graph import ONNX_RUNTIME, OPENVINO, OnnxGraph
from .onnx_openvino import OnnxOpenVinoNetwork
from .onnx_runtime import OnnxRuntimeNetwork
from .trial import try_onnx


def load_onnx_network(
    graph: OnnxGraph,
    outputs: Sequence[int] | None = None,
    *,
    device: int = CPU,
    engine: str | None = None,
    image: ImageInput | None = None,
    precision: str = FP32,
    tried: bool = False,
) -> Network:
    """Make a network of an ONNX file.

    On CUDA ONNX Runtime's CUDA provider runs it, not onnx2torch: that knows a part of the operators and of the opsets
    and would make another graph of the file; ONNX Runtime has a release every few months, knows all operators, and is
    what the authors of these files test them with.

    Parameters
    ----------
    outputs : numbers of the outputs to give, in their order; None for all
    device : number of a CUDA device or `CPU`
    engine : "openvino" or "onnxruntime"; None for OpenVINO on the CPU and ONNX Runtime on CUDA
    image : what is done to images that it is fed, one by one; None if it is fed its own input
    precision : FP32, or INT8 for a network that `rcnn.networks.engine.int8` is then to quantise
    tried : as for `OnnxGraph`, for the engine

    Raises
    ------
    InputError
        If what is needed is not installed, or the precision is none of these.
    """
    if precision == FP16:
        raise InputError(
            f"--precision fp16: {graph.path} computes as it was written; "
            f"python -m rcnn convert --precision fp16 writes a file that computes so"
        )
    chosen = tuple(range(len(graph.output_names)) if outputs is None else outputs)
    if (engine or (OPENVINO if device == CPU else ONNX_RUNTIME)) == OPENVINO:
        return OnnxOpenVinoNetwork(graph, chosen, image)
    if not tried:
        try_onnx(graph.path, ONNX_RUNTIME)
    return OnnxRuntimeNetwork(graph, chosen, image, device)
