"""The inputs of groups: as given in the settings, else those of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import files
from ..errors import InputError
from ..people.answers import ANSWERS_FILE
from ..tables import MANIFEST, StageReader
from .run_folder import RunFolder
from .settings.groups import GroupsSettings


@dataclass(frozen=True)
class Places:
    """Paths.

    inputs : features
    appearances : the table; None if nobody is known
    known : features of the known people that the table was made with
    answers : the log of answers, which need not exist; None for none
    run : the folder of the run; None if none is given
    """

    inputs: list[str]
    appearances: str | None = None
    known: Sequence[str] = ()
    answers: str | None = None
    run: str | None = None


def find_places(settings: GroupsSettings) -> Places:
    """The paths in the settings, and the run's own for the rest.

    Raises
    ------
    InputError
        If it is not a run, or has no features.
    """
    if settings.run is None:
        table, answers = settings.appearances, settings.answers
        return Places(list(settings.inputs or ()), table, _known(table), answers)
    run = RunFolder.read(settings.run)
    table = settings.appearances or next(map(run.path, run.of("appearances")), None)
    known = _known(table)
    names = run.of("feature")
    searched = [name for name in names if not any(files.same(run.path(name), path) for path in known)]
    inputs = list(settings.inputs or map(run.path, searched or names))
    if not inputs:
        run.check_has("feature")
    return Places(inputs, table, known, settings.answers or run.path(ANSWERS_FILE), run.root)


def _known(table: str | None) -> list[str]:
    """The features of known people behind a table: next to it, if a run was moved, else as in its manifest."""
    if table is None:
        return []
    found = []
    for path in StageReader(table, ("appearances",)).arguments.get("known") or ():
        beside = files.join(files.parent(table), files.base_name(str(path).rstrip("/")))
        there = files.is_file(files.join(beside, MANIFEST))
        if not there and not files.may_follow(path, [table]):
            raise InputError(f"{table}: was made with {path}, which this command does not name; move it to {beside}")
        found.append(beside if there else path)
    return found
