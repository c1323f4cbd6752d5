"""Creates a network from an ONNX file, on the engine for its device."""

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
    """Create a network from an ONNX file.

    On CUDA, ONNX Runtime's CUDA provider runs it. onnx2torch is not used: it supports only some operators and opsets,
    and would change the graph. ONNX Runtime is released every few months, supports all operators, and is what the
    authors of these files test with.

    Parameters
    ----------
    outputs : indices of the outputs to return, in this order; None for all
    device : number of a CUDA device or `CPU`
    engine : "openvino" or "onnxruntime"; None for OpenVINO on the CPU and ONNX Runtime on CUDA
    image : input format of images, which run one by one; None if it is fed with its own input
    precision : FP32, or INT8 for a network that `rcnn.networks.engine.int8` quantises later
    tried : as for `OnnxGraph`, with this engine

    Raises
    ------
    InputError
        If a required package is not installed, or the precision is not supported.
    """
    if precision == FP16:
        raise InputError(
            f"--precision fp16: {graph.path} has a fixed precision; "
            f"python -m rcnn convert --precision fp16 writes a file in float16"
        )
    chosen = tuple(range(len(graph.output_names)) if outputs is None else outputs)
    if (engine or (OPENVINO if device == CPU else ONNX_RUNTIME)) == OPENVINO:
        return OnnxOpenVinoNetwork(graph, chosen, image)
    if not tried:
        try_onnx(graph.path, ONNX_RUNTIME)
    return OnnxRuntimeNetwork(graph, chosen, image, device)
