"""Networks with 8-bit weights and activations on the CPU: post-training quantisation by NNCF, from a few images.

A quantised network is stored as an OpenVINO model, PATH.xml and PATH.bin, for the one image size that it was calibrated
with; other sizes run on the exact network.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov

from ...errors import InputError
from ...files import create, make_inner_dir
from ...installation import how_to_install
from .openvino import OpenVinoNetwork, core

EXTENSIONS = (".xml", ".bin")


class Int8Network(OpenVinoNetwork):
    """The quantised counterpart of a network, for one size of image; see `rcnn.networks.engine.Network`.

    Parameters
    ----------
    network : the exact network, fed with images
    path : of the model files, without extension

    Raises
    ------
    InputError
        If the model can't be read.
    """

    def __init__(self, network: OpenVinoNetwork, path: str) -> None:
        self.__dict__.update(network.__dict__)
        self._compiled = OrderedDict()
        self._exact = network
        try:
            self._model = core().read_model(f"{path}.xml")
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1][:200]
            raise InputError(f"{path}.xml: can't be read ({reason}); remove it, and it is created again") from None

    def model(self, shape: tuple[int, ...], dtype: np.dtype) -> ov.Model:
        """The quantised network for its calibration size, the exact one for other sizes."""
        if shape != tuple(self._model.inputs[0].shape):
            return self._exact.model(shape, dtype)
        return self._model


def quantise(network: OpenVinoNetwork, images: np.ndarray, path: str, whole: bool = False) -> None:
    """Write the quantised counterpart of a network to PATH.xml and PATH.bin.

    Parameters
    ----------
    network : fed with images
    images : (n, H, W, 3) uint8, BGR, similar to those of later runs; all activation ranges are measured on them
    whole : see `quantised`

    Raises
    ------
    InputError
        If NNCF is not installed.
    """
    model = network.model((1, *images.shape[1:]), images.dtype)
    twin = quantised(model, [images[row : row + 1] for row in range(len(images))], whole)
    make_inner_dir(os.path.dirname(path) or ".")
    for extension in EXTENSIONS:
        create(f"{path}{extension}").close()  # OpenVINO writes into the existing file, which is private
    ov.save_model(twin, f"{path}.xml", compress_to_fp16=False)


def quantised(model: Any, inputs: Sequence[Any], whole: bool = False) -> Any:
    """An OpenVINO or ONNX model quantised to 8-bit weights and activations by NNCF.

    Parameters
    ----------
    inputs : calibration inputs, one call each, to measure the activation ranges
    whole : whether ranges span the minimum and maximum over all inputs, rather than the mean of each input's. A
        detector needs this: most of its input has no face, so means would clip the activations of faces. SCRFD-500M
        lost 0 of 58 faces this way, 1 with means, and 2 when calibrated on faces of one size

    Raises
    ------
    InputError
        If NNCF is not installed.
    """
    # prevents NNCF's usage reports; must be set before the import
    os.environ.setdefault("NNCF_CI", "1")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # hides progress bars
        warnings.simplefilter("ignore")
        try:
            import nncf
            from nncf.quantization.range_estimator import RangeEstimatorParametersSet
        except ImportError:
            raise InputError(f"--precision int8 needs NNCF, which is not installed; {how_to_install('int8')}") from None
        nncf.set_log_level(logging.ERROR)
        return nncf.quantize(
            model,
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,  # asymmetric activation ranges where needed, as for PReLU
            subset_size=len(inputs),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            )
            if whole
            else None,
        )
