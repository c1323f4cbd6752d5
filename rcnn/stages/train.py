"""From the training set to a classifier checkpoint."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext, suppress
from dataclasses import replace

import numpy as np

from .. import files
from ..errors import InputError
from ..files.text import check_utf8
from ..networks.zoo.roles import fold_prefix
from ..training.centroids import Centroids, find_centroids
from ..training.team import joined_team
from ..workers.signals import stopped_at_once
from .classifier_files import final_of, forget_record, is_kept, locked, snapshot_path, sums_of
from .classifier_writer import Writer, learnt_labels, write_record
from .settings import TrainSettings
from .settings.vectors import NEVER, TEMPLATES
from .training_plan import TrainingPlan, make_plan
from .training_set import fold_rows


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
            plan = make_plan(team, settings)
            if settings.folds:
                _train_folds(plan, settings.folds, started)
            else:
                _train(plan, started)


def _train_folds(plan: TrainingPlan, count: int, started: float) -> None:
    """Learn `PREFIX-fold1` to `PREFIX-foldK`, each without one fold, and then write the record that counts them."""
    settings, team = plan.settings, plan.team
    if team.leads and settings.ckpt != NEVER:
        forget_record(settings)
    folds = fold_rows(settings.data, plan.data, count)
    head = replace(plan.head, free=False)  # shared by all of them
    for number in range(1, count + 1):
        mine = replace(settings, prefix=fold_prefix(settings.prefix, number))
        if is_kept(team, mine, whole=False):
            continue
        left_out = plan.training & (folds == number - 1)
        if not (plan.training & ~left_out).any():
            raise InputError(f"{settings.data}: no clips are left without fold {number}; give a smaller --folds")
        with locked(mine.prefix) if team.leads else nullcontext():
            validating = plan.validating if plan.validating.any() else left_out & plan.data.judging
            print(f"train_mlp: fold {number} of {count}, {plan.data.words(left_out)} left out", flush=True)
            training = plan.training & ~left_out
            part = replace(plan, settings=mine, training=training, validating=validating, head=head, fold=number)
            _train(part, time.monotonic())
    if settings.ckpt != NEVER and team.leads:
        words = {"kind": head.kind, "why": f"{head.why}; the mean of {count} folds", "free": False}
        labels = learnt_labels(settings, plan.data.labels[plan.training])
        write_record(settings, sums_of(settings, whole=True), labels, words, [], plan.data.extra, folds=count)
    team.agree()
    print(f"train_mlp: {count} folds, {time.monotonic() - started:.1f} s -> {final_of(settings)}")


def _train(plan: TrainingPlan, started: float) -> None:
    """Train one classifier, write it and print a summary."""
    if plan.head.kind == TEMPLATES:
        _write_templates(plan, started)
        return
    from .learning import learn  # loads PyTorch

    learn(plan, started)


def _write_templates(plan: TrainingPlan, started: float) -> None:
    settings, team, data = plan.settings, plan.team, plan.data
    path = snapshot_path(settings)
    if team.leads and settings.overwrite:
        with suppress(FileNotFoundError):
            os.remove(path)
    if os.path.exists(path):
        raise InputError(
            f"{path}: belongs to another training, which was stopped; give --overwrite, or another --prefix"
        )
    team.agree({"clips": plan.count})
    print(plan.begins)
    with stopped_at_once():
        noise = np.random.default_rng(settings.seed).standard_normal(
            (plan.shape.classes, plan.shape.features), np.float32
        )
        rows = plan.training
        directions, nobody = find_centroids(data.features[rows], data.labels[rows], noise, data.people)
        labels = learnt_labels(settings, data.labels[rows])
        scaled = Centroids(directions, nobody, settings.scale)
        if settings.ckpt != NEVER:
            Writer(settings, scaled, team, labels, plan.head, data.extra).save(final_of(settings), [])
        team.agree()
    plan.finish(plan.head, [], started)
