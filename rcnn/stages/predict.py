"""From features to the probability of every class, clip by clip."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace

import numpy as np

from ..errors import InputError
from ..files.json import reason
from ..files.text import counted
from ..networks.engine import check_devices
from ..networks.zoo.record import TrainingRecord, read_training_record
from ..networks.zoo.roles import missing_file, model_files, train_record
from ..tables import StageWriter, check_output, clip_starts, scores_schema
from ..tables.header import file_sums, header_of, is_kept
from ..tables.join import Batch, concatenate, open_inputs
from ..tables.next_steps import following, say_next, training
from ..workers import Plan, open_crew
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .calibrating import check_training_set, impostor_offsets
from .genfeat import carry_clips, check_accounts
from .propagating import propagate, read_pieces
from .recipes import SEED, check_made_by, check_recipe
from .scoring import PredictJob, read_widths
from .settings import PredictSettings
from .settings.ranking import IMPOSTORS, NORM

ROWS = 1024  # clips in a batch
FILMS = "films"  # key of the digest of which clip is of which film
AHEAD = 2  # finished batches per worker that may wait to be written


def best_of_tracks(batch: Batch, scores: np.ndarray) -> Batch:
    """One row per clip, from one per track: the score of a class is the best of the clip's tracks."""
    starts = clip_starts(batch.names)
    if len(starts) == len(batch.names):
        return replace(batch, vectors=scores)
    return Batch(
        [batch.names[index] for index in starts],
        [batch.splits[index] for index in starts],
        np.maximum.reduceat(scores, starts, axis=0),
    )


def _record_of_training(settings: PredictSettings, classes: int) -> TrainingRecord | None:
    """The record of the classifier's training; None if it has none.

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


def _check_there(settings: PredictSettings) -> None:
    """Refuse a classifier that does not exist, and say how to make it."""
    path = missing_file(settings.model)
    if path is not None:
        first = training(settings.model, settings.inputs[0])
        raise InputError(f"--model {settings.model}: there is no {path}; train the classifier first: {first}")


def predict(settings: PredictSettings) -> None:
    """Run the stage: read the features, write the probabilities, print a summary.

    Raises
    ------
    InputError
        If an input or the model is wrong, or they do not match.
    """
    started = time.monotonic()
    check_output(settings.output, True)
    readers = open_inputs(settings.inputs, ("feature",), settings.split)
    check_recipe(settings.recipe, readers)
    check_devices(settings.gpu if settings.ray is None else None)
    plan = Plan(settings.gpu, settings.workers, settings.ray)
    _check_there(settings)
    shape = read_widths(settings.model)
    width = sum(reader.width for reader in readers)
    if width != shape.features:
        raise InputError(
            f"--inputs {','.join(settings.inputs)}: features are {width} wide, model {settings.model} takes "
            f"{shape.features}; give the inputs that it was trained on"
        )
    sums = file_sums(model_files(settings.model))
    pieces = read_pieces(readers) if settings.propagate else None
    made_of = sums if pieces is None else {**sums, FILMS: pieces.digest}
    header = header_of("predict", asdict(settings), made_of, settings.inputs)
    if is_kept(settings.output, header, settings.overwrite, settings.renew):
        return
    record = _record_of_training(settings, shape.classes)
    labels = None if record is None or record.labels is None else tuple(record.labels)
    extra = None if record is None else record.classes
    classes = shape.classes if extra is None else 1 + extra.people
    job = PredictJob(settings.model, labels, sums, settings.calibrate == NORM, extra=extra)
    if settings.calibrate == IMPOSTORS:
        learnt = check_training_set(settings.model, record)
        job = replace(job, offsets=impostor_offsets(learnt, job.build(plan.devices[0]), labels, extra))
    with ExitStack() as stack:
        crew = stack.enter_context(open_crew(job, plan, AHEAD, threads=1))
        crew.start()
        writer = stack.enter_context(
            StageWriter(
                settings.output,
                "predict",
                scores_schema(classes),
                arguments=asdict(settings),
                models=made_of,
                sources=settings.inputs,
                overwrite=settings.overwrite,
            )
        )
        done = writer.state.get("clips", 0)
        films = pieces if pieces is not None and pieces.films else None
        batches = concatenate(readers, ROWS, writer.last_row if films is None else "")
        scored: Iterator[tuple[Batch, np.ndarray]] = (
            (batch, scores) for (batch,), (scores,) in until_stopped(crew.map([batch] for batch in batches))
        )
        if films is not None:
            scored = propagate(scored, films, ROWS)
        with progress(what="predict", unit="clip", total=readers[0].accounts.ok, initial=done) as bar:
            for batch, scores in scored:
                clips = best_of_tracks(batch, scores)
                if clips.names[0] <= writer.last_row:
                    continue  # was written before the run was stopped; films are propagated as a whole
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
    if pieces is not None:
        count = len(set(pieces.films.values()))
        print(
            f"--propagate {settings.propagate}: within {counted(count, 'film')} of {counted(len(pieces.films), 'clip')}"
        )
    if record is not None and record.head is not None:
        print(record.head.line)
    say_next(following("predict", settings.output, settings.recipe))
