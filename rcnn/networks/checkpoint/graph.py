"""A network as data: nodes, their inputs, and their arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import InputError
from .operators import OPERATORS, VARIABLE, parse_attributes


@dataclass(frozen=True)
class Node:
    """One operator or variable.

    name : unique in its graph
    op : operator name, `null` for a variable (an input or a parameter)
    inputs : indices of its input nodes, all smaller than its own
    attributes : the operator's attributes as in the file, text to text
    hidden : attributes that concern training only (learning rates, device groups)
    """

    name: str
    op: str
    inputs: tuple[int, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def values(self) -> dict[str, Any]:
        """Typed attributes with defaults; raises `InputError` if one is not supported."""
        return parse_attributes(self.op, self.name, self.attributes)


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order.

    nodes : the nodes
    outputs : indices of the output nodes
    params : arrays of the variables that have one, by name
    source : name of its file, for messages
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    params: Mapping[str, np.ndarray]
    source: str = "graph"

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs as in MXNet, `NODE_output`."""
        return tuple(f"{self.nodes[index].name}_output" for index in self.outputs)

    @property
    def internal_names(self) -> tuple[str, ...]:
        """Names accepted by `select`."""
        return tuple(f"{node.name}_output" for node in self.nodes if node.op != VARIABLE)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Variables without an array, which the caller must provide."""
        return tuple(node.name for node in self.nodes if node.op == VARIABLE and node.name not in self.params)

    @property
    def auxiliary_names(self) -> frozenset[str]:
        """Variables that are statistics rather than weights, `aux:` in a `.params` file: BatchNorm's last two."""
        return frozenset(
            self.nodes[index].name for node in self.nodes if node.op == "BatchNorm" for index in node.inputs[3:5]
        )

    def select(self, names: Sequence[str] | None = None) -> Graph:
        """The subgraph for some outputs, validated: all operators supported, exactly one input.

        Parameters
        ----------
        names : outputs, including internal ones (`fc1_output`); None for those of the graph.

        Raises
        ------
        InputError
            If a name does not exist, an operator or attribute is not supported, or a parameter is missing.
        """
        outputs = self.outputs if names is None else tuple(self._find(name) for name in names)
        wanted = set(outputs)
        for index in range(len(self.nodes) - 1, -1, -1):
            if index in wanted:
                wanted.update(self._needed_inputs(index))
        position = {old: new for new, old in enumerate(sorted(wanted))}
        nodes = tuple(
            replace(self.nodes[old], inputs=tuple(position[i] for i in self._needed_inputs(old))) for old in position
        )
        used = {node.name for node in nodes}
        part = Graph(
            nodes,
            tuple(position[index] for index in outputs),
            {name: array for name, array in self.params.items() if name in used},
            self.source,
        )
        if len(part.input_names) != 1:
            inputs = ", ".join(part.input_names) or "none"
            raise InputError(
                f"{self.source}: needs one input and has {inputs}; "
                "either parameters are missing from the .params file or it belongs to another symbol"
            )
        return part

    def _find(self, name: str) -> int:
        for index, node in enumerate(self.nodes):
            if node.op != VARIABLE and f"{node.name}_output" == name:
                return index
        last = ", ".join(self.internal_names[-5:])
        raise InputError(f"{self.source}: has no output {name}; its last ones are {last}")

    def _needed_inputs(self, index: int) -> tuple[int, ...]:
        node = self.nodes[index]
        if node.op == VARIABLE:
            return ()
        if node.op not in OPERATORS:
            raise InputError(f"{self.source}: layer {node.name}: operator {node.op} is not supported")
        try:
            low, high = OPERATORS[node.op].count(node.values)
        except InputError as error:
            raise InputError(f"{self.source}: {error}") from None
        if not low <= len(node.inputs):
            raise InputError(
                f"{self.source}: layer {node.name}: {node.op} takes {low} inputs and has {len(node.inputs)}"
            )
        return node.inputs[:high]
