"""Networks with 8-bit weights and activations on the CPU: post-training quantisation by NNCF, from a few images.

A quantised network is kept as an OpenVINO model, PATH.xml and PATH.bin, for the one size of image that it was made
with.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections import OrderedDict

import numpy as np
import openvino as ov

from ..errors import InputError
from .openvino import OpenVinoNetwork, core

EXTENSIONS = (".xml", ".bin")
INSTALL = "make EXTRAS=int8 installs it"


class Int8Network(OpenVinoNetwork):
    """The quantised twin of a network; see `rcnn.engine.Network`.

    Parameters
    ----------
    network : that it was made of, fed images
    path : of the model, without extension

    Raises
    ------
    InputError
        If the model can't be read.
    """

    def __init__(self, network: OpenVinoNetwork, path: str) -> None:
        self.__dict__.update(network.__dict__)
        self._compiled = OrderedDict()
        self._path = path
        try:
            self._model = core().read_model(f"{path}.xml")
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1][:200]
            raise InputError(f"{path}.xml: can't be read ({reason}); remove it, and it is made again") from None

    def model(self, shape: tuple[int, ...], dtype: np.dtype) -> ov.Model:
        wanted = tuple(self._model.inputs[0].shape)
        if shape != wanted:
            raise InputError(
                f"{self._path}.xml: takes images of shape {wanted[1:]}, not {shape[1:]}; use --precision fp32"
            )
        return self._model


def quantise(network: OpenVinoNetwork, images: np.ndarray, path: str) -> None:
    """Write the quantised twin of a network to PATH.xml and PATH.bin.

    Parameters
    ----------
    network : fed images
    images : (n, H, W, 3) uint8, BGR, like those that it will see; the ranges of all activations are measured on them

    Raises
    ------
    InputError
        If NNCF is not installed.
    """
    # without it NNCF reports its use to its makers; set before the import, which reads it
    os.environ.setdefault("NNCF_CI", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import nncf
    except ImportError:
        raise InputError(f"--precision int8 needs NNCF, which is not installed; {INSTALL}") from None
    nncf.set_log_level(logging.ERROR)
    model = network.model((1, *images.shape[1:]), images.dtype)
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        quantised = nncf.quantize(
            model,
            nncf.Dataset([images[row : row + 1] for row in range(len(images))]),
            preset=nncf.QuantizationPreset.MIXED,  # activations about zero only where they are: PReLU's are not
            subset_size=len(images),
        )
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    ov.save_model(quantised, f"{path}.xml", compress_to_fp16=False)
