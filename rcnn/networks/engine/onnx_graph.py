"""Inspects the graph of an ONNX file.

OpenVINO reads the graph, whatever device runs it later, so no other package is required.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

import openvino as ov

from ...errors import InputError
from .openvino import core
from .trial import try_onnx

SUFFIX = ".onnx"
OPENVINO, ONNX_RUNTIME = "openvino", "onnxruntime"  # engines
READING = (RuntimeError, UnicodeDecodeError)  # the latter if its message contains bytes of a damaged file
ARITHMETIC = ("Add", "Subtract", "Multiply", "Divide")  # with constants, these are a normalisation
PASSING = ("Convert", "Transpose", "Reshape", "Squeeze", "Unsqueeze")  # may precede it
CONSTANT = ("Constant", "Convert")  # the latter for float16 weights
ASIDE = ("ShapeOf",)  # reads no pixel

OpenShape = tuple[int | None, ...]


def is_onnx(model: str) -> bool:
    """Whether a model is an ONNX file rather than a checkpoint."""
    return model.lower().endswith(SUFFIX)


class OnnxGraph:
    """The graph of an ONNX file.

    Parameters
    ----------
    path : of the file
    tried : True to skip the separate first run, see `rcnn.networks.engine.trial`

    Raises
    ------
    InputError
        If it does not exist, is damaged, contains an operator unknown to OpenVINO, or has more than one input.
    """

    def __init__(self, path: str, tried: bool = False) -> None:
        self.path = path
        if not os.path.isfile(path):
            raise InputError(f"{path}: there is no such file; put the model there")
        if not tried:
            try_onnx(path, OPENVINO)
        try:
            self.model: ov.Model = core().read_model(path)
        except READING as error:
            reason = " ".join(str(error).split())[-200:]
            raise InputError(
                f"{path}: OpenVINO can't read it ({reason}); get the file again or export it again"
            ) from None
        if len(self.model.inputs) != 1:
            names = ", ".join(self._name(port) for port in self.model.inputs) or "none"
            raise InputError(f"{path}: takes the inputs {names}; a network with one input is needed")

    @staticmethod
    def _name(port: Any) -> str:
        return min(port.get_names(), default="") or port.get_node().get_friendly_name()

    @property
    def input_shape(self) -> OpenShape:
        """Input shape, None for a dynamic size."""
        shape = self.model.inputs[0].get_partial_shape()
        if shape.rank.is_dynamic:
            return ()
        return tuple(None if size.is_dynamic else size.get_length() for size in shape)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in the order of the file."""
        return tuple(self._name(port) for port in self.model.outputs)

    def shapes_at(self, *shape: int) -> list[tuple[int, ...]] | None:
        """Shapes of the outputs for an input shape, None if it is not accepted."""
        model = self.model.clone()
        try:
            model.reshape(list(shape))
        except READING:
            return None
        if any(port.get_partial_shape().is_dynamic for port in model.outputs):
            return None
        return [tuple(port.shape) for port in model.outputs]

    @cached_property
    def normalises(self) -> bool:
        """Whether the first operations on the input are arithmetic with constants."""
        port = self.model.inputs[0]
        while True:
            readers = [target.get_node() for target in port.get_target_inputs()]
            readers = [node for node in readers if node.get_type_name() not in ASIDE]
            if len(readers) != 1:
                return False
            if readers[0].get_type_name() in ARITHMETIC:
                others = [source.get_source_output().get_node().get_type_name() for source in readers[0].inputs()]
                return any(kind in CONSTANT for kind in others if kind != "Parameter")
            if readers[0].get_type_name() not in PASSING:
                return False
            port = readers[0].output(0)

    def has_layer(self, name: str) -> bool:
        """Whether a node has this name, or is part of a layer with it (`conv1_1/Conv0`)."""
        return any(node.get_friendly_name().split("/")[0] == name for node in self.model.get_ordered_ops())
