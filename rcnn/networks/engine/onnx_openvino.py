"""An ONNX file as an OpenVINO model on the CPU. Dynamic sizes are fixed before a model is compiled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from ...errors import InputError
from .images import ImageInput
from .onnx_graph import READING, OnnxGraph
from .openvino import COMPILED_SHAPES, OpenVinoNetwork, lower_images


class OnnxOpenVinoNetwork(OpenVinoNetwork):
    """See `rcnn.networks.engine.Network`.

    Images run one by one, so each output of a network fed with images has the batch as its first dimension, even if the
    file's output lacks one (as SCRFD's).

    Parameters
    ----------
    outputs : indices of the file's outputs to return
    image : input format of images; None if it is fed with the graph's own input
    """

    def __init__(self, graph: OnnxGraph, outputs: Sequence[int], image: ImageInput | None) -> None:
        self._onnx = graph
        self._chosen = tuple(outputs)
        self._begin(tuple(graph.output_names[number] for number in outputs), image, COMPILED_SHAPES)

    def model(self, shape: tuple[int, ...], dtype: np.dtype) -> ov.Model:
        """The network for inputs of a given shape and dtype.

        Raises
        ------
        InputError
            If the graph does not accept them.
        """
        model = self._onnx.model.clone()
        inner = shape if self._image is None else (shape[0], shape[3], *shape[1:3])
        try:
            model.reshape(list(inner))
            old = model.get_parameters()[0]
            parameter = ops.parameter(shape, dtype, name="data")
            data = ops.convert(parameter, np.float32) if dtype != np.float32 else parameter
            if self._image is not None:
                data = lower_images(data, self._image)
            if old.get_element_type() != ov.Type.f32:
                data = ops.convert(data, old.get_element_type())
            for target in old.output(0).get_target_inputs():
                target.replace_source_output(data.output(0))
            sources = [model.results[number].input_value(0) for number in self._chosen]
            return ov.Model([ops.result(self._finished(source)) for source in sources], [parameter], "onnx")
        except READING as error:
            reason = str(error).strip().splitlines()[-1][:200]
            raise InputError(f"{self._onnx.path}: can't take an input of shape {inner}: {reason}") from None

    def _finished(self, source: ov.Output) -> ov.Output | ov.Node:
        """Convert to float32, with the batch as first dimension."""
        if source.get_element_type() != ov.Type.f32:
            source = ops.convert(source, np.float32).output(0)
        shape = source.get_partial_shape()
        if self._image is None or (shape.rank.is_static and shape.rank.get_length() and shape[0] == ov.Dimension(1)):
            return source
        return ops.unsqueeze(source, ops.constant(np.array([0], np.int64)))
