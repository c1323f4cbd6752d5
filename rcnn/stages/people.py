"""Changes the people of a finished run: adds, merges and renames them, without training."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from .. import files
from ..clips.dataset import TRAIN
from ..clips.known import person_name
from ..clips.roster import Roster, read_roster
from ..errors import InputError
from ..files.text import counted, counted_photographs, printable
from ..installation import as_called
from ..people.answers import Answer, Answers
from ..people.meaning import MERGE, RENAME
from ..scores.verdicts import MAYBE, YES
from ..tables import StageReader
from .answered import enlist, has_answers
from .enrolment import Enrolment, check_faces, place_photographs
from .forgotten import check_none_under_way
from .naming import name_members, read_group
from .refreshing import grow, refresh
from .run_folder import PARTS, RunFolder, held
from .settings.people import AddPersonSettings, ListPeopleSettings, MergePeopleSettings, RenamePersonSettings
from .settings.places import TRAINVAL

LOG = "people.log"
NAMED = 3  # tracks named in a message
WINDOW = "people"  # of answers given here, which no window of the desk can undo


def add_person(settings: AddPersonSettings) -> None:
    """Add photographs of a person, or a group of tracks, to a run, and search for the person in its films.

    Raises
    ------
    InputError
        If a photograph can't be read or shows no face, or the group does not exist; then nothing has changed.
    """
    if settings.group is not None:
        _add_group(settings, settings.group)
        return
    started = time.monotonic()
    run, roster = _open(settings.run, settings.dataset)
    detection, features = PARTS[TRAINVAL]
    run.check_has(detection, features)
    name = _checked(settings.name)
    with held(run.root):
        photographs = place_photographs(roster, settings.photographs, settings.link)
        _check_others(roster, name, photographs)
        new = [each for each in photographs if each.clip.name not in roster.labels[TRAIN]]
        for line in check_faces(run, detection, roster.root, new):
            print(printable(line), flush=True)
        for each in new:
            each.put()
        after = roster.with_photographs(name, [each.clip for each in new])
        if after != roster:
            after.write(roster)
        with _log(run):
            grow(run, roster.root, detection, features)
            notes = refresh(RunFolder.read(run.root), roster.root)
    label = after.names[name]
    came = "takes part" if name not in roster.names else "has more photographs"
    print(f"people: {printable(name)} {came}: label {label}, {counted_photographs(len(after.clips(label)))}")
    for line in (*_appearances_line(run, label), *notes):
        print(printable(line))
    print(f"people: {time.monotonic() - started:.1f} s -> {run.root}")
    print(as_called(f"next: {run.training_command(roster.root)} trains the classifier on this person"))


def _add_group(settings: AddPersonSettings, number: int) -> None:
    started = time.monotonic()
    run, roster = _open(settings.run, settings.dataset)
    name = _checked(settings.name)
    with held(run.root):
        members = read_group(run, number, settings.groups)
        named = name_members(run, roster, name, members)
        enlist(run.root, roster.root)
        with _log(run):
            notes = refresh(RunFolder.read(run.root), roster.root)
    assigned = f"{counted(named.tracks, 'track was', 'tracks were')} assigned"
    print(f"people: group {number} is {printable(name)}, label {named.label}: {assigned}")
    if named.left_out:
        print(
            f"  {counted(len(named.left_out), 'is', 'are')} left out, because of earlier answers: "
            f"{printable(', '.join(named.left_out[:NAMED]))}{', ...' if len(named.left_out) > NAMED else ''}"
        )
    for line in (*_appearances_line(run, named.label), *notes):
        print(printable(line))
    print(f"people: {time.monotonic() - started:.1f} s -> {run.root}")


def merge_people(settings: MergePeopleSettings) -> None:
    """Make two people one.

    Raises
    ------
    InputError
        If nobody has one of the names; then nothing has changed.
    """
    run, roster = _open(settings.run, settings.dataset)
    with held(run.root):
        stays, goes = (roster.find(person_name(name)) for name in (settings.stays, settings.goes))
        after = roster.merged(stays, goes) if stays != goes else roster
        if stays != goes:
            _answer(run, Answer(MERGE, label=stays, other=goes))
        notes = _change(run, roster, after)
    same = " already" if stays == goes else ""
    print(
        f"people: {printable(settings.goes)} is{same} {printable(after.people[stays])}, label {stays}, "
        f"{counted_photographs(len(after.clips(stays)))}"
    )
    for line in notes:
        print(printable(line))
    print(as_called(f"next: {run.training_command(roster.root)} trains the classifier, which still knows two people"))


def rename_person(settings: RenamePersonSettings) -> None:
    """Show a person under another name.

    Raises
    ------
    InputError
        If nobody has the name, or somebody else has the new one; then nothing has changed.
    """
    run, roster = _open(settings.run, settings.dataset)
    with held(run.root):
        label, new = roster.find(person_name(settings.name)), _checked(settings.new)
        if roster.names.get(new, label) != label:
            raise InputError(
                f"{printable(new)!r}: is label {roster.names[new]} already; if both are one person, give "
                f"python -m rcnn people merge {shlex.quote(new)} {shlex.quote(settings.name)} "
                f"--run {shlex.quote(run.root)}"
            )
        after = roster.renamed(label, new)
        _answer(run, Answer(RENAME, label=label, name=new))
        notes = _change(run, roster, after)
    print(f"people: {printable(settings.name)} is shown as {printable(new)}, label {label}")
    for line in notes:
        print(printable(line))


def list_people(settings: ListPeopleSettings) -> None:
    """Print the people: label, name, photographs, appearances."""
    run, roster = _open(settings.run, settings.dataset)
    counts: Counter[tuple[int, str]] = Counter()
    for table in run.of("appearances"):
        for batch in StageReader(run.path(table), ("appearances",)).batches(["name", "who", "verdict"]):
            counts.update(zip(batch.column("who").to_pylist(), batch.column("verdict").to_pylist(), strict=True))
    others: dict[int, list[str]] = {label: [] for label in roster.people}
    for name, label in roster.names.items():
        if name != roster.people[label]:
            others[label].append(name)
    print("label\tname\tphotographs and videos\tappearances\tthat may be")
    for label, name in roster.people.items():
        also = f" (also {', '.join(others[label])})" if others[label] else ""
        row = (label, printable(f"{name}{also}"), len(roster.clips(label)), counts[label, YES], counts[label, MAYBE])
        print("\t".join(map(str, row)))


def _open(root: str, dataset: str | None) -> tuple[RunFolder, Roster]:
    run = RunFolder.read(root)
    check_none_under_way(run.root)
    place = run.dataset(dataset)
    enlist(run.root, place)
    return run, read_roster(place)


def _answer(run: RunFolder, answer: Answer) -> None:
    """Update the answers given at the desk to match the changes made here."""
    path = has_answers(run.root)
    if path is not None:
        with Answers.open(path) as answers:
            answers.add(f"people-{os.urandom(8).hex()}", [answer], WINDOW)


def _checked(name: str) -> str:
    """A name as it is stored in lists."""
    found = person_name(name)
    if not found or found != printable(found):
        raise InputError(
            f"{printable(name)!r}: is not a name: it is empty, or contains invisible characters; give another"
        )
    return found


def _check_others(roster: Roster, name: str, photographs: Sequence[Enrolment]) -> None:
    """Refuse a photograph that belongs to someone else."""
    for each in photographs:
        label = roster.labels[TRAIN].get(each.clip.name)
        if label is not None and label != roster.names.get(name):
            whose = roster.people.get(label, f"label {label}")
            raise InputError(
                f"{each.given}: is a photograph of {printable(whose)}; if both are one person, give python -m rcnn "
                f"people merge {shlex.quote(whose)} {shlex.quote(name)}"
            )


def _change(run: RunFolder, before: Roster, after: Roster) -> list[str]:
    """Write the new lists, and rebuild the outputs that show the people."""
    if after != before:
        after.write(before)
    with _log(run):
        return refresh(run, before.root)


def _appearances_line(run: RunFolder, label: int) -> Iterator[str]:
    for table in run.of("appearances"):
        verdicts: Counter[str] = Counter()
        films = set()
        for batch in StageReader(run.path(table), ("appearances",)).batches(["name", "who", "source", "verdict"]):
            for row in batch.to_pylist():
                if row["who"] == label and row["verdict"] in (YES, MAYBE):
                    verdicts[row["verdict"]] += 1
                    films.add(row["source"])
        sure, places = counted(verdicts[YES], "appearance"), counted(len(films), "film")
        yield f"  {sure}, {verdicts[MAYBE]} that may be, in {places}"


@contextmanager
def _log(run: RunFolder) -> Iterator[None]:
    """Redirect the output of the stages to a log of the run."""
    folder = Path(run.path("log"))
    files.make_dir(str(folder))
    with (
        files.create(str(folder / LOG)) as raw,
        open(os.dup(raw.fileno()), "w", errors="backslashreplace") as text,
        redirect_stdout(text),
    ):
        yield
