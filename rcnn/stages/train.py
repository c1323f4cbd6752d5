"""The training set to a classifier checkpoint."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from .. import files
from ..clips.dataset import TRAIN, VAL
from ..config import config
from ..errors import InputError
from ..files import sha256
from ..files.json import write_json
from ..files.lock import Lock
from ..networks.checkpoint import checkpoint_files, load_checkpoint, save_checkpoint
from ..networks.engine import CPU, choose_device
from ..networks.graphs.classifier import Shape, build_cosine_graph, build_graph
from ..tables import MANIFEST, StageReader, vectors
from ..training.cosine import CosineClassifier, start_at_centroids
from ..training.distributed import Team, joined, share_statistics
from ..training.mlp import Classifier, EpochResult, Schedule, Trainable, initialise, train
from ..training.sharded import ShardedClassifier, initialise_shard, learner_of, momentum_of, whole
from ..training.snapshot import Stateful, load_snapshot, save_snapshot
from ..workers.signals import stopped_at_once
from .recipes import SEED, check_made_by, recipe_of

SMALLEST_BATCH, LARGEST_BATCH = 16, 1024  # that are chosen without --per-batch-size
STEPS_AN_EPOCH = 16  # at least, that the choice aims at
LARGEST_LAYER = 1 << 28  # weights in a process, a gigabyte
HELD_OUT = 0.01  # share that --split 0 validates on
NEVER, AT_END, EVERY_EPOCH = 0, 1, 2  # --ckpt
MLP, COSINE = "mlp", "cosine"  # --head
# may differ when it goes on
FREE_ARGUMENTS = ("gpu", "verbose", "ce_loss", "ckpt", "overwrite", "data", "prefix", "shard_classes")


@dataclass(frozen=True)
class TrainSettings:
    """What `train_mlp.py` takes; see its help."""

    data: str
    prefix: str = "./model/iqiyi"
    ckpt: int = AT_END
    network: str = "r50"
    lr: float = 0.2
    per_batch_size: int | None = None
    num_classes: int = 4935
    num_filter: int = 1024
    lr_step: tuple[int, ...] = (30, 35, 40)
    wd: float = 0.0005
    mom: float = 0.9
    split: int = 1
    begin_epoch: int = 0
    end_epoch: int | None = None
    pretrained: str | None = None
    verbose: int = 0
    max_steps: int = 0
    ce_loss: bool = False
    fbn: bool = False
    head: str = MLP
    margin: float = 0.4
    scale: float = 16.0
    gpu: int | None = None
    shard_classes: bool = False
    seed: int = 0
    overwrite: bool = False
    recipe: str = SEED


@dataclass(frozen=True)
class TrainingSet:
    """features (n, D) float32, labels (n,) int64, which rows (n,) bool are of the train split, and the accounts of
    all clips in words, and the recipe."""

    features: np.ndarray
    labels: np.ndarray
    is_train: np.ndarray
    accounts: str = ""
    recipe: str = SEED

    def rows(self, chosen: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """The features and labels of some rows, on a device."""
        whole = bool(chosen.all())
        features = self.features if whole else self.features[chosen]
        return torch.from_numpy(features).to(device), torch.from_numpy(self.labels[chosen]).to(device)


def read_training_set(path: str, num_classes: int) -> TrainingSet:
    """What genfeat.py wrote.

    Raises
    ------
    InputError
        If it is no training set or a label is not below `num_classes`.
    """
    reader = StageReader(path, ("genfeat",))
    try:
        features = np.empty((reader.rows, reader.width), np.float32)
        labels = np.empty(reader.rows, np.int64)
        is_train = np.empty(reader.rows, bool)
    except (MemoryError, ValueError):
        raise InputError(f"{path}: {reader.rows} clips of {reader.width} numbers don't fit into the memory") from None
    at = 0
    for batch in reader.batches():
        rows = slice(at, at + batch.num_rows)
        features[rows] = vectors(batch.column("feature"))
        labels[rows] = batch.column("label").to_numpy()
        splits = batch.column("split").to_pylist()
        if not set(splits) <= {TRAIN, VAL}:
            raise InputError(f"{path}: holds clips of {', '.join(sorted(set(splits)))}; train on --stage trainval")
        is_train[rows] = [split == TRAIN for split in splits]
        at += batch.num_rows
    if at and labels.min() < 0:
        raise InputError(f"{path}: has the label {labels.min()}; run genfeat.py again")
    if at and labels.max() >= num_classes:
        raise InputError(
            f"{path}: label {labels.max()} does not fit --num-classes {num_classes}; give one more than the largest"
        )
    return TrainingSet(features, labels, is_train, str(reader.accounts), recipe_of(reader.arguments))


def choose_rows(data: TrainingSet, split: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows train and which validate, two (n,) bool arrays, as `--split` says."""
    everything = np.ones(len(data.labels), bool)
    nothing = ~everything
    known = data.labels != config.SUBMIT.NOBODY
    if split == 1:
        return everything, nothing
    if split == -1:
        return data.is_train & known, ~data.is_train & known
    if split == -2:
        return known, nothing
    held_out = nothing.copy()
    count = max(1, round(HELD_OUT * len(everything)))
    held_out[np.random.default_rng(seed).permutation(len(everything))[:count]] = True
    return ~held_out, held_out


