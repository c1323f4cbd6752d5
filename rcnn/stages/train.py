"""The training set to a classifier checkpoint."""

from __future__ import annotations

import re
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .. import files
from ..errors import InputError
from ..files.text import check_utf8
from ..networks.checkpoint import checkpoint_files
from ..networks.engine import choose_device
from ..networks.engine.torch import torch_device
from ..networks.graphs.classifier import ClassifierShape
from ..networks.zoo.record import read_training_record
from ..networks.zoo.roles import fold_prefix, train_record
from ..tables.next_steps import predicting, say_next
from ..training.distributed import Team, joined_team
from ..training.epochs import EpochResult, train_epochs
from ..training.loop import Course
from ..training.sharded import learner_of, whole_state
from ..workers.signals import stopped_at_once
from .classifier_files import final_of, forget_record, is_kept, locked, sums_of
from .classifier_writer import Writer, learnt_labels, write_record
from .head_choice import Head, choose_head
from .heads import HeadTrainer
from .noise import doubtful_clips
from .recipes import check_made_by
from .settings import TrainSettings
from .settings.vectors import AT_END, EVERY_EPOCH, MLP, NEVER, TEMPLATES
from .train_going_on import order_of, rest_of, snapshot_of, take_over
from .training_set import TrainingSet, choose_rows, fold_rows, read_training_set

CHALLENGE_CLASSES = 4935  # of iQIYI-VID-2018: the rate and the length of the training were chosen with them
NETWORKS = r"[a-z][0-9]{0,4}"  # --network


def train_mlp(settings: TrainSettings) -> None:
    """Run the stage: read the training set, train, write the checkpoint and its log, print a summary.

    Raises
    ------
    InputError
        If an argument or the training set is wrong, or the checkpoint exists.
    """
    with joined_team(settings.gpu) as team:
        started = time.monotonic()
        settings = replace(settings, prefix=files.on_disk(settings.prefix, "--prefix"))
        check_utf8(settings.prefix, "--prefix")
        if is_kept(team, settings):
            return
        with locked(settings.prefix) if team.leads else nullcontext():
            plan = _plan(team, settings)
            if settings.folds:
                _train_folds(plan, settings.folds, started)
            else:
                _train(plan, started)


@dataclass(frozen=True)
class _Plan:
    """What a training learns from.

    training, validating : (n,) bool, which clips of the training set train and validate
    trainer : makes the classifier
    head : which one
    fold : number of the fold that is left out; 0 where none is
    """

    settings: TrainSettings
    team: Team
    data: TrainingSet
    training: np.ndarray
    validating: np.ndarray
    trainer: HeadTrainer
    head: Head
    fold: int = 0


def _plan(team: Team, settings: TrainSettings) -> _Plan:
    device = torch_device(choose_device(team.device_number(settings.gpu)))
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
            f"{'BatchNorm wants 2' if least > 1 else 'run genfeat.py on clips with faces'}"
        )
    shape = ClassifierShape(data.features.shape[1], settings.num_filter, data.classes, settings.fbn)
    trainer = HeadTrainer(settings, team, data, shape, least_fan_out, device)
    trainer.check_layers(head)
    if head.free and not validating.any():
        with stopped_at_once():
            head = trainer.try_out(head, training)
    return _Plan(settings, team, data, training, validating, trainer, head)


def _train_folds(plan: _Plan, count: int, started: float) -> None:
    """Learn `PREFIX-fold1` to `PREFIX-foldK`, each without one fold, and then write the record that counts them."""
    settings, team = plan.settings, plan.team
    if team.leads and settings.ckpt != NEVER:
        forget_record(settings)
    folds = fold_rows(settings.data, plan.data, count)
    head = replace(plan.head, free=False)  # one for all of them
    for number in range(1, count + 1):
        mine = replace(settings, prefix=fold_prefix(settings.prefix, number))
        if is_kept(team, mine, whole=False):
            continue
        left_out = plan.training & (folds == number - 1)
        if not (plan.training & ~left_out).any():
            raise InputError(f"{settings.data}: nothing is left without fold {number}; give a smaller --folds")
        with locked(mine.prefix) if team.leads else nullcontext():
            validating = plan.validating if plan.validating.any() else left_out & plan.data.judging
            trainer = replace(plan.trainer, settings=mine)
            print(f"train_mlp: fold {number} of {count}, {plan.data.words(left_out)} left out", flush=True)
            training = plan.training & ~left_out
            _train(_Plan(mine, team, plan.data, training, validating, trainer, head, number), time.monotonic())
    if settings.ckpt != NEVER and team.leads:
        words = {"kind": head.kind, "why": f"{head.why}; the mean of {count} folds", "free": False}
        labels = learnt_labels(settings, plan.data.labels[plan.training])
        write_record(settings, sums_of(settings, whole=True), labels, words, [], plan.data.extra, folds=count)
    team.agree()
    print(f"train_mlp: {count} folds, {time.monotonic() - started:.1f} s -> {final_of(settings)}")


