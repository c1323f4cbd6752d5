"""Removes a person from a run and its data set, so that nothing of them is left in either.

A journal in the run lists what is to be removed, from the first change to the last. Every step can be repeated, so
after a kill the same command resumes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence

from .. import files
from ..clips.known import person_name
from ..clips.layout import STAGING
from ..clips.roster import read_roster
from ..clips.suppressed import suppress
from ..errors import InputError
from ..exports.groups import write_csv
from ..files.json import write_json
from ..files.lock import LOCK, take_lock
from ..files.text import counted, counted_photographs, printable
from ..installation import as_called
from ..people.answers import Answers, Spot
from ..tables import MANIFEST, StageReader
from ..tables.before import clear as clear_before
from ..tables.manifest import read_manifest
from ..tables.schema import KINDS
from ..tables.without import exchange, write_without
from .answered import enlist, has_answers
from .find_set import SKIPPED_FILE
from .forgotten import JOURNAL, Journal, check_none_under_way, plan, read_journal
from .run_folder import RunFolder, held
from .settings.groups import CSV
from .settings.people import ForgetSettings
from .traces import Traces

WORK = ".forget"  # folder in the run for directories being written or replaced
SHOWN = 10  # files that are named for each kind


def forget(settings: ForgetSettings) -> None:
    """Remove a person, and print what was done and what could not be.

    Raises
    ------
    InputError
        If nobody has the name, the data set is not ours to change, or a stage of the run is not complete.
    """
    started = time.monotonic()
    run = RunFolder.read(settings.run)
    name = person_name(settings.name)
    with held(run.root):
        journal, dataset = read_journal(run.root), run.dataset(settings.dataset)
        if journal is None:
            run.check_finished()
            enlist(run.root, dataset)
            roster = read_roster(dataset)
            roster.find(name)
            if not settings.yes and not sys.stdin.isatty():  # before all tables are read
                raise InputError("nothing was removed: a removal can't be undone; give --yes to confirm")
            journal = plan(run, roster, name)
            _say(journal)
            if not settings.yes:
                _ask(journal)
            journal.write(run)
        elif name not in journal.names:
            check_none_under_way(run.root)
        else:
            journal.check(run, dataset)
            print(f"forget: resuming the removal of {printable(name)}", flush=True)
        lines = carry_out(run, journal)
    for line in (*lines, *_left(journal), *_next(run, journal)):
        print(printable(line))
    print(f"forget: {time.monotonic() - started:.1f} s; {printable(name)} is removed from {run.root}")


def carry_out(run: RunFolder, journal: Journal) -> list[str]:
    """Do all steps of a removal; returns what was done, as lines."""
    inside = [journal.dataset] if files.is_inside(journal.dataset, run.root) else []
    ours = [run.path(name) for name in (*journal.stages, *journal.predictions, WORK, JOURNAL, LOCK)]
    names = [*journal.names, *journal.clips, *journal.copies, *journal.photographs]
    traces = Traces(run.root, frozenset([*ours, *inside]), names)
    traces.remove_pages()
    for path in map(run.path, journal.learnt):
        files.discard(path)
        traces.lines.append(f"{path}: removed, because it learnt from the person")
    for name in journal.predictions:
        files.discard(os.path.join(run.path(name), MANIFEST))
        files.remove_tree(run.path(name))
        traces.lines.append(
            f"{run.path(name)}: removed, because it was made with a classifier that learnt from the person"
        )
    _change_dataset(journal, names)
    for name in journal.stages:
        _change_stage(run, name, journal, traces)
    answers = has_answers(run.root)
    if answers is not None:
        with Answers.open(answers) as log:
            count = log.forget(journal.label, [Spot(*spot) for spot in journal.answered], journal.clips)
        traces.lines.append(
            f"{answers}: {counted(count, 'answer about the person is', 'answers about the person are')} removed"
        )
    table = next((run.path(name) for name in journal.stages if _stage(run.path(name)) == "appearances"), None)
    traces.clean(table)
    files.remove_tree(run.path(WORK))
    files.discard(run.path(JOURNAL))
    return traces.lines


def _change_dataset(journal: Journal, names: Sequence[str]) -> None:
    """Take the person out of the lists of the data set, then remove their files in it."""
    roster = read_roster(journal.dataset)
    suppress(journal.dataset, journal.names)
    if any(label == journal.label and name for label, name in roster.given) or {*journal.clips} & {*roster.clip_names}:
        roster.without(journal.label).write(roster)
    files.remove_tree(os.path.join(journal.dataset, STAGING))  # which a kill may have left with the old lists
    for path in journal.copies:
        files.discard(path)
    skipped = os.path.join(journal.dataset, SKIPPED_FILE)
    if os.path.isfile(skipped):
        Traces(journal.dataset, (), names).clean_text(skipped)


def _change_stage(run: RunFolder, name: str, journal: Journal, traces: Traces) -> None:
    """Rewrite a stage directory, or only its manifest if no row is removed."""
    path, ready, aside = run.path(name), *(os.path.join(run.path(WORK), kind, name) for kind in ("new", "old"))
    if os.path.isfile(os.path.join(ready, MANIFEST)) or os.path.isdir(aside):
        exchange(path, ready, aside)
    if not os.path.isdir(path):
        return
    lock = take_lock(os.path.join(path, LOCK), path, "--run")
    try:
        clear_before(path)
        sources = {int(place): run.path(other) for place, other in journal.stages[name].items()}
        if _has_rows(path, journal):
            for folder in (ready, aside):
                files.make_dir(os.path.dirname(folder))
            write_without(path, ready, journal.removal, sources)
            exchange(path, ready, aside)
            traces.lines.append(f"{path}: their rows are removed")
        else:
            _update_sources(path, sources)
        if _stage(path) == "groups" and os.path.isfile(f"{path}{CSV}"):
            write_csv(StageReader(path, ("groups",)), f"{path}{CSV}")
            traces.lines.append(f"{path}{CSV}: rebuilt")
    finally:
        lock.release()


def _stage(path: str) -> str:
    """The stage of a directory; empty if it is not complete."""
    try:
        return str(read_manifest(path, tuple(KINDS))["stage"])
    except InputError:
        return ""


def _has_rows(path: str, journal: Journal) -> bool:
    """Whether a row of a directory is removed."""
    reader = StageReader(path, tuple(KINDS))
    if reader.stage == "appearances":
        return any(journal.label in batch.column("who").to_pylist() for batch in reader.batches(["name", "who"]))
    gone = {*journal.removal.clips, *journal.tracks}
    return any(not gone.isdisjoint(batch.column("name").to_pylist()) for batch in reader.clips())


def _update_sources(path: str, sources: dict[int, str]) -> None:
    """Update a manifest's record of the directories that it was made from."""
    file = os.path.join(path, MANIFEST)
    manifest = read_manifest(path, tuple(KINDS))
    before = [source["manifest"] for source in manifest["sources"]]
    for place, other in sources.items():
        manifest["sources"][place]["manifest"] = files.sha256(os.path.join(other, MANIFEST))
    if before != [source["manifest"] for source in manifest["sources"]]:
        write_json(file, manifest)


