"""Reports the results of the classifier's epochs, and writes its checkpoints and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from msgspec import to_builtins

from ..errors import InputError
from ..files.json import write_json
from ..networks.checkpoint import Graph, save_checkpoint
from ..networks.zoo.record import read_training_record
from ..networks.zoo.roles import train_record
from ..scores.extra_classes import ExtraClasses
from ..training.team import Team
from .classifier_files import sums_of
from .head_choice import Head
from .settings import TrainSettings
from .settings.vectors import EVERY_EPOCH, TEMPLATES

if TYPE_CHECKING:
    from ..training.epochs import EpochResult


class Saved(Protocol):
    """A classifier that can be written."""

    def arrays(self) -> dict[str, np.ndarray]: ...
    def graph(self, arrays: Mapping[str, np.ndarray], source: str, /) -> Graph: ...


class Writer:
    """Reports the results of an epoch, and saves checkpoints and the training curve as the settings ask."""

    def __init__(
        self,
        settings: TrainSettings,
        model: Saved,
        team: Team,
        labels: list[int] | None,
        head: Head,
        extra: ExtraClasses | None = None,
    ) -> None:
        self.settings, self.model, self.team, self.labels = settings, model, team, labels
        self.head, self.extra = head, extra

    def after_step(self, step: int, loss: float) -> None:
        if step % self.settings.verbose == 0:
            print(f"step {step}: cross-entropy {loss:.4f}", flush=True)

    def words(self, result: EpochResult) -> str:
        parts = [f"epoch {result.epoch}: lr {result.lr:g}", f"train accuracy {result.accuracy:.4f}"]
        if self.settings.ce_loss:
            parts.append(f"cross-entropy {result.loss:.4f}")
        if result.val_accuracy is not None:
            parts.append(f"val accuracy {result.val_accuracy:.4f}")
        return ", ".join([*parts, f"{result.rows_per_second:.0f} clips/s"])

    def after_epoch(self, curve: list[EpochResult]) -> None:
        if self.settings.ckpt == EVERY_EPOCH:
            self.save(f"{self.settings.prefix},{curve[-1].epoch}", curve)

    def save(self, name: str, curve: list[EpochResult]) -> None:
        """Write the checkpoint `PREFIX,EPOCH` and PREFIX-train.json. All processes call it together."""
        arrays = self.model.arrays()
        if not self.team.leads:
            return
        save_checkpoint(name, self.model.graph(arrays, name))
        lines = [asdict(result) for result in curve if self.head.kind != TEMPLATES]
        write_record(
            self.settings, sums_of(self.settings, final=name), self.labels, asdict(self.head), lines, self.extra
        )


def write_record(
    settings: TrainSettings,
    sums: dict[str, str],
    labels: Sequence[int] | None,
    head: dict[str, Any],
    curve: list[dict[str, Any]],
    extra: ExtraClasses | None = None,
    **more: Any,
) -> None:
    """Write PREFIX-train.json.

    Parameters
    ----------
    sums : of `sums_of`
    labels : learnt ones; None if not known
    extra : its classes of strangers

    Raises
    ------
    InputError
        If it can't be written.
    """
    path = train_record(f"{settings.prefix},{settings.last_epoch}")
    record = {
        "arguments": asdict(settings),
        "training set": sums.pop("training set"),
        "files": sums,
        "labels": labels,
        **({"classes": to_builtins(extra)} if extra and extra.strangers else {}),
        "head": head,
        "curve": curve,
        **more,
    }
    try:
        write_json(path, record)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}") from None


def learnt_labels(settings: TrainSettings, labels: np.ndarray) -> list[int] | None:
    """What the classifier has learnt, and the one it started from; None if that has no record."""
    learnt = set(np.unique(labels).tolist())
    if settings.pretrained:
        try:
            before = read_training_record(train_record(settings.pretrained)).labels
        except (OSError, ValueError):
            return None
        if before is None:
            return None
        learnt.update(before)
    return sorted(learnt)
