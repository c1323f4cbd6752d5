"""An ONNX file in ONNX Runtime, on a CUDA device or the CPU. Needs onnx and onnxruntime (requirements-onnx.txt); on
CUDA, onnxruntime-gpu instead of onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ...installation import how_to_install
from ...workers.life import beat
from ...workers.pipeline import cores
from .images import ImageInput, image_planes
from .network import CPU
from .onnx_graph import OnnxGraph

CUDA_PROVIDER, CPU_PROVIDER = "CUDAExecutionProvider", "CPUExecutionProvider"
GPU_INSTALL = "pip uninstall onnxruntime; pip install onnxruntime-gpu"
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


def providers(device: int, available: Sequence[str]) -> list[Any]:
    """The execution providers of ONNX Runtime for a device.

    Parameters
    ----------
    device : number of a CUDA device or `CPU`
    available : providers of this build of ONNX Runtime

    Raises
    ------
    InputError
        If a CUDA device is given and this build has no CUDA provider.
    """
    if device == CPU:
        return [CPU_PROVIDER]
    if CUDA_PROVIDER not in available:
        raise InputError(
            f"--gpu {device}: this ONNX Runtime has no CUDA provider, which ONNX files need; "
            f"{GPU_INSTALL}, or give --gpu -1"
        )
    # TF32 has only 10 bits of mantissa, less precise than the CPU
    return [(CUDA_PROVIDER, {"device_id": device, "use_tf32": 0}), CPU_PROVIDER]


class OnnxRuntimeNetwork:
    """See `rcnn.networks.engine.Network`.

    Images run one by one, as in OpenVINO: many published detectors accept no batch, and results then do not depend on
    it.

    Parameters
    ----------
    outputs : indices of the file's outputs to return
    image : input format of images; None if it is fed with the graph's own input
    device : number of a CUDA device or `CPU`

    Raises
    ------
    InputError
        If a package is missing, or the file can't be run.
    """

    def __init__(self, graph: OnnxGraph, outputs: Sequence[int], image: ImageInput | None, device: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(f"{error.name} is not installed; {how_to_install('onnx')}") from None
        onnxruntime.set_default_logger_severity(3)  # errors
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        chosen = providers(device, onnxruntime.get_available_providers())
        try:
            self._session = onnxruntime.InferenceSession(_with_open_sizes(graph.path), options, providers=chosen)
        except Exception as error:  # its errors share no base class of their own
            reason = str(error).strip().splitlines()[-1][:200]
            raise InputError(f"{graph.path}: ONNX Runtime can't run it: {reason}") from None
        self._path = graph.path
        self._image = image
        given = self._session.get_inputs()[0]
        self._input, self._dtype = given.name, DTYPES.get(given.type, np.float32)
        names = [output.name for output in self._session.get_outputs()]
        self.output_names = tuple(names[number] for number in outputs)

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        if self._image is None:
            return self._run(data)
        rows = [self._run(image_planes(data[row : row + 1], self._image)) for row in range(len(data))]
        return [np.concatenate([_with_batch(output) for output in column]) for column in zip(*rows, strict=True)]

    def _run(self, data: np.ndarray) -> list[np.ndarray]:
        beat()
        try:
            found = self._session.run(self.output_names, {self._input: np.ascontiguousarray(data, self._dtype)})
        except Exception as error:  # its errors share no base class of their own
            if "memory" in str(error).lower():
                raise
            reason = str(error).strip().splitlines()[-1][:200]
            raise InputError(f"{self._path}: can't take an input of shape {data.shape}: {reason}") from None
        return [np.asarray(output, np.float32) for output in found]


def _with_batch(output: np.ndarray) -> np.ndarray:
    return output if output.ndim and output.shape[0] == 1 else output[None]


def _with_open_sizes(path: str) -> bytes:
    """The file with all input sizes dynamic: exporters fix the one that they traced."""
    try:
        import onnx
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; {how_to_install('onnx')}") from None
    model = onnx.load(path)
    constants = {constant.name for constant in model.graph.initializer}
    for given in model.graph.input:
        if given.name not in constants:
            for number, size in enumerate(given.type.tensor_type.shape.dim):
                if number != 1:  # the three channels stay fixed
                    size.dim_param = f"size{number}"
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model.SerializeToString()
