"""What every training in rounds does: go on where it was stopped, print a curve, save after each round."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch

from ..errors import InputError
from ..files import create
from .snapshot import load_snapshot, save_snapshot

FREE = ("gpu", "threads", "bf16", "rounds")  # settings that may differ when a run goes on

Line = dict[str, Any]


def run_rounds(
    settings: Any,
    snapshot: str,
    module: tuple[str, torch.nn.Module],
    optimizer: torch.optim.Optimizer,
    one_round: Callable[[int], Line],
    save: Callable[[list[Line]], None],
    free: tuple[str, ...] = FREE,
) -> None:
    """Train what is left to train.

    Parameters
    ----------
    settings : a dataclass with `rounds`
    snapshot : path of the file from which a run goes on
    module : its name in the snapshot, and what is trained
    one_round : trains the round of a number, from 0, and gives its line of the curve
    save : writes the model, and the curve so far
    free : settings that may differ when the run goes on

    Raises
    ------
    InputError
        If the snapshot can't be read or was made with other settings.
    """
    modules = dict([module])
    done, curve = 0, []
    if os.path.exists(snapshot):
        record = load_snapshot(snapshot, modules, optimizer)
        before, done, curve = record.get("settings"), record.get("rounds"), record.get("curve")
        if not isinstance(before, dict) or type(done) is not int or done < 1 or not isinstance(curve, list):
            raise InputError(f"{snapshot}: is no snapshot of this training; remove it to begin anew")
        _check_same(settings, before, snapshot, free)
        print(f"goes on after round {done} of {snapshot}", flush=True)
    for number in range(done, settings.rounds):
        curve.append({"round": number + 1, **one_round(number)})
        print(json.dumps(curve[-1]), flush=True)
        record = {"settings": asdict(settings), "rounds": number + 1, "curve": curve}
        save_snapshot(snapshot, modules, optimizer, record)
        save(curve)


def _check_same(settings: Any, before: Mapping[str, Any], snapshot: str, free: tuple[str, ...]) -> None:
    now = json.loads(json.dumps(asdict(settings)))
    differing = [name for name in now if name not in free and now[name] != before.get(name)]
    if differing:
        raise InputError(f"{snapshot}: was made with another {', '.join(differing)}; remove it to begin anew")


class Losses:
    """The terms of the loss, summed over the steps of a round."""

    def __init__(self) -> None:
        self._totals: dict[str, float] = {}

    def add(self, terms: Mapping[str, float]) -> None:
        """Count a step."""
        for name, value in terms.items():
            self._totals[name] = self._totals.get(name, 0.0) + float(value)

    def means(self, number: int, steps: int) -> dict[str, float]:
        """Their means over the steps of round `number`, from 0.

        Raises
        ------
        InputError
            If one is not finite.
        """
        if not all(map(math.isfinite, self._totals.values())):
            raise InputError(f"round {number + 1}: the loss is not finite, training diverged; give a smaller --lr")
        return {name: round(value / steps, 4) for name, value in self._totals.items()}


def warm_cosine(lr: float, step: int, total: int, warm_up: float) -> float:
    """Learning rate of a step: it rises over the first share `warm_up` of all steps, then falls like a cosine to 0
    (Loshchilov and Hutter, arXiv:1608.03983)."""
    warm = max(1, round(warm_up * total))
    if step < warm:
        return lr * (step + 1) / warm
    return lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def write_curve(prefix: str, curve: list[Line]) -> None:
    """PREFIX-training.jsonl, a line a round."""
    with create(f"{prefix}-training.jsonl") as file:
        file.writelines(f"{json.dumps(line)}\n".encode() for line in curve)


def seconds_since(started: float) -> float:
    """Rounded for the curve; `started` is of `time.monotonic`."""
    return round(time.monotonic() - started, 1)