def train_mlp(settings: TrainSettings) -> None:
    """Run the stage: read the training set, train, write the checkpoint and its log, print a summary.

    Raises
    ------
    InputError
        If an argument or the training set is wrong, or the checkpoint exists.
    """
    with joined(settings.gpu) as team:
        _train_in(team, settings)


def _train_in(team: Team, settings: TrainSettings) -> None:
    started = time.monotonic()
    settings = replace(settings, prefix=files.on_disk(settings.prefix, "--prefix"))
    schedule_end = settings.end_epoch or max(settings.lr_step)
    if settings.begin_epoch >= schedule_end:
        raise InputError(f"--begin-epoch {settings.begin_epoch}: training ends at epoch {schedule_end}")
    final = f"{settings.prefix},{schedule_end}"
    params_path = checkpoint_files(final)[1]
    if settings.ckpt != NEVER and os.path.exists(params_path) and not settings.overwrite:
        raise InputError(f"{params_path}: exists; give --overwrite to replace it, or another --prefix")
    with _locked(settings.prefix) if team.leads else nullcontext():
        _train(team, settings, started, schedule_end, final, params_path)


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
    finally:
        lock.release()


def _train(
    team: Team, settings: TrainSettings, started: float, schedule_end: int, final: str, params_path: str
) -> None:
    device_number = choose_device(team.device_number(settings.gpu))
    device = torch.device("cpu") if device_number == CPU else torch.device("cuda", device_number)
    data = read_training_set(settings.data, settings.num_classes)
    check_made_by(settings.recipe, settings.data, data.recipe)
    training, validating = choose_rows(data, settings.split, settings.seed)
    count = int(training.sum())
    if count < 2:
        raise InputError(f"{settings.data}: {count} clips to train on with --split {settings.split}; BatchNorm wants 2")
    size = _batch_size(settings.per_batch_size, count)
    team.check_batch(size)
    rate = settings.lr
    if size != settings.per_batch_size:
        rate *= size / LARGEST_BATCH  # Goyal et al., arXiv:1706.02677: the rate belongs to the batch
    schedule = Schedule(rate, settings.lr_step, settings.begin_epoch, schedule_end, size, settings.max_steps)
    shape = Shape(data.features.shape[1], settings.num_filter, settings.num_classes, settings.fbn)
    generator = torch.Generator().manual_seed(settings.seed)
    filters = shape.features if settings.head == COSINE else shape.filters
    classes = -(-shape.classes // team.size) if settings.shard_classes else shape.classes
    if max(shape.features, classes) * filters > LARGEST_LAYER:
        raise InputError(
            f"--num-filter {shape.filters}, --num-classes {shape.classes}: make a layer of more than "
            f"{LARGEST_LAYER} weights in a process; give less, or share it out (docs/training.md)"
        )
    model = _begin(team, settings, shape, generator, data, training)
    if settings.pretrained:
        try:
            model.load(load_checkpoint(settings.pretrained).params)
        except ValueError as error:
            raise InputError(
                f"--pretrained {settings.pretrained}: {error}; give a classifier of these widths"
            ) from None
    share_statistics(model, team)
    model.to(device)
    optimizer = momentum_of(model, settings.mom, settings.wd)
    log = _Log(settings, model, shape, final, team)
    snapshot = _Snapshot(settings, *whole(model, optimizer), generator, team)
    schedule = snapshot.resume(schedule, log)
    team.agree({**snapshot.run, "clips": count, "kind of device": device.type, "epochs done": schedule.begin})
    learner = learner_of(model, team)
    print(
        f"train_mlp: {count} clips, {int(validating.sum())} to validate, {shape.features} wide, "
        f"{shape.classes} classes, batch {size}, learning rate {rate:g}, epochs {schedule.begin} to {schedule.end}"
    )

    def after_epoch(result: EpochResult) -> None:
        log.epoch(result)
        team.agree()
        snapshot.save(log.curve)
        team.agree()

    with stopped_at_once():
        if schedule.begin < schedule.end:
            train(
                model,
                data.rows(training, device),
                data.rows(validating, device) if validating.any() else None,
                schedule,
                optimizer,
                generator,
                after_epoch,
                log.step if settings.verbose else None,
                learner,
            )
        if settings.ckpt == AT_END:
            log.save(final)
        snapshot.remove()
        team.agree()
    where = params_path if settings.ckpt != NEVER else "nothing saved (--ckpt 0)"
    last = log.curve[-1]
    left_out = len(data.labels) - count - int(validating.sum())
    if left_out < 0:
        raise InputError(f"{settings.data}: clips are trained on and validated on; report this")
    print(
        f"train_mlp: {count} clips, {len(log.curve)} epochs, {last.steps} steps, train accuracy "
        f"{last.accuracy:.4f}, {time.monotonic() - started:.1f} s -> {where}"
    )
    print(
        f"accounts: {data.accounts}; of {len(data.labels)} with features {count} trained on, "
        f"{int(validating.sum())} validated on, {left_out} left out"
    )


def _begin(
    team: Team,
    settings: TrainSettings,
    shape: Shape,
    generator: torch.Generator,
    data: TrainingSet,
    training: np.ndarray,
) -> Trainable:
    """The classifier that `--head` names, with its initial weights."""
    if settings.head == COSINE:
        if settings.shard_classes:
            raise InputError("--shard-classes: --head cosine can't share its classes out; leave one of them away")
        cosine = CosineClassifier(shape.features, shape.classes, settings.margin, settings.scale)
        start_at_centroids(cosine, *data.rows(training, torch.device("cpu")), generator)
        return cosine
    if settings.shard_classes and team.size > 1:
        shard = ShardedClassifier(shape, team)
        initialise_shard(shard, settings.network, generator)
        return shard
    model = Classifier(shape)
    initialise(model, settings.network, generator)
    return model


def _batch_size(wanted: int | None, count: int) -> int:
    size = wanted or min(LARGEST_BATCH, max(SMALLEST_BATCH, count // STEPS_AN_EPOCH))
    if size > count:
        if wanted:
            print(f"--per-batch-size {wanted} is more than the {count} clips there are; {count} are taken")
        return count
    return size


class _Snapshot:
    """PREFIX-training.params: from it, training that was stopped goes on as if it had not been."""

    def __init__(
        self,
        settings: TrainSettings,
        model: Stateful,
        optimizer: Stateful,
        generator: torch.Generator,
        team: Team,
    ) -> None:
        self.team = team
        self.overwrite = settings.overwrite
        self.path = f"{settings.prefix}-training.params"
        self.kept = settings.ckpt != NEVER
        self.model, self.optimizer, self.generator = model, optimizer, generator
        arguments = {name: value for name, value in asdict(settings).items() if name not in FREE_ARGUMENTS}
        manifest = sha256(files.join(settings.data, MANIFEST))
        self.run = json.loads(json.dumps({**arguments, "training set": manifest}))
        if self.overwrite:
            self.remove()

    def save(self, curve: list[EpochResult]) -> None:
        """Called after each epoch."""
        if self.kept and not self.team.leads:
            self.model.state_dict(), self.optimizer.state_dict()  # the first process may gather parts of them
        elif self.kept:
            order = self.generator.get_state().numpy().tobytes().hex()
            record = {"run": self.run, "curve": [asdict(result) for result in curve], "order": order}
            save_snapshot(self.path, {"classifier": self.model}, self.optimizer, record)

    def resume(self, schedule: Schedule, log: _Log) -> Schedule:
        """Take over what an earlier run left, if it left something; gives the rest of the schedule."""
        if not self.kept or self.overwrite or not os.path.exists(self.path):
            return schedule
        record = load_snapshot(self.path, {"classifier": self.model}, self.optimizer)
        run = record.get("run")
        before = run if isinstance(run, dict) else {}
        differing = sorted(name for name in self.run if self.run[name] != before.get(name))
        if differing:
            raise InputError(
                f"{self.path}: holds a run with another {', another '.join(differing)}; give the same, or --overwrite"
            )
        try:
            self.generator.set_state(torch.from_numpy(np.frombuffer(bytes.fromhex(record["order"]), np.uint8).copy()))
            log.curve = [EpochResult(**result) for result in record["curve"]]
            last = log.curve[-1]
            if type(last.epoch) is not int or type(last.steps) is not int or last.epoch <= schedule.begin:
                raise ValueError("its epochs are not those of this training")
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
            raise InputError(
                f"{self.path}: is no snapshot of this training ({str(error)[:80]}); remove it to begin anew"
            ) from None
        print(f"train_mlp: goes on after epoch {last.epoch} of {self.path}")
        done = schedule.end if last.steps == schedule.max_steps else last.epoch
        return replace(schedule, begin=done, steps_done=last.steps)

    def remove(self) -> None:
        """The run has come to its end."""
        if self.team.leads and os.path.exists(self.path):
            os.remove(self.path)


class _Log:
    """Prints the curve, keeps it, and saves checkpoints."""

    def __init__(self, settings: TrainSettings, model: Trainable, shape: Shape, final: str, team: Team) -> None:
        self.team = team
        self.settings, self.model, self.shape, self.final = settings, model, shape, final
        self.curve: list[EpochResult] = []

    def step(self, step: int, loss: float) -> None:
        if step % self.settings.verbose == 0:
            print(f"step {step}: cross-entropy {loss:.4f}", flush=True)

    def epoch(self, result: EpochResult) -> None:
        if not math.isfinite(result.loss):
            raise InputError(f"epoch {result.epoch}: the loss is {result.loss}, training diverged; give a smaller --lr")
        self.curve.append(result)
        parts = [f"epoch {result.epoch}: lr {result.lr:g}", f"train accuracy {result.accuracy:.4f}"]
        if self.settings.ce_loss:
            parts.append(f"cross-entropy {result.loss:.4f}")
        if result.val_accuracy is not None:
            parts.append(f"val accuracy {result.val_accuracy:.4f}")
        print(", ".join([*parts, f"{result.rows_per_second:.0f} clips/s"]), flush=True)
        if self.settings.ckpt == EVERY_EPOCH:
            self.save(f"{self.settings.prefix},{result.epoch}")

    def save(self, name: str) -> None:
        arrays = self.model.arrays()
        if not self.team.leads:
            return
        if isinstance(self.model, CosineClassifier):
            graph = build_cosine_graph(arrays["stage2_weight"], self.model.scale, name)
        else:
            graph = build_graph(self.shape, arrays, name)
        save_checkpoint(name, graph)
        path = f"{self.settings.prefix}-train.json"
        record = {"arguments": asdict(self.settings), "curve": [asdict(result) for result in self.curve]}
        try:
            write_json(path, record)
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror or error}") from None
