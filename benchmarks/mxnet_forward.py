"""Runs checkpoints in MXNet 1.9.1. Requires only mxnet and numpy, in a separate environment.

Usage: .venv-mxnet/bin/python benchmarks/mxnet_forward.py JOBS.json

JOBS.json is a list of objects: prefix, epoch, input (name of the input variable), data (a .npy file),
outputs (names; null for those of the symbol), result (the .npz file to write: output0, output1, ...).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import numpy as np

# MXNet's own kernels are the reference; both settings are read when mxnet is imported
os.environ.update(MXNET_MKLDNN_ENABLED="0", MXNET_SUBGRAPH_BACKEND="", MXNET_STORAGE_FALLBACK_LOG_VERBOSE="0")


def forward(
    prefix: str, epoch: int, data: np.ndarray, outputs: Sequence[str] | None = None, input_name: str = "data"
) -> list[np.ndarray]:
    """MXNet's outputs for one batch, from a checkpoint loaded by MXNet itself.

    Parameters
    ----------
    data : (N, ...), converted to float32
    outputs : MXNet's names (`fc1_output`); None for the outputs of the symbol

    Returns
    -------
    float32 arrays, one per output.
    """
    import mxnet as mx

    symbol, weights, statistics = mx.model.load_checkpoint(prefix, epoch)
    if outputs is not None:
        inner = symbol.get_internals()
        symbol = mx.sym.Group([inner[name] for name in outputs])
    names = symbol.list_arguments()
    known = {name: weights[name].shape for name in names if name in weights}
    shapes, _, _ = symbol.infer_shape(**{**known, input_name: data.shape})
    arguments = {}
    for name, shape in zip(names, shapes, strict=True):
        if name == input_name:
            arguments[name] = mx.nd.array(data, dtype="float32")
        elif name in weights:
            arguments[name] = weights[name].astype("float32")
        elif name.endswith("label"):
            arguments[name] = mx.nd.zeros(shape)  # only used in training
        else:
            raise KeyError(f"{prefix}: {name} has no array")
    auxiliary = {name: statistics[name].astype("float32") for name in symbol.list_auxiliary_states()}
    executor = symbol.bind(mx.cpu(), arguments, aux_states=auxiliary, grad_req="null")
    return [output.asnumpy().astype(np.float32) for output in executor.forward(is_train=False)]


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = json.load(file)
    for job in jobs:
        found = forward(job["prefix"], job["epoch"], np.load(job["data"]), job["outputs"], job["input"])
        np.savez(job["result"], **{f"output{i}": array for i, array in enumerate(found)})


if __name__ == "__main__":
    main()
