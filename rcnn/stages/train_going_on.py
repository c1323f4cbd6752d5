"""Resuming an interrupted training of the classifier: the contents of its snapshot, and what is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from .. import files
from ..files import sha256
from ..tables import MANIFEST
from ..training.epochs import EpochResult, Schedule
from ..training.snapshot import Snapshot, Stateful
from ..training.team import Team
from .classifier_files import FREE_ARGUMENTS, snapshot_path
from .settings import TrainSettings


def snapshot_of(
    settings: TrainSettings, model: Stateful, optimizer: Stateful, team: Team, more: Mapping[str, Any]
) -> Snapshot:
    """PREFIX-training.params, which --overwrite removes.

    Parameters
    ----------
    more : what else must be the same on resuming
    """
    arguments = {name: value for name, value in asdict(settings).items() if name not in FREE_ARGUMENTS}
    snapshot = Snapshot(
        snapshot_path(settings),
        {"classifier": model},
        optimizer,
        {**arguments, "training set": sha256(files.join(settings.data, MANIFEST)), **more},
        "--overwrite",
        team.leads,
    )
    if settings.overwrite:
        snapshot.remove()
    return snapshot


def order_of(generator: torch.Generator) -> dict[str, str]:
    """The state of the clips' order, for a snapshot."""
    return {"order": generator.get_state().numpy().tobytes().hex()}


def take_over(generator: torch.Generator, schedule: Schedule, record: dict[str, Any]) -> tuple[list[EpochResult], str]:
    """Restore the order from a snapshot; returns its curve and its epoch."""
    generator.set_state(torch.from_numpy(np.frombuffer(bytes.fromhex(record["order"]), np.uint8).copy()))
    curve = [EpochResult(**result) for result in record["curve"]]
    last = curve[-1]
    if type(last.epoch) is not int or type(last.steps) is not int or last.epoch <= schedule.begin:
        raise ValueError("its epochs do not match this training")
    return curve, f"epoch {last.epoch}"


def rest_of(schedule: Schedule, curve: list[EpochResult]) -> Schedule:
    """The epochs left after a curve."""
    if not curve:
        return schedule
    done = schedule.end if curve[-1].steps == schedule.max_steps else curve[-1].epoch
    return replace(schedule, begin=done, steps_done=curve[-1].steps)
