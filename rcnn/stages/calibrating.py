"""What other people's clips score for each label, which `predict.py --calibrate impostors` subtracts."""

from __future__ import annotations

import os

import numpy as np

from .. import files
from ..config import config
from ..errors import InputError
from ..files import sha256
from ..networks.zoo.record import TrainingRecord
from ..scores.calibration import Trials, impostor_centres
from ..scores.extra_classes import ExtraClasses
from ..tables import MANIFEST, StageReader, vectors
from .scoring import ROWS, PredictStep
from .training_set import class_of

MOST = 50_000  # clips of the training set that are scored, in batches spread over all


def check_training_set(model: str, record: TrainingRecord | None) -> str:
    """Path of a classifier's training set.

    Raises
    ------
    InputError
        If it is not known, does not exist, or has changed.
    """
    advice = "give --calibrate none, or train again"
    if record is None:
        raise InputError(f"--calibrate impostors: {model} has no record of its training; {advice}")
    path = record.arguments.data
    manifest = files.join(path, MANIFEST)
    if not files.exists(manifest) or sha256(manifest) != record.training_set:
        raise InputError(f"--calibrate impostors: {path}, from which {model} learnt, is gone or was rebuilt; {advice}")
    return path


def impostor_offsets(
    path: str, step: PredictStep, labels: tuple[int, ...] | None, extra: ExtraClasses | None = None
) -> np.ndarray:
    """(networks, classes) float32: how far above average a label's impostors score; subtracting it makes
    scores of different labels comparable. 0 for nobody, and on average over the labels.

    An impostor is a clip of the training set, paired with the most similar label other than its own, as for verdicts
    (`impostor_centres`).

    Parameters
    ----------
    path : of the training set
    step : scores without offsets
    labels : learnt ones; None for all
    extra : the classifier's classes of strangers; None if it has none
    """
    reader = StageReader(path, ("genfeat",))
    every = max(1, reader.rows // MOST)
    found = []
    for number in range(len(step.networks)):
        best, people, classes = [np.zeros(0, np.float32)], [np.zeros(0, np.int32)], 0
        for place, batch in enumerate(reader.batches(rows=ROWS)):
            if place % every:
                continue
            scores = step.scores(vectors(batch.column("feature")), number)
            rows, own = np.arange(len(scores)), class_of(batch.column("label").to_numpy(), reader, extra)
            scores[:, config.SUBMIT.NOBODY] = scores[rows, own] = -np.inf
            classes = scores.shape[1]
            nearest = scores.argmax(1)
            others = np.isfinite(scores[rows, nearest])
            best.append(scores[rows, nearest][others])
            people.append(nearest[others].astype(np.int32))
        impostor, person = np.concatenate(best), np.concatenate(people)
        if not len(impostor):
            raise InputError(f"--calibrate impostors: {os.fspath(path)} has one person only; give --calibrate none")
        nothing = np.zeros(0, np.float32)
        centres = impostor_centres(Trials(nothing, np.zeros(0, np.int32), impostor, person), classes)
        known = np.arange(1, classes) if labels is None else np.setdiff1d(labels, config.SUBMIT.NOBODY)
        offsets = centres - centres[known].mean()
        offsets[config.SUBMIT.NOBODY] = 0
        found.append(offsets.astype(np.float32))
    return np.stack(found)
