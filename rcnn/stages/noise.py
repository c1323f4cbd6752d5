"""`train_mlp.py --noise`: lists clips whose label the other clips do not support, as a table for the user to check."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..files import write_bytes
from ..files.text import printable, table_bytes
from ..training.folds import deal_folds
from ..training.label_noise import find_doubts
from .clip_sources import read_clip_sources
from .settings import TrainSettings
from .settings.vectors import DROP, NOISE_TABLE
from .training_set import TrainingSet

FOLDS = 5  # of the clips; each is compared with the others
HEADER = ("clip", "label", "name", "rank", "better_label", "better_name", "cosine", "better_cosine")
DIGITS = 4  # of a cosine


def noise_path(prefix: str) -> str:
    """Path of the table, next to the classifier."""
    return f"{prefix}{NOISE_TABLE}"


def doubtful_clips(settings: TrainSettings, data: TrainingSet, training: np.ndarray, writes: bool) -> np.ndarray:
    """The clips to leave out of training, (n,) bool, after listing those with a doubtful label, the most certain first.

    Parameters
    ----------
    training : (n,) bool, the clips to check
    writes : whether this process writes the table

    Raises
    ------
    InputError
        If it can't be written.
    """
    rows = np.flatnonzero(training & data.judging)
    clips = read_clip_sources(settings.data)
    names, sources = ([values[row] for row in rows.tolist()] for values in (clips.names, clips.sources))
    labels = data.known(rows)
    found = find_doubts(data.features[rows], labels, deal_folds(labels, names, sources, FOLDS))
    listed = np.flatnonzero(found.doubtful)
    listed = listed[np.argsort(found.own[listed] - found.best[listed], kind="stable")]
    if writes:
        table = table_bytes(
            HEADER,
            (
                (
                    names[row], labels[row], clips.people.get(int(labels[row]), ""), found.ranks[row],
                    found.better[row], clips.people.get(int(found.better[row]), ""),
                    round(float(found.own[row]), DIGITS), round(float(found.best[row]), DIGITS),
                )
                for row in listed.tolist()
            ),
        )  # fmt: skip
        path = noise_path(settings.prefix)
        try:
            write_bytes(path, table)
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror or error}; give another --prefix") from None
        judged, drops = int((found.ranks > 0).sum()), settings.noise == DROP
        print(
            f"--noise: {len(listed)} of {judged} clips are less like their label than like others"
            f"{', and are left out' if drops else ''} -> {printable(path)}",
            flush=True,
        )
    dropped = np.zeros(len(training), bool)
    if settings.noise == DROP:
        dropped[rows[listed]] = True
    return data.with_all_rows(dropped)
