"""Paths in the output of a search for people, and whether they may be written."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import files
from ..clips.in_place import is_in_place
from ..errors import InputError
from ..files.lock import LOCK
from ..files.text import check_utf8
from ..networks.checkpoint import checkpoint_files
from ..people.answer_file import ANSWERS_FILE, SIDE_FILES
from ..tables.header import discard
from .find_set import SKIPPED_FILE
from .settings import TrainSettings
from .settings.places import TEST, TRAINVAL


@dataclass(frozen=True)
class Places:
    """Paths in an output; the names are those of run.sh."""

    root: str

    def __getitem__(self, name: str) -> str:
        return os.path.join(self.root, name)

    @property
    def dataset(self) -> str:
        return os.path.abspath(self["dataset"])

    @property
    def log(self) -> str:
        return self["log"]

    @property
    def stages(self) -> list[str]:
        """Directories of stages."""
        parts = [f"{stage}_{part}" for stage in ("det", "feat") for part in (TRAINVAL, TEST)]
        return [self[name] for name in (*parts, TRAINVAL, f"pred_{TEST}", "appearances")]

    @property
    def classifier(self) -> str:
        return self["iqiyi"]

    @property
    def results(self) -> list[str]:
        """Files for the user."""
        return [self[name] for name in ("who.csv", "who.json", "report.html", "submission.txt")]


def check_output(places: Places) -> None:
    """Raise InputError if an output's path contains something else."""
    check_utf8(places.root, "--output")
    if os.path.exists(places.root) and not os.path.isdir(places.root):
        raise InputError(f"--output {places.root}: is a file; give another name")
    if not os.path.isdir(places.root) or is_in_place(places.dataset):
        return
    ours = {
        LOCK,
        ANSWERS_FILE,
        *(f"{ANSWERS_FILE}{ending}" for ending in SIDE_FILES),
        os.path.basename(places.log),
        os.path.basename(places.dataset),
        SKIPPED_FILE,
    }
    foreign = sorted({*os.listdir(places.root)} - ours)
    if foreign or os.path.isdir(places.dataset):
        raise InputError(
            f"--output {places.root}: contains {(foreign or ['dataset'])[0]!r}, which find did not make; give another "
            "folder"
        )


def discard_all(places: Places) -> None:
    """Invalidate what an earlier run left, except the labels of people."""
    for path in places.stages:
        discard(path)
    prefix = places.classifier
    for path in (checkpoint_files(f"{prefix},{TrainSettings().last_epoch}")[1], f"{prefix}-training.params"):
        files.discard(path)
