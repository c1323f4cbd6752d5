"""A finished run in memory, for the desk: its tracks, with the verdicts its table of appearances would have now."""

from __future__ import annotations

from .. import files
from ..people.taught import Taught
from ..report import trace
from ..tables import StageReader
from .answered import has_answers
from .appearances import card_of
from .clip_tracks import check_known, find_detection
from .labels import find_labels
from .run_folder import RunFolder
from .settings import AppearancesSettings


def open_taught(run: RunFolder, table: str, dataset: str | None = None) -> Taught:
    """The inputs of the table of appearances of a run, before any answer.

    Parameters
    ----------
    table : name of the table
    dataset : with the labels; None for the one that the table names

    Raises
    ------
    InputError
        If a directory is gone or damaged, or the directories do not match.
    """
    settings = appearances_settings(run, table, dataset)
    features = StageReader(settings.features, ("feature",))
    check_known(features, settings.known)
    given = [settings.features, *settings.known, *([settings.dataset] if settings.dataset else ())]
    lineage = trace([features], given)
    known = trace([StageReader(path, ("feature",)) for path in settings.known], given)
    detection = find_detection(features, settings.faces, lineage)
    labels = find_labels(settings.dataset, known)
    detections = [detection, *known.detections]
    return Taught(features, settings.known, labels, detections, settings.false_hits, card_of(features))


def appearances_settings(run: RunFolder, table: str, dataset: str | None = None) -> AppearancesSettings:
    """The settings that a table of a run was made with, and the current answers."""
    given = run.stages[table]["arguments"]
    return run.settings(
        AppearancesSettings,
        table,
        features=run.path(files.base_name(given["features"])),
        known=tuple(run.path(files.base_name(path)) for path in given["known"]),
        answers=has_answers(run.root),
        **({"dataset": dataset} if given.get("dataset") and dataset else {}),
    )
