"""Invariants of the checkpoint readers for arbitrary bytes: targets of fuzz.py and of the tests.

A target gets bytes. It returns if the reader succeeds or raises an `InputError`; any other exception is a fault and
propagates.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rcnn.errors import InputError
from rcnn.networks.checkpoint.arrays import V1_MAGIC, V2_MAGIC, V3_MAGIC, parse_arrays
from rcnn.networks.checkpoint.graph import Graph, Node
from rcnn.networks.checkpoint.operators import (
    NAMES_OF_OLD,
    OPERATORS,
    VARIABLE,
    crop_window,
    pool_area,
    reshape_target,
    slice_window,
)
from rcnn.networks.checkpoint.symbol import parse_symbol

SOURCE = "hostile"
SHAPE = (2, 6, 10, 8)  # input shape for the layers
PARAMETERS = ("weight", "bias", "gamma", "beta", "moving_mean", "moving_var", "other")
PARAMS = {name: np.ones((2, 6, 1, 1), np.float32) for name in PARAMETERS}


def check_arrays(data: bytes) -> None:
    """`.params`: the arrays are no larger than the file, and all names differ."""
    try:
        found = parse_arrays(io.BytesIO(data), len(data), SOURCE)
    except InputError:
        return
    size = sum(array.nbytes for array in found.values())
    if size > len(data):
        raise AssertionError(f"{size} bytes of arrays out of a file of {len(data)}")


def check_symbol(data: bytes) -> None:
    """A symbol: inputs precede the nodes that use them, and the shapes of its layers can be computed."""
    try:
        nodes, outputs = parse_symbol(data, SOURCE)
    except InputError:
        return
    for index, node in enumerate(nodes):
        if not all(0 <= source < index for source in node.inputs):
            raise AssertionError(f"node {index} reads {node.inputs}")
    graph = Graph(nodes, outputs, PARAMS, SOURCE)
    names = graph.internal_names
    for wanted in (None, names[:1], names[-1:]):
        try:
            part = graph.select(wanted)
        except InputError:
            continue
        for node in part.nodes:
            if node.op in SHAPE_OF:
                _check_shape(node)


def _check_shape(node: Node) -> None:
    with contextlib.suppress(ValueError):  # the engines convert it to an InputError that names the layer
        SHAPE_OF[node.op](node.values)


def _pool_area(values: Mapping[str, Any]) -> Any:
    if values["global_pool"] or any(SHAPE[2 + i] + 2 * values["pad"][i] < values["kernel"][i] for i in range(2)):
        return None  # the engines reject it earlier
    return pool_area(SHAPE[2:], values)


SHAPE_OF: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "Crop": lambda values: crop_window(SHAPE, None if values["num_args"] == 1 else (2, 6, 4, 4), values),
    "Pooling": _pool_area,
    "Reshape": lambda values: reshape_target(SHAPE, values["shape"]),
    "slice_axis": lambda values: slice_window(SHAPE[values["axis"] % 4], values),
}
TARGETS: dict[str, Callable[[bytes], None]] = {"arrays": check_arrays, "symbol": check_symbol}


def array_seeds() -> list[bytes]:
    """Small files of every format version, with every type."""
    seeds = [struct.pack("<QQQQ", 0x112, 0, 0, 0)]
    for magic in (0, V1_MAGIC, V2_MAGIC, V3_MAGIC):
        for flag, size in enumerate((4, 8, 2, 1, 4, 1, 8)):
            shape = struct.pack("<I2I", 2, 2, 1) if not magic else struct.pack("<I2q", 2, 2, 1)
            storage = struct.pack("<i", 0) if magic in (V2_MAGIC, V3_MAGIC) else b""
            array = (struct.pack("<I", magic) if magic else b"") + storage + shape
            array += struct.pack("<iii", 1, 0, flag) + bytes(2 * size)
            names = struct.pack("<QQ", 2, 5) + b"arg:a" + struct.pack("<Q", 6) + b"aux:bc"
            seeds.append(struct.pack("<QQQ", 0x112, 0, 2) + 2 * array + names)
    seeds.append(struct.pack("<QQQIiIQQ", 0x112, 0, 1, V2_MAGIC, 0, 0, 1, 1) + b"x")
    return seeds


# values for all required attributes, and for those whose text is parsed further
ATTRIBUTES = {
    "act_type": "relu", "axis": "1", "axes": "(0, 2, 3, 1)", "a_min": "0", "a_max": "1.5", "begin": "0", "end": "2",
    "dim": "1", "dtype": "float32", "eps": "2e-05", "kernel": "(3, 3)", "mode": "channel", "no_bias": "True",
    "num_args": "2", "num_filter": "2", "num_hidden": "2", "offset": "(0, 0)", "pad": "(1, 1)",
    "sample_type": "nearest", "pooling_convention": "full", "pool_type": "avg",
    "scalar": "127.5", "scale": "2", "shape": "(0, -1, 4, 2)",
    "slope": "0.25", "stride": "(2, 2)", "h_w": "(4, 4)",
}  # fmt: skip
SPECIAL = {
    "LeakyReLU": {"act_type": "prelu"},
    "Reshape": {"shape": "(-4, 1, 2, -3, -2)"},
    "UpSampling": {"num_args": "1"},
    "max": {"axis": "(1,)"},
}


def symbol_seeds() -> list[bytes]:
    """A network of two layers for every operator, the three format versions of attributes, and the oldest BatchNorm."""
    seeds = []
    for number, op in enumerate(sorted({*OPERATORS, *NAMES_OF_OLD})):
        known = OPERATORS[NAMES_OF_OLD.get(op, op)].attributes
        attributes = {key: value for key, value in ATTRIBUTES.items() if key in known}
        attributes |= {key: value for key, value in SPECIAL.get(op, {}).items() if key in known}
        form = ("attrs", "attr", "param")[number % 3]
        inputs = 3 if op == "BatchNorm" else 2
        nodes = [{"op": VARIABLE, "name": name, "inputs": []} for name in ("data", *PARAMETERS)]
        edges = [[i, 0, 0][: 2 + number % 2] for i in range(inputs)]
        layer = {"op": op, "name": "layer", form: attributes, "inputs": edges}
        last = {"op": "Activation", "name": "out", form: {"act_type": "tanh"}, "inputs": [[len(nodes), 0]]}
        document = {"nodes": [*nodes, layer, last], "arg_nodes": [0], "heads": [[len(nodes) + 1, 0]]}
        seeds.append(json.dumps(document, separators=(",", ":")).encode())
    return seeds


SEEDS: dict[str, Callable[[], list[bytes]]] = {"arrays": array_seeds, "symbol": symbol_seeds}
