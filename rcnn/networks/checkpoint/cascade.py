"""MTCNN's three MXNet checkpoints, given as one: a directory with det1, det2 and det3, or their prefix."""

from __future__ import annotations

import glob
import os
import re

from ...errors import InputError

NAME = "det"  # of the published files, det1-symbol.json, det1-0001.params and so on
STAGES = (1, 2, 3)


def is_cascade(model: str) -> bool:
    """Whether `--detector` names the three checkpoints of a cascade rather than a single one."""
    base, _ = _parts(model)
    if os.path.isfile(f"{base}-symbol.json"):
        return False
    return os.path.isdir(base) or os.path.isfile(f"{base}1-symbol.json")


def cascade_checkpoints(model: str) -> tuple[str, ...]:
    """The checkpoints, `PREFIX,EPOCH` each, in execution order.

    Parameters
    ----------
    model : `DIR`, `PREFIX`, `DIR,EPOCH` or `PREFIX,EPOCH`; without an epoch, the only existing one

    Raises
    ------
    InputError
        If one is missing, or there are several epochs and none is given.
    """
    base, epoch = _parts(model)
    prefix = os.path.join(base, NAME) if os.path.isdir(base) else base
    found = []
    for stage in STAGES:
        symbol = f"{prefix}{stage}-symbol.json"
        if not os.path.isfile(symbol):
            raise InputError(f"--detector {model}: there is no {symbol}; MTCNN's three checkpoints belong there")
        pattern = f"{glob.escape(prefix)}{stage}-{'[0-9]' * 4}.params"
        epochs = [int(path[-11:-7]) for path in sorted(glob.glob(pattern))] if epoch is None else [epoch]
        if len(epochs) != 1:
            there = (
                f"has the epochs {', '.join(map(str, epochs))}; name one" if epochs else "has no .params file; get it"
            )
            raise InputError(f"--detector {model}: {prefix}{stage} {there}, as in {base},1")
        found.append(f"{prefix}{stage},{epochs[0]}")
    return tuple(found)


def _parts(model: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.+),\s*(\d{1,9})", model)
    return (match.group(1), int(match.group(2))) if match else (model, None)
