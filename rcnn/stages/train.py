"""The training set to a classifier checkpoint."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from msgspec import to_builtins

from .. import files
from ..errors import InputError
from ..files import sha256
from ..files.json import read_json, write_json
from ..files.lock import Lock
from ..files.text import check_utf8
from ..networks.checkpoint import checkpoint_files, save_checkpoint
from ..networks.engine import choose_device
from ..networks.engine.torch import torch_device
from ..networks.graphs.classifier import ClassifierShape, build_cosine_graph, build_graph
from ..networks.zoo.record import TrainingOrigin, read_training_record
from ..networks.zoo.roles import train_record
from ..scores.extra_classes import ExtraClasses
from ..tables import MANIFEST
from ..tables.header import file_sums
from ..training.cosine import CosineClassifier
from ..training.distributed import Team, joined_team
from ..training.epochs import EpochResult, Schedule, train_epochs
from ..training.loop import Course
from ..training.mlp import Trainable
from ..training.sharded import learner_of, whole_state
from ..training.snapshot import Snapshot, Stateful
from ..workers.signals import stopped_at_once
from .head_choice import Head, choose_head
from .heads import HeadTrainer
from .recipes import check_made_by
from .settings import TrainSettings
from .settings.vectors import AT_END, EVERY_EPOCH, MLP, NEVER, TEMPLATES
from .training_set import TrainingSet, choose_rows, read_training_set

CHALLENGE_CLASSES = 4935  # of iQIYI-VID-2018: the rate and the length of the training were chosen with them
NETWORKS = r"[a-z][0-9]{0,4}"  # --network
# may differ when it goes on
FREE_ARGUMENTS = ("gpu", "verbose", "ce_loss", "ckpt", "overwrite", "renew", "data", "prefix", "shard_classes")


def train_mlp(settings: TrainSettings) -> None:
    """Run the stage: read the training set, train, write the checkpoint and its log, print a summary.

    Raises
    ------
    InputError
        If an argument or the training set is wrong, or the checkpoint exists.
    """
    with joined_team(settings.gpu) as team:
        _train_in(team, settings)


def _train_in(team: Team, settings: TrainSettings) -> None:
    started = time.monotonic()
    settings = replace(settings, prefix=files.on_disk(settings.prefix, "--prefix"))
    check_utf8(settings.prefix, "--prefix")
    final = f"{settings.prefix},{settings.last_epoch}"
    params_path = checkpoint_files(final)[1]
    # a run that was killed in its last step has its weights there, not yet their record, and goes on from its snapshot
    is_there = os.path.exists(params_path) and not os.path.exists(_snapshot_path(settings))
    if settings.ckpt != NEVER and is_there and not settings.overwrite and _is_kept(team, settings, final):
        return
    with _locked(settings.prefix) if team.leads else nullcontext():
        _train(team, settings, started, final, params_path)


def _is_kept(team: Team, settings: TrainSettings, final: str) -> bool:
    """Whether the classifier that is there is what this training would end in, which a line then says.

    Raises
    ------
    InputError
        If it is another one's, and --renew does not say to make it anew.
    """
    path = f"{settings.prefix}-train.json"
    try:
        record = read_json(path, TrainingOrigin)
    except (OSError, ValueError):
        raise InputError(
            f"{path}: does not say how {final} was made; give --overwrite to replace it, or another --prefix"
        ) from None
    was, sums = record.arguments, {**record.files, "training set": record.training_set}
    now = json.loads(json.dumps(asdict(settings)))
    if settings.num_classes is None:
        now["num_classes"] = was.get("num_classes")  # it follows from the training set
    free = {*FREE_ARGUMENTS, "pretrained"}
    others = [
        f"{name} ({was.get(name)}, now {now.get(name)})"
        for name in sorted({*was, *now} - free)
        if was.get(name) != now.get(name)
    ]
    changed = [name for name, digest in _sums_of(settings, final).items() if sums.get(name) != digest]
    if not others and not changed:
        if team.leads:
            print(f"train_mlp.py: {final} is there and was made of the same; it is kept", flush=True)
        return True
    if others or not settings.renew:
        raise InputError(
            f"{final}: was made with another {', another '.join([*others, *changed])}; give the same, --overwrite to "
            f"replace it, or another --prefix"
        )
    if team.leads:
        print(f"train_mlp.py: {final} was made with another {', another '.join(changed)}; it is made anew", flush=True)
        os.remove(checkpoint_files(final)[1])
    return False


def _sums_of(settings: TrainSettings, final: str) -> dict[str, str]:
    """sha256 of the training set's manifest, of what the training began with, and of the classifier's own files."""
    paths = [path for path in checkpoint_files(final) if os.path.exists(path)]
    if settings.pretrained:
        paths += checkpoint_files(settings.pretrained)
    return {"training set": sha256(files.join(settings.data, MANIFEST)), **file_sums(paths)}


@contextmanager
def _locked(prefix: str) -> Iterator[None]:
    """One training at a time on a prefix."""
    try:
        files.make_dir(os.path.dirname(prefix))
        lock = Lock(f"{prefix}-lock", prefix, "--prefix")
    except OSError as error:
        raise InputError(f"{prefix}: can't be written: {error.strerror or error}; give another --prefix") from None
    try:
        yield
        lock.check()
    finally:
        lock.release()


def _train(team: Team, settings: TrainSettings, started: float, final: str, params_path: str) -> None:
    device = torch_device(choose_device(team.device_number(settings.gpu)))
    _check_network(settings.network)
    data = read_training_set(settings.data, settings.num_classes)
    least_fan_out = 0 if settings.num_classes else CHALLENGE_CLASSES
    settings = replace(settings, num_classes=1 + data.people)
    _check_pretrained(settings, data)
    check_made_by(settings.recipe, settings.data, data.recipe)
    training, validating = choose_rows(data, settings.split, settings.seed)
    count = int(training.sum())
    head = choose_head(settings, data.known(training & data.judging))
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
    schedule = trainer.schedule(head, count)
    model, optimizer, generator = trainer.begin(head, training)
    writer = _Writer(settings, model, shape, team, _labels(settings, data.labels[training]), head, data.extra)
    snapshot = _snapshot(settings, *whole_state(model, optimizer), team)
    kept = None if settings.ckpt == NEVER else snapshot
    course = Course[EpochResult](
        "train_mlp", writer.words, writer.after_epoch, kept, partial(_order, generator), team.agree
    )
    if not settings.overwrite:
        course.resume(partial(_take_over, generator, schedule))
    schedule = _rest(schedule, course.curve)
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
            head = trainer.judge(bound, model, training, validating, "val" if settings.split else "the clips held out")
            if head.kind == TEMPLATES:
                writer.model = trainer.begin(head, training)[0]
        writer.head = head
        if settings.ckpt != NEVER:
            at_end = settings.ckpt == AT_END or head.kind == TEMPLATES
            writer.save(final if at_end else f"{settings.prefix},{course.curve[-1].epoch}", course.curve)
        if kept:
            kept.remove()
        team.agree()
    where = params_path if settings.ckpt != NEVER else "nothing saved (--ckpt 0)"
    left_out = len(data.labels) - count - int(validating.sum())
    if left_out < 0:
        raise InputError(f"{settings.data}: clips are trained on and validated on; report this")
    learnt = "nothing learnt"
    if course.curve:
        last = course.curve[-1]
        learnt = f"{len(course.curve)} epochs, {last.steps} steps, train accuracy {last.accuracy:.4f}"
    print(head.line)
    print(f"train_mlp: {data.words(training)}, {learnt}, {time.monotonic() - started:.1f} s -> {where}")
    print(
        f"accounts: {data.accounts}; of {len(data.labels)}{'' if data.own is None else ' rows'} with features {count} "
        "trained on, "
        f"{int(validating.sum())} validated on, {left_out} left out"
    )


def _check_network(name: str) -> None:
    if not re.fullmatch(NETWORKS, name):
        raise InputError(
            f"--network {name[:40]}: is no name of a network, a letter and a number like r50; the letter says how the "
            "weights begin"
        )


def _check_pretrained(settings: TrainSettings, data: TrainingSet) -> None:
    """Refuse a classifier to start from whose classes mean others than the training set's.

    Raises
    ------
    InputError
        Says which classes are strangers' in both.
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


