"""Features to the probability of every class, clip by clip."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..files.json import reason
from ..networks.checkpoint import load_checkpoint
from ..networks.engine import Network, choose_device, load_network
from ..networks.engine.load_onnx import load_onnx_network
from ..networks.engine.onnx_graph import OnnxGraph, is_onnx
from ..networks.graphs.classifier import OUTPUT, shape_of
from ..networks.zoo.record import TrainingRecord, read_training_record
from ..networks.zoo.roles import model_files, train_record
from ..scores.extra_classes import ExtraClasses
from ..tables import StageWriter, check_output, clip_starts, scores_schema
from ..tables.header import check_unchanged, file_sums, header_of, is_kept
from ..tables.join import Batch, concatenate, open_inputs
from ..workers import Plan, open_crew
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .genfeat import carry_clips, check_accounts
from .recipes import SEED, check_made_by, check_recipe
from .settings import PredictSettings

ROWS = 1024  # clips a batch
AHEAD = 2  # batches a worker that may be done before they are written


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) float32 of scores (n, classes): each row sums to 1; a score of -inf has 0."""
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


@dataclass(frozen=True)
class Widths:
    """Of a classifier: its clips' vectors, and its classes."""

    features: int
    classes: int


def load_classifier(model: str, device: int) -> tuple[Network, Widths]:
    """A network that makes scores (n, classes) before the softmax of vectors (n, features).

    Parameters
    ----------
    model : `PREFIX,EPOCH`, or `X.onnx` with `fc7_output` or nothing else as output
    device : number of a CUDA device or `CPU`

    Raises
    ------
    InputError
        If it can't be read or is no classifier.
    """
    make, widths = read_classifier(model)
    return make(device), widths


def read_classifier(model: str) -> tuple[Callable[[int], Network], Widths]:
    """As `load_classifier`, but for the network, which is made when a device is given."""
    if not is_onnx(model):
        graph = load_checkpoint(model)
        shape = shape_of(graph)
        return lambda device: load_network(graph, [OUTPUT], device=device), Widths(shape.features, shape.classes)
    onnx = OnnxGraph(model)
    names = onnx.output_names
    number = names.index(OUTPUT) if OUTPUT in names else 0
    given = onnx.input_shape
    width = given[1] if len(given) == 2 else None
    found = onnx.shapes_at(ROWS, width) if width else None
    if not width or found is None or len(found[number]) != 2 or (OUTPUT not in names and len(names) > 1):
        raise InputError(f"{model}: is no classifier: it takes no vectors or has no output {OUTPUT} to give scores")
    return lambda device: load_onnx_network(onnx, [number], device=device), Widths(width, found[number][1])


@dataclass(frozen=True)
class PredictStep:
    """The step of predict.py: batches of vectors in, the probabilities (n, classes) float32 of each out.

    absent : classes that no clip of the training set had, which have probability 0
    extra : classes of strangers, which count as nobody known; None where there are none
    """

    network: Network
    absent: np.ndarray
    extra: ExtraClasses | None = None

    def __call__(self, batches: Sequence[Batch]) -> list[np.ndarray]:
        return [self._scores(batch.vectors) for batch in batches]

    def _scores(self, vectors: np.ndarray) -> np.ndarray:
        if len(vectors) <= ROWS:
            return self._of_rows(vectors)
        return np.concatenate([self._of_rows(vectors[at : at + ROWS]) for at in range(0, len(vectors), ROWS)])

    def _of_rows(self, vectors: np.ndarray) -> np.ndarray:
        count = len(vectors)
        rows = vectors if count == ROWS else np.pad(vectors, ((0, ROWS - count), (0, 0)))
        scores = self.network(rows)[0][:count].copy()
        scores[:, self.absent] = -np.inf
        found = softmax(scores)
        return found if self.extra is None else self.extra.people_only(found)


def best_of_tracks(batch: Batch, scores: np.ndarray) -> Batch:
    """A row a clip, from one a track: the score of a class is the best of the clip's tracks."""
    starts = clip_starts(batch.names)
    if len(starts) == len(batch.names):
        return replace(batch, vectors=scores)
    return Batch(
        [batch.names[index] for index in starts],
        [batch.splits[index] for index in starts],
        np.maximum.reduceat(scores, starts, axis=0),
    )