def _say(journal: Journal) -> None:
    tracks = sum(map(len, journal.tracks.values()))
    print(
        f"forget: {printable(journal.name)} has label {journal.label}, {counted_photographs(len(journal.clips))}, "
        f"and {counted(tracks, 'track')} in {counted(len(journal.films), 'film')}; "
        f"the data set is {printable(journal.dataset)}",
        flush=True,
    )


def _ask(journal: Journal) -> None:
    """Ask the user at the terminal to confirm."""
    answer = input("forget: this can't be undone; type the name to confirm: ")
    if person_name(answer) not in journal.names:
        raise InputError("nothing was removed: that is not the name")


def _left(journal: Journal) -> Iterator[str]:
    """What could not be removed, as lines."""
    for what, paths in (
        ("their own photographs and videos are not removed, and left out under this name from now on; remove them:",
         journal.photographs),
        ("films that show them are not changed; their faces return, without a name, only if a film changes:",
         journal.films),
        ("classifiers elsewhere learnt from them; remove PREFIX-*.params, -symbol.json and -train.json of",
         journal.elsewhere),
    ):  # fmt: skip
        if paths:
            more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
            yield f"  {what} {', '.join(paths[:SHOWN])}{more}"
    yield "  backups, pages and files that were copied elsewhere are not changed"


def _next(run: RunFolder, journal: Journal) -> Iterator[str]:
    if journal.learnt or journal.predictions:
        command = as_called(run.training_command(journal.dataset))
        yield f"  next: {command} trains the classifier without them and makes the page"
