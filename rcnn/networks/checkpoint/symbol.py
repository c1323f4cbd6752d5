"""`PREFIX-symbol.json`: MXNet's description of a network; reads all versions and writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import write_whole
from .graph import Graph, Node
from .operators import NAMES_OF_OLD, VARIABLE

MAX_BYTES = 16 << 20  # the largest published files have two million
MAX_NODES = 100_000
MXNET_VERSION = 10901  # version stated in written files: 1.9.1
# set by users on layers, unused in inference; the oldest files store them with the operator's own attributes
TRAINING_ATTRIBUTES = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")
AUXILIARY = {"BatchNorm": ("moving_mean", "moving_var")}  # omitted from the inputs in the oldest files


def read_symbol(path: str) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """Nodes in file order, and the indices of the output nodes.

    Raises
    ------
    InputError
        If the file can't be read, is not a symbol, is too large, or a node has an input after itself.
    """
    try:
        size = os.path.getsize(path)
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size} bytes are too many for a symbol (at most {MAX_BYTES})")
        with open(path, "rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give PREFIX,EPOCH of a checkpoint") from None
    return parse_symbol(text, path)


def parse_symbol(text: bytes, path: str) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """`read_symbol` of the file's bytes; `path` names it in messages."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({str(error)[:80]}); get the file again") from None
    try:
        return _read_nodes(document)
    except _SeveralOutputs as error:
        operators = sorted({str(entry.get("op"))[:40] for entry in document["nodes"] if "num_outputs" in str(entry)})
        raise InputError(
            f"{path}: {error}: operators with several outputs ({', '.join(operators) or 'which one is not known'}) "
            "are not read; the detectors and embeddings that this program knows have none"
        ) from None
    except _SymbolError as error:
        raise InputError(f"{path}: {error}; the file is damaged or no MXNet symbol, get it again") from None


class _SymbolError(ValueError):
    pass


class _SeveralOutputs(ValueError):
    """A node uses an output other than the first of another node."""


def _read_nodes(document: Any) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    entries = document.get("nodes") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise _SymbolError("has no list of nodes")
    if len(entries) > MAX_NODES:
        raise _SymbolError(f"has {len(entries)} nodes, more than {MAX_NODES}")
    nodes: list[Node] = []
    position: list[int] = []  # of the file's nodes, between which auxiliary variables are inserted
    names: set[str] = set()
    for index, entry in enumerate(entries):
        node = _read_node(index, entry, position)
        for suffix in AUXILIARY.get(node.op, ()) if len(node.inputs) == 3 else ():
            nodes.append(Node(f"{node.name}_{suffix}", VARIABLE))
        if len(nodes) > (position[-1] + 1 if position else 0):
            added = tuple(range(len(nodes) - len(AUXILIARY[node.op]), len(nodes)))
            node = Node(node.name, node.op, node.inputs + added, node.attributes, node.hidden)
        if node.name in names and node.op != VARIABLE:
            raise _SymbolError(f"has two nodes named {node.name[:80]!r}")
        names.add(node.name)
        position.append(len(nodes))
        nodes.append(node)
    heads = document.get("heads")
    if not isinstance(heads, list) or not heads:
        raise _SymbolError("has no list of heads")
    outputs = tuple(position[_index_of(head, len(entries), "a head")] for head in heads)
    if len(set(outputs)) != len(outputs):
        raise _SymbolError("names a head twice")
    return tuple(nodes), outputs


def _read_node(index: int, entry: Any, position: list[int]) -> Node:
    if not isinstance(entry, dict):
        raise _SymbolError(f"node {index} is not an object")
    op, name, inputs = entry.get("op"), entry.get("name"), entry.get("inputs", [])
    if not isinstance(op, str) or not isinstance(name, str) or not isinstance(inputs, list):
        raise _SymbolError(f"node {index} lacks op, name or inputs")
    own: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for key in ("attrs", "attr", "param"):
        group = entry.get(key, {})
        if not isinstance(group, dict) or not all(isinstance(value, str) for value in group.values()):
            raise _SymbolError(f"{key} of node {name[:80]!r} is not text by text")
        for attribute, value in group.items():
            # next to `param`, `attr` has only user attributes; on a variable, all attributes are
            foreign = op == VARIABLE or (key == "attr" and "param" in entry)
            target = hidden if foreign or _concerns_training(attribute) else own
            target[attribute] = value
    sources = tuple(position[_index_of(item, index, f"an input of {name[:80]!r}")] for item in inputs)
    return Node(name, NAMES_OF_OLD.get(op, op), sources, own, hidden)


def _concerns_training(attribute: str) -> bool:
    hidden = attribute.startswith("__") and attribute.endswith("__")
    return hidden or any(attribute.endswith(name) for name in TRAINING_ATTRIBUTES)


def _index_of(item: Any, limit: int, what: str) -> int:
    if not isinstance(item, list) or not 2 <= len(item) <= 3 or not all(type(part) is int for part in item):
        raise _SymbolError(f"{what} is not a [node, output] pair")
    if not 0 <= item[0] < limit:
        raise _SymbolError(f"{what} is node {item[0]}, which does not come before it")
    if item[1] != 0:
        raise _SeveralOutputs(f"{what} is output {item[1]} of node {item[0]}")
    return item[0]


def write_symbol(path: str, graph: Graph) -> None:
    """Write the nodes of a graph as MXNet 1.x does, atomically."""
    variables = [index for index, node in enumerate(graph.nodes) if node.op == VARIABLE]
    document = {
        "nodes": [_entry(node) for node in graph.nodes],
        "arg_nodes": variables,
        "node_row_ptr": list(range(len(graph.nodes) + 1)),
        "heads": [[index, 0, 0] for index in graph.outputs],
        "attrs": {"mxnet_version": ["int", MXNET_VERSION]},
    }

    def write(temporary: str) -> None:
        Path(temporary).write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")

    try:
        write_whole(path, write)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from None


def _entry(node: Node) -> dict[str, Any]:
    attributes: Mapping[str, str] = {**node.attributes, **node.hidden}
    entry: dict[str, Any] = {"op": node.op, "name": node.name}
    if attributes:
        entry["attrs"] = dict(attributes)
    entry["inputs"] = [[source, 0, 0] for source in node.inputs]
    return entry
