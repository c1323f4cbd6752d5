"""Training a classifier: epochs in PyTorch, and whether the result ranks better than the templates."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..networks.engine.torch import torch_device
from ..training.epochs import EpochResult, train_epochs
from ..training.loop import Course
from ..training.sharded import learner_of, whole_state
from ..workers.signals import stopped_at_once
from .classifier_files import final_of
from .classifier_writer import Writer, learnt_labels
from .head_choice import Head
from .heads import HeadTrainer
from .settings import TrainSettings
from .settings.vectors import AT_END, EVERY_EPOCH, NEVER, TEMPLATES
from .train_going_on import order_of, rest_of, snapshot_of, take_over
from .training_plan import TrainingPlan


def trainer_of(plan: TrainingPlan) -> HeadTrainer:
    """The trainer for the classifier of a plan."""
    return HeadTrainer(plan.settings, plan.team, plan.data, plan.shape, plan.least_fan_out, torch_device(plan.device))


def try_out(plan: TrainingPlan) -> Head:
    """The head of a plan, after a trial on a part of the clips; see `HeadTrainer.try_out`."""
    with stopped_at_once():
        return trainer_of(plan).try_out(plan.head, plan.training)


def learn(plan: TrainingPlan, started: float) -> None:
    """Train epoch by epoch, evaluate the result if clips are held out, write it and print a summary."""
    settings, team, data, head, trainer = plan.settings, plan.team, plan.data, plan.head, trainer_of(plan)
    training, validating, device = plan.training, plan.validating, trainer.device
    schedule = trainer.schedule(head, plan.count)
    model, optimizer, generator = trainer.begin(head, training)
    writer = Writer(settings, model, team, learnt_labels(settings, data.labels[training]), head, data.extra)
    more = {"fold": plan.fold} if plan.fold else {}
    snapshot = snapshot_of(settings, *whole_state(model, optimizer), team, more)
    kept = None if settings.ckpt == NEVER else snapshot
    course = Course[EpochResult](
        "train_mlp", writer.words, writer.after_epoch, kept, partial(order_of, generator), team.agree
    )
    if not settings.overwrite:
        course.resume(partial(take_over, generator, schedule))
    schedule = rest_of(schedule, course.curve)
    team.agree({**snapshot.run, "clips": plan.count, "kind of device": device.type, "epochs done": schedule.begin})
    print(
        f"{plan.begins}, batch {schedule.batch_size}, learning rate {schedule.rate:g}, "
        f"epochs {schedule.begin} to {schedule.end}"
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
        if validating.any():
            # with a checkpoint per epoch the graph on disk is that of the learnt head, and stays
            bound = replace(head, free=head.free and settings.ckpt != EVERY_EPOCH)
            where = "the fold left out" if plan.fold and settings.split in (1, -2) else _held_out(settings)
            head = trainer.judge(bound, model, training, validating, where)
            if head.kind == TEMPLATES:
                writer.model = trainer.begin(head, training)[0]
        writer.head = head
        if settings.ckpt != NEVER:
            at_end = settings.ckpt == AT_END or head.kind == TEMPLATES
            writer.save(final_of(settings) if at_end else f"{settings.prefix},{course.curve[-1].epoch}", course.curve)
        if kept:
            kept.remove()
        team.agree()
    plan.finish(head, course.curve, started)


def _held_out(settings: TrainSettings) -> str:
    return "val" if settings.split else "the clips held out"
