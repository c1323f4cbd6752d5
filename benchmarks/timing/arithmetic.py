"""Floating-point operations of a network, and the peak rate of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import numpy as np
import openvino as ov
import torch
from openvino import opset13 as ops

from rcnn.networks.checkpoint import Graph
from rcnn.networks.checkpoint.operators import VARIABLE
from rcnn.networks.engine.openvino import PRECISION, core
from rcnn.networks.engine.torch import RUN

SIDE = 2048  # of the square matrices for the ceiling: much larger than the cache, still many products per second
SECONDS = 3.0  # duration of the ceiling measurement
FLOP = 2  # per multiply-add


def count_flop(graph: Graph, shape: Sequence[int]) -> int:
    """Floating-point operations of the products in one run; the other operations are negligible.

    Parameters
    ----------
    graph : a result of `Graph.select`
    shape : of the input
    """
    values: list[torch.Tensor] = []
    total = 0
    for node in graph.nodes:
        inputs = [values[index] for index in node.inputs]
        if node.op == VARIABLE:
            known = graph.params.get(node.name)
            values.append(torch.empty(tuple(shape) if known is None else known.shape, device="meta"))
            continue
        values.append(RUN[node.op](inputs, node.values))  # on meta tensors, which have only shapes
        if node.op in ("Convolution", "FullyConnected"):
            total += values[-1].numel() * inputs[1][0].numel()
        elif node.op == "Deconvolution":
            total += inputs[0].numel() * inputs[1][0].numel()
    return total * FLOP


def ceiling() -> float:
    """FLOP per second of a float32 matrix product on all cores: the best of several, by PyTorch or OpenVINO, because
    which of them is faster depends on the processor's vendor."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    result = torch.empty(SIDE, SIDE)
    request = _openvino_product()
    factors = [left.numpy(), right.numpy()]
    return (
        FLOP
        * SIDE**3
        / min(
            _shortest(lambda: torch.mm(left, right, out=result)),
            _shortest(lambda: request.infer(factors, share_inputs=True, share_outputs=True)),
        )
    )


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of the fastest call."""
    best = float("inf")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _openvino_product() -> ov.InferRequest:
    factors = [ops.parameter((SIDE, SIDE), np.float32) for _ in "12"]
    model = ov.Model([ops.result(ops.matmul(*factors, False, False))], factors, "product")
    settings = {"INFERENCE_PRECISION_HINT": PRECISION, "PERFORMANCE_HINT": "LATENCY"}
    return core().compile_model(model, "CPU", settings).create_infer_request()