def _labels(settings: TrainSettings, labels: np.ndarray) -> list[int] | None:
    """What the classifier has learnt, and the one that it began from; None where that has no record."""
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


def _snapshot_path(settings: TrainSettings) -> str:
    return f"{settings.prefix}-training.params"


def _snapshot(settings: TrainSettings, model: Stateful, optimizer: Stateful, team: Team) -> Snapshot:
    """PREFIX-training.params, which --overwrite removes."""
    arguments = {name: value for name, value in asdict(settings).items() if name not in FREE_ARGUMENTS}
    snapshot = Snapshot(
        _snapshot_path(settings),
        {"classifier": model},
        optimizer,
        {**arguments, "training set": sha256(files.join(settings.data, MANIFEST))},
        "--overwrite",
        team.leads,
    )
    if settings.overwrite:
        snapshot.remove()
    return snapshot


def _order(generator: torch.Generator) -> dict[str, str]:
    """What a snapshot holds of the order in which the clips come next."""
    return {"order": generator.get_state().numpy().tobytes().hex()}


def _take_over(generator: torch.Generator, schedule: Schedule, record: dict[str, Any]) -> tuple[list[EpochResult], str]:
    """Set the order that a snapshot holds; the curve in it, and after which epoch it was."""
    generator.set_state(torch.from_numpy(np.frombuffer(bytes.fromhex(record["order"]), np.uint8).copy()))
    curve = [EpochResult(**result) for result in record["curve"]]
    last = curve[-1]
    if type(last.epoch) is not int or type(last.steps) is not int or last.epoch <= schedule.begin:
        raise ValueError("its epochs are not those of this training")
    return curve, f"epoch {last.epoch}"


