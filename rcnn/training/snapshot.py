"""The state of a training run on disk, so that it goes on where it was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch

from ..errors import InputError
from ..files import make_dir
from ..networks.checkpoint import read_arrays, write_arrays

RECORD = "record"
SEPARATOR = "|"  # stands in no name of a parameter


class Stateful(Protocol):
    """A module or optimizer of PyTorch's, or one of the same kind."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> None: ...


def save_snapshot(path: str, modules: Mapping[str, Stateful], optimizer: Stateful, record: Mapping[str, Any]) -> None:
    """Write parameters, statistics, the optimizer's memory and `record` (anything JSON knows) to one file.

    The file is a `.params` file: nothing in it is ever executed. It appears by rename.

    Raises
    ------
    InputError
        If it can't be written.
    """
    arrays = {
        SEPARATOR.join(("module", name, key)): _array(value)
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in optimizer.state_dict()["state"].items():
        arrays |= {SEPARATOR.join(("optimizer", str(index), key)): _array(value) for key, value in state.items()}
    arrays[RECORD] = np.frombuffer(json.dumps(record).encode(), np.uint8)
    make_dir(os.path.dirname(path))
    write_arrays(path, arrays)


def load_snapshot(path: str, modules: Mapping[str, Stateful], optimizer: Stateful) -> dict[str, Any]:
    """Take over what `save_snapshot` wrote; returns its record.

    Raises
    ------
    InputError
        If the file can't be read or belongs to other networks.
    """
    arrays = read_arrays(path)
    states: dict[str, dict[str, torch.Tensor]] = {name: {} for name in modules}
    memory: dict[int, dict[str, torch.Tensor]] = {}
    try:
        record = json.loads(arrays.pop(RECORD).tobytes())
        if not isinstance(record, dict):
            raise ValueError("its record is no object")
        for name, array in arrays.items():
            kind, owner, key = name.split(SEPARATOR)
            tensor = torch.from_numpy(np.array(array))
            if kind == "module":
                states[owner][key] = tensor
            else:
                memory.setdefault(int(owner), {})[key] = tensor.reshape(()) if key == "step" else tensor
        for name, module in modules.items():
            module.load_state_dict(states[name])
        optimizer.load_state_dict({**optimizer.state_dict(), "state": memory})
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # RecursionError, too
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        raise InputError(f"{path}: is no snapshot of this training ({reason}); remove it to begin anew") from None
    return record


def _array(value: torch.Tensor) -> np.ndarray:
    array = value.detach().cpu().contiguous().numpy()
    return array.reshape(1) if array.ndim == 0 else array
