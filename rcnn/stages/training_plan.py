"""The data and the head of a training, and its summary. Needs no PyTorch."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..installation import how_to_install
from ..networks.checkpoint import checkpoint_files
from ..networks.engine import choose_device
from ..networks.graphs.classifier import ClassifierShape
from ..networks.zoo.record import read_training_record
from ..networks.zoo.roles import train_record
from ..tables.next_steps import predicting, say_next
from ..training.team import Team
from .classifier_files import final_of
from .head_choice import Head, choose_head
from .noise import doubtful_clips
from .recipes import check_made_by
from .settings import TrainSettings
from .settings.vectors import MLP, NEVER, TEMPLATES
from .training_set import TrainingSet, choose_rows, read_training_set

if TYPE_CHECKING:
    from ..training.epochs import EpochResult

CHALLENGE_CLASSES = 4935  # of iQIYI-VID-2018, for which the rate and the length of the training were chosen
NETWORKS = r"[a-z][0-9]{0,4}"  # --network
LARGEST_LAYER = 1 << 28  # weights in a process, a gigabyte


@dataclass(frozen=True)
class TrainingPlan:
    """The data, shape and head of a training.

    settings : with the number of classes
    training, validating : (n,) bool, which clips of the training set train and validate
    shape : of the classifier
    least_fan_out : see `rcnn.training.mlp.initialise`
    device : number of a CUDA device or `CPU`
    head : the chosen one
    fold : number of the fold that is left out; 0 for none
    """

    settings: TrainSettings
    team: Team
    data: TrainingSet
    training: np.ndarray
    validating: np.ndarray
    shape: ClassifierShape
    least_fan_out: int
    device: int
    head: Head
    fold: int = 0

    @property
    def count(self) -> int:
        """Clips that train."""
        return int(self.training.sum())

    @property
    def begins(self) -> str:
        """The line that is printed first, without how it learns."""
        return (
            f"train_mlp: {self.data.words(self.training)}, {int(self.validating.sum())} to validate, "
            f"{self.shape.features} wide, {self.shape.classes} classes"
        )

    def finish(self, head: Head, curve: Sequence[EpochResult], started: float) -> None:
        """Print a summary of a training.

        Parameters
        ----------
        head : the final one
        curve : of the epochs
        started : time of its start, on the monotonic clock
        """
        settings, data, count = self.settings, self.data, self.count
        where = checkpoint_files(final_of(settings))[1] if settings.ckpt != NEVER else "nothing saved (--ckpt 0)"
        left_out = len(data.labels) - count - int(self.validating.sum())
        if left_out < 0:
            raise InputError(
                f"{settings.data}: some clips are both trained on and validated on; please report this bug"
            )
        learnt = "nothing learnt"
        if curve:
            last = curve[-1]
            learnt = f"{len(curve)} epochs, {last.steps} steps, train accuracy {last.accuracy:.4f}"
        print(head.line)
        if head.warning and self.team.leads:
            print(f"train_mlp.py: {head.warning}", file=sys.stderr, flush=True)
        print(f"train_mlp: {data.words(self.training)}, {learnt}, {time.monotonic() - started:.1f} s -> {where}")
        print(
            f"accounts: {data.accounts}; of {len(data.labels)}{'' if data.own is None else ' rows'} with features "
            f"{count} trained on, {int(self.validating.sum())} validated on, {left_out} left out"
        )
        if settings.ckpt and self.team.leads and settings.folds is None:
            say_next(predicting(f"{settings.prefix},{settings.last_epoch}", settings.data, settings.recipe))


def make_plan(team: Team, settings: TrainSettings) -> TrainingPlan:
    """Read the training set and choose the head; if no clips are held out, it gets a trial first.

    Raises
    ------
    InputError
        If an argument or the training set is wrong, or PyTorch is needed and not installed.
    """
    device = choose_device(team.device_number(settings.gpu))
    _check_network(settings.network)
    data = read_training_set(settings.data, settings.num_classes)
    least_fan_out = 0 if settings.num_classes else CHALLENGE_CLASSES
    settings = replace(settings, num_classes=1 + data.people)
    _check_pretrained(settings, data)
    check_made_by(settings.recipe, settings.data, data.recipe)
    training, validating = choose_rows(data, settings.split, settings.seed)
    if settings.noise:
        training &= ~doubtful_clips(settings, data, training, team.leads and settings.ckpt != NEVER)
    head = choose_head(settings, data.known(training & data.judging))
    count = int(training.sum())
    if count < (least := 2 if head.kind == MLP else 1):
        raise InputError(
            f"{settings.data}: {count} clips to train on with --split {settings.split}; "
            f"{'BatchNorm needs 2' if least > 1 else 'run genfeat.py on clips with faces'}"
        )
    shape = ClassifierShape(data.features.shape[1], settings.num_filter, data.classes, settings.fbn)
    plan = TrainingPlan(settings, team, data, training, validating, shape, least_fan_out, device, head)
    _check_layers(plan)
    if head.kind == TEMPLATES:
        return plan
    try:
        from .learning import try_out
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise InputError(
            f"--head {head.kind} learns with PyTorch, which is not installed; {how_to_install('train')}, or give "
            f"--head {TEMPLATES}, which does not need it"
        ) from None
    return replace(plan, head=try_out(plan)) if head.free and not validating.any() else plan


def _check_layers(plan: TrainingPlan) -> None:
    """Refuse layers too large for a process, and flags that don't apply to a head.

    Raises
    ------
    InputError
        Names the flags.
    """
    settings, shape, head = plan.settings, plan.shape, plan.head
    if head.kind != MLP and settings.shard_classes:
        raise InputError(f"--shard-classes: --head {head.kind} can't be sharded; leave one of them out")
    if head.kind == TEMPLATES and settings.pretrained:
        raise InputError("--pretrained: --head templates is not trained; leave one of them out")
    filters = shape.filters if head.kind == MLP else shape.features
    classes = -(-shape.classes // plan.team.size) if settings.shard_classes else shape.classes
    if max(shape.features, classes) * filters > LARGEST_LAYER:
        raise InputError(
            f"--num-filter {shape.filters}, --num-classes {shape.classes}: make a layer of more than "
            f"{LARGEST_LAYER} weights in a process; give less, or share it out (docs/training.md)"
        )


def _check_pretrained(settings: TrainSettings, data: TrainingSet) -> None:
    """Refuse a classifier to start from whose classes differ in meaning from the training set's.

    Raises
    ------
    InputError
        With the number of classes of strangers that each has.
    """
    if not settings.pretrained:
        return
    try:
        extra = read_training_record(train_record(settings.pretrained)).classes
    except (OSError, ValueError):
        return  # a classifier trained elsewhere has no record
    before = extra.strangers if extra else 0
    now = data.extra.strangers if data.extra else 0
    if before != now or (extra and extra.people != data.people):
        raise InputError(
            f"--pretrained {settings.pretrained}: has {before} classes of strangers and {settings.data} has {now}, or "
            "numbers them differently, so one class would be two people; give a classifier of this training set"
        )


def _check_network(name: str) -> None:
    if not re.fullmatch(NETWORKS, name):
        raise InputError(
            f"--network {name[:40]}: is not the name of a network, a letter and a number like r50; the letter says how "
            "the "
            "weights begin"
        )
