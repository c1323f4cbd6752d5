"""Whether a data set still has the labels that a classifier learnt: if not, names would be shown for the wrong
people."""

from __future__ import annotations

import os

import pyarrow as pa

from ..clips.labels import label_files, read_labels_of
from ..errors import InputError
from ..files.text import printable
from ..people.answers import ANSWERS_FILE, Given, read_given
from ..report import Lineage
from ..tables import StageReader
from ..tables.header import file_sums


def check_labels(lineage: Lineage) -> None:
    """Compare the labels in the training set of a classifier with those in its data set now.

    Added and removed clips are ignored, and so is a data set that is gone, incomplete, or may not be opened.

    Raises
    ------
    InputError
        Names the first clip whose label has changed.
    """
    for reader in lineage.learnt:
        dataset = reader.arguments.get("dataset")
        if isinstance(dataset, str) and lineage.opens(dataset):
            paths, learnt = label_files(dataset), dict(reader.manifest["models"])
            answers = reader.arguments.get("answers") if learnt.pop(ANSWERS_FILE, None) else None
            may = answers is None or (isinstance(answers, str) and lineage.opens(answers) and os.path.exists(answers))
            if may and len(paths) == len(learnt) and file_sums(paths) != learnt:
                _check(reader, dataset, read_given(answers))


def _check(reader: StageReader, dataset: str, given: Given) -> None:
    answered = {spot.clip for spot in (*given.shown, *given.denied)}
    now = {clip: label for clip, label in read_labels_of(dataset).items() if clip not in answered}
    for batch in reader.batches(["name", "label"]):
        batch = batch.filter(pa.array(reader.of_people(batch.column("label").to_numpy())))
        columns = (batch.column(name).to_pylist() for name in ("name", "label"))
        for clip, label in zip(*columns, strict=True):
            if given.label(now.get(clip, label)) != label:
                raise InputError(
                    f"{dataset}: {printable(clip)} has label {now[clip]}, and {reader.path} was made "
                    f"when it had {label}; the classifier learnt the old labels: run genfeat.py and the stages "
                    "after it with --renew, as ./run.sh does, or restore the old file"
                )
