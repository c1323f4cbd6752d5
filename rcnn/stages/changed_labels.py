"""Whether a data set still has the labels that a classifier learnt: else names would stand over those of others."""

from __future__ import annotations

from .. import files
from ..clips.dataset import TRAIN_FILE, VAL_FILE, read_labels, read_train_labels
from ..errors import InputError
from ..files.text import printable
from ..report import Lineage
from ..tables import StageReader

READERS = ((TRAIN_FILE, read_train_labels), (VAL_FILE, read_labels))


def check_labels(lineage: Lineage) -> None:
    """Compare the labels that a training set was made with and those that its data set has now.

    Clips that came or went play no part. A data set that is gone or may not be opened says nothing.

    Raises
    ------
    InputError
        Names the first clip whose label has changed.
    """
    for reader in lineage.training:
        dataset = reader.arguments.get("dataset")
        if isinstance(dataset, str) and lineage.opens(dataset):
            _check(reader, dataset)


def _check(reader: StageReader, dataset: str) -> None:
    now: dict[str, tuple[int, str]] = {}
    for name, read in READERS:
        file = files.join(dataset, name)
        if not files.is_file(file):
            return
        now.update((clip, (label, file)) for clip, label in read(file).items())
    for batch in reader.clips():
        columns = (batch.column(name).to_pylist() for name in ("name", "label"))
        for clip, label in zip(*columns, strict=True):
            if clip in now and now[clip][0] != label and label > 0:
                raise InputError(
                    f"{now[clip][1]}: {printable(clip)} has label {now[clip][0]}, and {reader.path} was made when it "
                    f"had {label}; the classifier learnt the labels of then: run all stages again, as ./run.sh does, "
                    f"or put the file of then back"
                )