def _rest(schedule: Schedule, curve: list[EpochResult]) -> Schedule:
    """What is left to do after a curve."""
    if not curve:
        return schedule
    done = schedule.end if curve[-1].steps == schedule.max_steps else curve[-1].epoch
    return replace(schedule, begin=done, steps_done=curve[-1].steps)


class _Writer:
    """Says what an epoch came to, and saves checkpoints with the curve beside them, as the settings want it."""

    def __init__(
        self,
        settings: TrainSettings,
        model: Trainable,
        shape: ClassifierShape,
        team: Team,
        labels: list[int] | None,
        head: Head,
        extra: ExtraClasses | None,
    ) -> None:
        self.settings, self.model, self.shape, self.team, self.labels = settings, model, shape, team, labels
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
        if isinstance(self.model, CosineClassifier):
            graph = build_cosine_graph(arrays["stage2_weight"], arrays["stage2_bias"], self.model.scale, name)
        else:
            graph = build_graph(self.shape, arrays, name)
        save_checkpoint(name, graph)
        path = f"{self.settings.prefix}-train.json"
        sums = _sums_of(self.settings, name)
        record = {
            "arguments": asdict(self.settings),
            "training set": sums.pop("training set"),
            "files": sums,
            "labels": self.labels,
            **({"classes": to_builtins(self.extra)} if self.extra and self.extra.strangers else {}),
            "head": asdict(self.head),
            "curve": [asdict(result) for result in curve if self.head.kind != TEMPLATES],
        }
        try:
            write_json(path, record)
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror or error}") from None
