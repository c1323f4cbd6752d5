"""How much a network computes, and how much this machine can: floating-point operations."""

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

SIDE = 2048  # of the square matrices of the ceiling: far more than a cache holds, still many products a second
SECONDS = 3.0  # that the ceiling is looked for
FLOP = 2  # of a multiply-add


def count_flop(graph: Graph, shape: Sequence[int]) -> int:
    """Floating-point operations of the products of one run; what else a network does is little beside them.

    Parameters
    ----------
    graph : as `Graph.select` gives it
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
        values.append(RUN[node.op](inputs, node.values))  # of tensors that have shapes and no numbers
        if node.op in ("Convolution", "FullyConnected"):
            total += values[-1].numel() * inputs[1][0].numel()
        elif node.op == "Deconvolution":
            total += inputs[0].numel() * inputs[1][0].numel()
    return total * FLOP


def ceiling() -> float:
    """FLOP a second of a float32 matrix product on all cores: the best of several, by PyTorch's library or OpenVINO's,
    of which one or the other is the faster, as the processor's maker would have it."""
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
    """Seconds that it takes at best."""
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
