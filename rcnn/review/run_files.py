"""The contents of the folder of a run, opened read-only for the desk."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from ..clips.dataset import list_clips
from ..clips.labels import label_files, read_labels_of
from ..clips.names import find_people
from ..errors import InputError
from ..people.answers import ANSWERS_FILE
from ..people.taught import Taught
from ..report import Lineage, trace
from ..stages.appearances import card_of
from ..stages.clip_tracks import find_detection
from ..stages.labels import find_labels
from ..stages.run_folder import PARTS, RunFolder, held
from ..stages.settings.places import TEST as FILMS
from ..stages.settings.places import TRAINVAL
from ..tables import MANIFEST, StageReader
from .tracks import Tracks, read_all_tracks

FALSE_HITS = 1.0  # of 1,000, unless the run's appearances have another value
LOOKS, LOOK_SECONDS = 20, 0.1  # at a lock that another desk may hold briefly
FOUND = "FOUND"


@dataclass(frozen=True)
class RunFiles:
    """A finished run.

    root : its folder
    features, detection : of the films
    portraits : detect directory of the clips that the known people were learnt from; None if it does not exist
    taught : the current knowledge about the tracks, updated by answers
    names : of people, by label
    tracks : of the films
    paths : file of each clip, by its name; a clip is missing where the data set does not have it
    lineage : of the features
    """

    root: str
    features: StageReader
    detection: StageReader
    portraits: StageReader | None
    taught: Taught
    names: Mapping[int, str]
    tracks: Tracks
    paths: Mapping[str, str]
    lineage: Lineage

    @property
    def answers(self) -> str:
        """Path of the answers."""
        return os.path.join(self.root, ANSWERS_FILE)

    @property
    def state(self) -> tuple[tuple[int, int], ...]:
        """Changes when a table of the desk is rebuilt."""
        return tuple(_mark(os.path.join(reader.path, MANIFEST)) for reader in (self.features, self.detection))


def open_run(root: str, dataset: str | None = None) -> RunFiles:
    """Read a run.

    Parameters
    ----------
    dataset : it was made from; None for the one that it names

    Raises
    ------
    InputError
        If it is not a run, is not complete, is being made, was made by an older version, or is damaged.
    """
    run = _finished(root)
    detected, made = PARTS[FILMS]
    features = StageReader(run.path(made), ("feature",))
    known = [name for name in run.of("feature") if name == PARTS[TRAINVAL][1]]
    teachers = [StageReader(run.path(name), ("feature",)) for name in known]
    lineage = trace([features, *teachers])
    given = run.path(detected) if detected in run.stages else None
    detection = find_detection(features, given, trace([features]))
    own = PARTS[TRAINVAL][0]
    portraits = StageReader(run.path(own), ("detect",)) if own in run.stages else None
    datasets = [dataset] if dataset else [*_dataset_of(run), *lineage.datasets]
    labels = read_labels_of(dataset) if dataset and label_files(dataset) else find_labels(None, lineage)
    detections = [detection, *([portraits] if portraits else [])]
    sources = [reader.path for reader in teachers] or [features.path]  # where nobody is known, no clip has a label
    taught = Taught(features, sources, labels, detections, _false_hits(run), card_of(features))
    tracks = read_all_tracks(features, detection, lineage, taught.units)
    names = find_people(None, *datasets)
    return RunFiles(run.root, features, detection, portraits, taught, names, tracks, _paths(datasets), lineage)


def _finished(root: str) -> RunFolder:
    try:
        run = RunFolder.read(root)
        run.check_finished()
        run.check_has(*PARTS[FILMS][1:])
    except InputError as error:
        raise InputError(str(error).removeprefix("--run ")) from None
    for look in range(LOOKS):
        try:
            with held(run.root, FOUND):
                return run
        except InputError:
            if look == LOOKS - 1:
                raise
            time.sleep(LOOK_SECONDS)
    raise AssertionError


def _dataset_of(run: RunFolder) -> list[str]:
    try:
        return [run.dataset()]
    except InputError:
        return []


def _false_hits(run: RunFolder) -> float:
    for name in run.of("appearances"):
        found = run.stages[name]["arguments"].get("false_hits")
        if isinstance(found, (int, float)) and found > 0:
            return float(found)
    return FALSE_HITS


def _paths(datasets: list[str]) -> dict[str, str]:
    """The file of each clip, as in the data sets; whether it exists is checked when it is requested."""
    found: dict[str, str] = {}
    for dataset in datasets:
        try:
            found = {**{clip.name: clip.path for clip in list_clips(dataset, FILMS)}, **found}
        except (InputError, OSError):  # it was moved or removed: faces can still be shown
            continue
    return found


def _mark(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
