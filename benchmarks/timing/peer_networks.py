"""Networks in alternative runtimes with their defaults: MXNet 1.9.1 and ONNX Runtime.

Requires only numpy and the runtime, to run in environments without this project.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

Network = Callable[[np.ndarray], list[np.ndarray]]  # planes, float32, N x 3 x H x W, RGB -> outputs
EMBEDDING = "fc1_output"
FUSION = "MXNET_SUBGRAPH_BACKEND"


def load_network(engine: str, model: str) -> Network:
    """A network on the CPU, with the runtime's own choice of threads.

    Parameters
    ----------
    engine : mxnet or onnx
    model : `PREFIX,EPOCH` for MXNet, a file for ONNX Runtime
    """
    return MxnetNetwork(model) if engine == "mxnet" else OnnxNetwork(model)


class OnnxNetwork:
    """A network in ONNX Runtime."""

    def __init__(self, path: str) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def __call__(self, planes: np.ndarray) -> list[np.ndarray]:
        return self.session.run(None, {self.input: planes})


class MxnetNetwork:
    """A network in MXNet, up to `fc1_output` if it exists; bound once per input shape."""

    def __init__(self, model: str) -> None:
        import mxnet

        self.mxnet = mxnet
        prefix, epoch = model.rsplit(",", 1)
        symbol, self.arguments, self.auxiliary = mxnet.model.load_checkpoint(prefix, int(epoch))
        inner = symbol.get_internals()
        self.symbol = inner[EMBEDDING] if EMBEDDING in inner.list_outputs() else symbol
        self.modules: dict[tuple[int, ...], Any] = {}

    def __call__(self, planes: np.ndarray) -> list[np.ndarray]:
        if planes.shape not in self.modules:
            self.modules[planes.shape] = self._bind(planes)
        return self._forward(self.modules[planes.shape], planes)

    def _bind(self, planes: np.ndarray) -> Any:
        """With oneDNN's fused layers, MXNet's default; without them if MXNet fails, as on MobileFaceNet."""
        module = self._module(planes.shape)
        try:
            for _ in range(2):  # it fails at the second run
                self._forward(module, planes)
        except self.mxnet.base.MXNetError:
            os.environ[FUSION] = "NONE"  # read when a network is bound
            module = self._module(planes.shape)
            del os.environ[FUSION]
        return module

    def _module(self, shape: tuple[int, ...]) -> Any:
        module = self.mxnet.mod.Module(self.symbol, context=self.mxnet.cpu(), label_names=None)
        module.bind(data_shapes=[("data", shape)], for_training=False)
        module.set_params(self.arguments, self.auxiliary, allow_extra=True)
        return module

    def _forward(self, module: Any, planes: np.ndarray) -> list[np.ndarray]:
        module.forward(self.mxnet.io.DataBatch([self.mxnet.nd.array(planes)]), is_train=False)
        return [output.asnumpy() for output in module.get_outputs()]
