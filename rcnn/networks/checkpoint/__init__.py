"""Reads MXNet checkpoints, `PREFIX,EPOCH`, into a graph, and writes them."""

from __future__ import annotations

import glob
import os
import re

from ...errors import InputError
from ...files import make_dir
from .arrays import read_arrays, write_arrays
from .graph import Graph, Node
from .symbol import read_symbol, write_symbol

SHOWN = 3  # epochs listed in a message

__all__ = ["Graph", "Node", "checkpoint_files", "load_checkpoint", "read_arrays", "save_checkpoint"]


def checkpoint_files(model: str) -> tuple[str, str]:
    """Paths of the symbol file and the parameter file of `PREFIX,EPOCH`.

    Raises
    ------
    InputError
        If the text has another form.
    """
    match = re.fullmatch(r"(.+),\s*(\d{1,9})", model)
    if not match:
        from ..zoo.registry import known_models

        if model in known_models():
            raise InputError(
                f"model {model!r} is a name that python -m rcnn zoo knows; fetch it with python -m rcnn zoo {model}, "
                "and give the path that it prints"
            )
        meant = " or ".join(_meant(model)) or "it like ./model/essh,0"
        raise InputError(f"model {model!r} is not PREFIX,EPOCH; write {meant}")
    return f"{match.group(1)}-symbol.json", f"{match.group(1)}-{int(match.group(2)):04d}.params"


def _meant(text: str) -> list[str]:
    """The checkpoints, `PREFIX,EPOCH`, that a prefix or the name of one of their files may refer to."""
    ending = re.fullmatch(r"(.+?)(-symbol\.json|-(\d{4,9})\.params)", text)
    prefix = ending.group(1) if ending else text
    if not os.path.isfile(f"{prefix}-symbol.json"):
        return []
    paths = glob.glob(f"{glob.escape(prefix)}-{'[0-9]' * 4}.params")
    epochs = [ending.group(3)] if ending and ending.group(3) else [path[-11:-7] for path in sorted(paths)]
    return [f"{prefix},{int(epoch)}" for epoch in epochs[-SHOWN:]]


def load_checkpoint(model: str) -> Graph:
    """The network of an MXNet checkpoint.

    Parameters
    ----------
    model : `PREFIX,EPOCH`

    Raises
    ------
    InputError
        If a file is missing, damaged, or not in the format.
    """
    symbol_path, params_path = checkpoint_files(model)
    for path in (symbol_path, params_path):
        if not os.path.isfile(path):
            raise InputError(f"{path}: there is no such file, which model {model} needs; put the checkpoint there")
    nodes, outputs = read_symbol(symbol_path)
    params = {}
    for name, array in read_arrays(params_path).items():
        kind, _, bare = name.partition(":")
        if kind not in ("arg", "aux") or not bare:
            raise InputError(f"{params_path}: {name!r} is neither arg:NAME nor aux:NAME; get the file again")
        if bare in params:
            raise InputError(f"{params_path}: contains {bare} both as arg and as aux; get the file again")
        params[bare] = array
    return Graph(nodes, outputs, params, model)


def save_checkpoint(model: str, graph: Graph) -> None:
    """Write a network so that MXNet 1.x and `load_checkpoint` read it; the parameter file is written last.

    Raises
    ------
    InputError
        If a file can't be written.
    """
    symbol_path, params_path = checkpoint_files(model)
    make_dir(os.path.dirname(symbol_path))
    write_symbol(symbol_path, graph)
    auxiliary = graph.auxiliary_names
    write_arrays(
        params_path,
        {f"{'aux' if name in auxiliary else 'arg'}:{name}": array for name, array in graph.params.items()},
    )