def _train(plan: _Plan, started: float) -> None:
    settings, team, data, trainer, head = plan.settings, plan.team, plan.data, plan.trainer, plan.head
    training, validating, shape, device = plan.training, plan.validating, trainer.shape, trainer.device
    final, count = final_of(settings), int(training.sum())
    schedule = trainer.schedule(head, count)
    model, optimizer, generator = trainer.begin(head, training)
    writer = Writer(settings, model, shape, team, learnt_labels(settings, data.labels[training]), head, data.extra)
    more = {"fold": plan.fold} if plan.fold else {}
    snapshot = snapshot_of(settings, *whole_state(model, optimizer), team, more)
    kept = None if settings.ckpt == NEVER else snapshot
    course = Course[EpochResult](
        "train_mlp", writer.words, writer.after_epoch, kept, partial(order_of, generator), team.agree
    )
    if not settings.overwrite:
        course.resume(partial(take_over, generator, schedule))
    schedule = rest_of(schedule, course.curve)
    team.agree({**snapshot.run, "clips": count, "kind of device": device.type, "epochs done": schedule.begin})
    learns = (
        f", batch {schedule.batch_size}, learning rate {schedule.rate:g}, epochs {schedule.begin} to {schedule.end}"
    )
    print(
        f"train_mlp: {data.words(training)}, {int(validating.sum())} to validate, {shape.features} wide, "
        f"{shape.classes} classes{'' if head.kind == TEMPLATES else learns}"
    )
    with stopped_at_once():
        if schedule.begin < schedule.end:
            course.run(
                train_epochs(
                    learner_of(model, team),
                    data.rows(training, device),
                    data.rows(validating, device) if validating.any() else None,
                    schedule,
                    optimizer,
                    generator,
                    writer.after_step if settings.verbose else None,
                )
            )
        if head.kind != TEMPLATES and validating.any():
            # with a checkpoint an epoch the graph on disk is that of what was learnt, and stays
            bound = replace(head, free=head.free and settings.ckpt != EVERY_EPOCH)
            where = "the fold left out" if plan.fold and settings.split in (1, -2) else _held_out(settings)
            head = trainer.judge(bound, model, training, validating, where)
            if head.kind == TEMPLATES:
                writer.model = trainer.begin(head, training)[0]
        writer.head = head
        if settings.ckpt != NEVER:
            at_end = settings.ckpt == AT_END or head.kind == TEMPLATES
            writer.save(final if at_end else f"{settings.prefix},{course.curve[-1].epoch}", course.curve)
        if kept:
            kept.remove()
        team.agree()
    where = checkpoint_files(final)[1] if settings.ckpt != NEVER else "nothing saved (--ckpt 0)"
    left_out = len(data.labels) - count - int(validating.sum())
    if left_out < 0:
        raise InputError(f"{settings.data}: clips are trained on and validated on; report this")
    learnt = "nothing learnt"
    if course.curve:
        last = course.curve[-1]
        learnt = f"{len(course.curve)} epochs, {last.steps} steps, train accuracy {last.accuracy:.4f}"
    print(head.line)
    if head.warning and team.leads:
        print(f"train_mlp.py: {head.warning}", file=sys.stderr, flush=True)
    print(f"train_mlp: {data.words(training)}, {learnt}, {time.monotonic() - started:.1f} s -> {where}")
    print(
        f"accounts: {data.accounts}; of {len(data.labels)}{'' if data.own is None else ' rows'} with features {count} "
        "trained on, "
        f"{int(validating.sum())} validated on, {left_out} left out"
    )
    if settings.ckpt and team.leads and settings.folds is None:
        say_next(predicting(f"{settings.prefix},{settings.last_epoch}", settings.data, settings.recipe))


def _check_pretrained(settings: TrainSettings, data: TrainingSet) -> None:
    """Refuse a classifier to start from whose classes mean others than the training set's.

    Raises
    ------
    InputError
        Says how many classes of strangers each has.
    """
    if not settings.pretrained:
        return
    try:
        extra = read_training_record(train_record(settings.pretrained)).classes
    except (OSError, ValueError):
        return  # what was not trained here has no record
    before = extra.strangers if extra else 0
    now = data.extra.strangers if data.extra else 0
    if before != now or (extra and extra.people != data.people):
        raise InputError(
            f"--pretrained {settings.pretrained}: has {before} classes of strangers and {settings.data} has {now}, or "
            "they begin elsewhere, so one class would mean two people; give a classifier of this training set"
        )


def _held_out(settings: TrainSettings) -> str:
    return "val" if settings.split else "the clips held out"


def _check_network(name: str) -> None:
    if not re.fullmatch(NETWORKS, name):
        raise InputError(
            f"--network {name[:40]}: is no name of a network, a letter and a number like r50; the letter says how the "
            "weights begin"
        )