@dataclass(frozen=True)
class PredictJob:
    """The step of predict.py, to be built by each worker; see `rcnn.workers.Job`.

    labels : of the training set; None where they are not known
    sums : of the model's files, by name
    extra : see `PredictStep`
    """

    model: str
    labels: tuple[int, ...] | None
    sums: Mapping[str, str]
    extra: ExtraClasses | None = None

    def build(self, gpu: int | None, source: Callable[[], Any] | None = None) -> PredictStep:
        network, widths = load_classifier(self.model, choose_device(gpu))
        check_unchanged(model_files(self.model), self.sums)
        return PredictStep(network, absent_classes(self.labels, widths.classes), self.extra)

    def lost(self, batch: Batch, reason: str) -> np.ndarray:
        raise InputError(
            f"the batch from {batch.names[0]} to {batch.names[-1]} {reason}; is there memory for the model?"
        )


def absent_classes(labels: Sequence[int] | None, classes: int) -> np.ndarray:
    """Classes (n,) int64, 1 or more, that are none of `labels`; none where these are not known.

    With the challenge's numbering there are 4,935 classes, however few people a training set has.
    """
    return np.setdiff1d(np.arange(1, classes), labels) if labels is not None else np.zeros(0, np.int64)


def _record_of_training(settings: PredictSettings, classes: int) -> TrainingRecord | None:
    """The record of the classifier's training; None where there is none.

    Raises
    ------
    InputError
        If another recipe trained it, or the record is damaged.
    """
    path = train_record(settings.model)
    if not os.path.isfile(path):
        return None
    try:
        record = read_training_record(path)
        if record.labels and max(record.labels) >= classes:
            raise ValueError(f"its labels are not all of the classifier's {classes} classes")
        if record.classes and record.classes.classes != classes:
            raise ValueError(f"it counts {record.classes.classes} classes, and the classifier has {classes}")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: can't be read ({reason(error)}); train again, or remove it") from None
    check_made_by(settings.recipe, settings.model, record.arguments.recipe or SEED)
    return record


def predict(settings: PredictSettings) -> None:
    """Run the stage: read the features, write the probabilities, print a summary.

    Raises
    ------
    InputError
        If an input or the model is wrong, or they do not fit.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    readers = open_inputs(settings.inputs, ("feature",), settings.split)
    check_recipe(settings.recipe, readers)
    plan = Plan(settings.gpu, settings.workers, settings.ray)
    shape = read_classifier(settings.model)[1]
    width = sum(reader.width for reader in readers)
    if width != shape.features:
        raise InputError(
            f"--inputs {','.join(settings.inputs)}: features are {width} wide, model {settings.model} takes "
            f"{shape.features}; give the inputs that it was trained on"
        )
    sums = file_sums(model_files(settings.model))
    header = header_of("predict", asdict(settings), sums, settings.inputs)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    record = _record_of_training(settings, shape.classes)
    labels = None if record is None or record.labels is None else tuple(record.labels)
    extra = None if record is None else record.classes
    classes = shape.classes if extra is None else 1 + extra.people
    job = PredictJob(settings.model, labels, sums, extra)
    with ExitStack() as stack:
        crew = stack.enter_context(open_crew(job, plan, AHEAD, threads=1))
        crew.start()
        writer = stack.enter_context(
            StageWriter(
                settings.output,
                "predict",
                scores_schema(classes),
                arguments=asdict(settings),
                models=sums,
                sources=settings.inputs,
                overwrite=settings.overwrite,
            )
        )
        done = writer.state.get("clips", 0)
        batches = concatenate(readers, ROWS, writer.last_row)
        with progress(what="predict", unit="clip", total=readers[0].accounts.ok, initial=done) as bar:
            for (batch,), (scores,) in until_stopped(crew.map([batch] for batch in batches)):
                clips = best_of_tracks(batch, scores)
                done += len(clips.names)
                writer.add_rows(clips.record(writer.schema))
                writer.save(clips=done)
                bar.update(len(clips.names))
        carry_clips(readers, writer)
        counts = writer.close(classes=classes)["counts"]
    accounts = check_accounts(readers, counts, settings.output)
    print(
        f"predict: {counts['clips']} clips, {counts['rows']} with scores of {classes} classes, "
        f"{counts['no_face']} without a face, {counts['unreadable']} unreadable, "
        f"{time.monotonic() - started:.1f} s -> {settings.output}"
    )
    print(f"accounts: {accounts}")
    if record is not None and record.head is not None:
        print(record.head.line)
