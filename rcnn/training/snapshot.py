"""The state of a training run on disk, so that it can resume where it was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import torch

from ..errors import InputError, note_saved
from ..files import make_dir
from ..files.schema import from_json
from ..networks.checkpoint import read_arrays, write_arrays

RECORD = "record"
SEPARATOR = "|"  # occurs in no parameter name


class Stateful(Protocol):
    """A PyTorch module or optimizer, or a compatible object."""

    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> None: ...


class Snapshot:
    """The file from which a training resumes with the same result as without interruption.

    Parameters
    ----------
    path : of the file
    modules : trained modules, by name
    optimizer : its state is saved too
    run : facts that must be equal when the training resumes; JSON-compatible
    mend : what the message suggests if they differ
    writes : whether this process writes the file; exactly one process of a team does
    """

    def __init__(
        self,
        path: str,
        modules: Mapping[str, Stateful],
        optimizer: Stateful,
        run: Mapping[str, Any],
        mend: str = "remove it to start again",
        writes: bool = True,
    ) -> None:
        self.path, self.modules, self.optimizer = path, modules, optimizer
        self.run: dict[str, Any] = json.loads(json.dumps(run))
        self.mend, self.writes = mend, writes

    def save(self, curve: Sequence[Any], **more: Any) -> None:
        """Write the current state of the training.

        Parameters
        ----------
        curve : results of the periods so far: dataclasses or JSON-compatible values
        more : the other fields of the record
        """
        if self.writes:
            save_snapshot(self.path, self.modules, self.optimizer, {"run": self.run, "curve": curve, **more})
            note_saved()
            return
        for part in (*self.modules.values(), self.optimizer):
            part.state_dict()  # the writing process may gather parts of it

    def load(self) -> dict[str, Any] | None:
        """Restore what `save` wrote, if the file exists; returns the record.

        Raises
        ------
        InputError
            If the file cannot be read or is of another training.
        """
        if not os.path.exists(self.path):
            return None
        note_saved()
        return load_snapshot(self.path, self.modules, self.optimizer, self._check)

    def _check(self, record: Mapping[str, Any]) -> None:
        run = record.get("run")
        before = run if isinstance(run, dict) else {}
        differing = sorted(name for name in self.run if self.run[name] != before.get(name))
        if differing:
            names = ", another ".join(differing)
            raise InputError(f"{self.path}: contains a run with another {names}; give the same, or {self.mend}")

    def remove(self) -> None:
        """Delete the file, when the training is finished or starts over."""
        if self.writes and os.path.exists(self.path):
            os.remove(self.path)


def no_snapshot(path: str, error: Exception) -> InputError:
    """The error for a file that is not a snapshot."""
    reason = (str(error).strip().splitlines() or [""])[0][:200]
    return InputError(f"{path}: is not a snapshot of this training ({reason}); remove it to start again")


def save_snapshot(path: str, modules: Mapping[str, Stateful], optimizer: Stateful, record: Mapping[str, Any]) -> None:
    """Write parameters, statistics, the optimizer's state and `record` (JSON-compatible, or dataclasses) to one file.

    The file is a `.params` file: nothing in it is ever executed. It is written atomically, by rename.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    arrays = {
        SEPARATOR.join(("module", name, key)): _array(value)
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, state in optimizer.state_dict()["state"].items():
        arrays |= {SEPARATOR.join(("optimizer", str(index), key)): _array(value) for key, value in state.items()}
    arrays[RECORD] = np.frombuffer(json.dumps(record, default=asdict).encode(), np.uint8)
    make_dir(os.path.dirname(path))
    write_arrays(path, arrays)


def load_snapshot(
    path: str,
    modules: Mapping[str, Stateful],
    optimizer: Stateful,
    check: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Restore what `save_snapshot` wrote; returns its record.

    Parameters
    ----------
    check : raises if the record is of another training; called before anything is restored

    Raises
    ------
    InputError
        If the file cannot be read or belongs to other networks.
    """
    arrays = read_arrays(path)
    states: dict[str, dict[str, torch.Tensor]] = {name: {} for name in modules}
    memory: dict[int, dict[str, torch.Tensor]] = {}
    try:
        record = from_json(arrays.pop(RECORD).tobytes(), dict[str, Any])
        check(record)
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
        raise no_snapshot(path, error) from None
    return record


def _array(value: torch.Tensor) -> np.ndarray:
    array = value.detach().cpu().contiguous().numpy()
    return array.reshape(1) if array.ndim == 0 else array
