"""Repeats the stages of a run with their settings after its people have changed; unchanged results are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .. import files
from ..clips.layout import TEST_FILE
from ..errors import InputError
from ..exports.appearances import write_file
from ..scores.verdicts import VERDICTS
from .appearances import appearances
from .detect import detect
from .enrolment import detect_settings, on_cpu
from .feature import feature
from .live import appearances_settings
from .run_folder import RunFolder
from .settings import FeatureSettings, SubmitSettings
from .submit import submit

WHO = ("who.csv", "who.json")
PAGE, RANKING = "report.html", "submission.txt"


def grow(run: RunFolder, dataset: str, detection: str, features: str) -> None:
    """Detect and embed the clips that were added to a data set."""
    detect(detect_settings(run, detection, dataset))
    feature(run.settings(FeatureSettings, features, input=run.path(detection), **on_cpu(run, features)))


def refresh(run: RunFolder, dataset: str) -> list[str]:
    """Rebuild appearances, their exported files and the page, if the run has them.

    Returns
    -------
    What could not be rebuilt, as lines.
    """
    notes: list[str] = []
    table = next(iter(run.of("appearances")), None)
    if table is not None:
        appearances(appearances_settings(run, table, dataset))
        for name in WHO:
            if os.path.isfile(run.path(name)):
                write_file(run.path(table), run.path(name), frozenset(VERDICTS[:2]))
    notes.extend(_page(run, table, dataset))
    return notes


def _page(run: RunFolder, table: str | None, dataset: str) -> Iterator[str]:
    """Rank and rebuild the page; if the classifier no longer fits, both are removed."""
    predictions = run.of("predict")
    if not predictions or not os.path.isfile(run.path(PAGE)):
        return
    truth = os.path.join(dataset, TEST_FILE)
    try:
        submit(
            SubmitSettings(
                inputs=tuple(map(run.path, predictions)),
                output=run.path(RANKING),
                report=run.path(PAGE),
                appearances=None if table is None else run.path(table),
                gt=truth if os.path.isfile(truth) else None,
                recipe=run.recipe or SubmitSettings().recipe,
            )
        )
    except InputError as error:
        for name in (PAGE, RANKING):
            files.discard(run.path(name))
        print(error)
        yield f"  {run.path(PAGE)} and {RANKING} are removed: train the classifier again, it has other people"
