"""Images or crops per second of one network, measured in a separate process.

    python benchmarks/timing/network_rate.py --engine onnx --model X.onnx --shape 32,3,112,112

Prints a line of JSON. The engines mxnet and onnx need only numpy and the runtime; `ours` is the engine of this project,
with images as input, as in the stages.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import peer_networks

WINDOWS = 3  # the best of several windows, because disturbances rarely affect all
EMBEDDING = "fc1_output"


def our_network(model: str) -> Callable[[np.ndarray], object]:
    """A network as the stages create it, with input (N, H, W, 3) uint8."""
    from rcnn.networks.checkpoint import load_checkpoint
    from rcnn.networks.engine import load_network

    graph = load_checkpoint(model)
    outputs = [EMBEDDING] if EMBEDDING in graph.internal_names else None
    return load_network(graph, outputs, images=True)


def count(network: Callable[[np.ndarray], object], data: np.ndarray, seconds: float) -> float:
    """Runs per second, measured for `seconds`, at least one run."""
    started = time.perf_counter()
    runs = 0
    while not runs or time.perf_counter() - started < seconds:
        network(data)
        runs += 1
    return runs / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--engine", choices=("ours", "onnx", "mxnet"), required=True)
    add("--model", required=True, help="PREFIX,EPOCH, or a file for onnx")
    add("--shape", required=True, help="N,C,H,W")
    add("--seconds", type=float, default=3.0, help="duration of the measurement")
    args = parser.parse_args()
    shape = tuple(int(size) for size in args.shape.split(","))
    data = np.random.RandomState(0).randint(0, 256, shape)
    if args.engine == "ours":
        network = our_network(args.model)
        data = np.ascontiguousarray(data.transpose(0, 2, 3, 1).astype(np.uint8))
    else:
        network = peer_networks.load_network(args.engine, args.model)
        data = data.astype(np.float32)
    network(data)
    rates = [count(network, data, args.seconds / WINDOWS) for _ in range(WINDOWS)]
    print(json.dumps({"rate": max(rates) * shape[0]}))


if __name__ == "__main__":
    main()
