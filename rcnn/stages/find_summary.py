"""The result of a search for people, as lines to print: who could be searched for, and who was found where."""

from __future__ import annotations

import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..clips.folder import UNREADABLE as CANT_BE_READ
from ..clips.folder import Skipped
from ..clips.gather import SourceFile
from ..errors import InputError
from ..files.text import counted, printable
from ..installation import as_called
from ..scores.verdicts import MAYBE, YES
from ..tables import OK, UNREADABLE, StageReader
from ..tables.faces import ClipFaces, read_faces
from .settings.places import TEST

LARGE = 0.25  # share of the largest face's area above which another face may be the person as well
SHOWN = 50  # people in the summary

People = Mapping[str, Sequence[SourceFile]]


def check_people(detection: str, people: People, folder: Path) -> list[str]:
    """The problems with the photographs of each person, one per line.

    Parameters
    ----------
    detection : output of detect.py for the people's files
    people : files of each person
    folder : of all people, for messages

    Raises
    ------
    InputError
        If nobody has a photograph with a face.
    """
    reader = StageReader(detection, ("detect",))
    sources: dict[str, str] = {}  # of clips with faces, by name
    bad: dict[str, str] = {}  # why, by source
    for batch in reader.clips():
        for row in batch.select(["name", "source", "state", "reason"]).to_pylist():
            if row["state"] == OK:
                sources[row["name"]] = row["source"]
            else:
                bad[row["source"]] = row["reason"] or row["state"]
    good = set(sources.values())
    several = dict(_several_large(reader, sources))
    lines = []
    nobody = []
    for person, mine in people.items():
        usable = [file.path for file in mine if file.path in good]
        for file in mine:
            if file.path not in good:
                lines.append(f"{_file(person, file.path)}: {bad.get(file.path, 'can not be read')}")
            elif file.path in several:
                lines.append(f"{_file(person, file.path)}: {_which(several[file.path], usable, several)}")
        if not usable:
            nobody.append(person)
    if len(nobody) == len(people):
        raise InputError(
            f"--people {folder}: no face was found in any of its photographs, {lines[0] if lines else 'it is empty'}; "
            "give photographs with a face of 20 pixels or more, seen from the front, or a lower --quality-threshold"
        )
    if nobody:
        names = ", ".join(printable(person) for person in nobody)
        lines.append(f"not searched for, because no photograph can be used: {names}")
    return lines


def check_films(detection: str, clips: Sequence[str]) -> list[Skipped]:
    """The unreadable films, with the reason.

    Parameters
    ----------
    detection : output of detect.py for the films
    clips : their origin, for the message

    Raises
    ------
    InputError
        If none can be read.
    """
    bad: dict[str, str] = {}
    good = set()
    for batch in StageReader(detection, ("detect",)).clips():
        for row in batch.select(["source", "state", "reason"]).to_pylist():
            if row["state"] == UNREADABLE:
                bad.setdefault(row["source"], row["reason"])
            else:
                good.add(row["source"])
    found = [Skipped(path, CANT_BE_READ, reason) for path, reason in sorted(bad.items()) if path not in good]
    if not good:
        raise InputError(
            f"--clips {' '.join(clips)}: none of {len(found)} files can be read; {found[0].file}: {found[0].detail}"
        )
    return found


def _file(person: str, path: str) -> str:
    return printable(f"{person}, {os.path.basename(path)}")


def _which(faces: int, usable: Sequence[str], several: Mapping[str, int]) -> str:
    """Which of several faces is used, in words."""
    taken = "that is large and near the middle is used; a photograph of the person alone is better"
    if any(path not in several for path in usable):
        taken = "most like the person's other photographs is used"
    return f"shows {faces} large faces; the one {taken}"


def _several_large(reader: StageReader, sources: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Files of one frame that show several large faces, and how many."""
    for faces in read_faces(reader, crops=False):
        count = large_faces(faces)
        if count > 1 and faces.clip.name in sources and len(np.unique(faces.frames)) == 1 and not faces.times.any():
            yield sources[faces.clip.name], count


def large_faces(faces: ClipFaces) -> int:
    """The number of faces of a picture that are about as large as the largest."""
    areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
    return int((areas >= LARGE * areas.max()).sum())


def summary(table: str, labels: Mapping[str, int], root: str, shown: Mapping[int, str] | None = None) -> Iterator[str]:
    """The people who were found, most frequent first, and those who were not.

    Parameters
    ----------
    table : of appearances
    labels : of the people searched for, by the name of their folder
    root : folder of the run, for the next step if nobody was found
    shown : the name that each label is shown with, if it is another
    """
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    films: dict[int, set[str]] = defaultdict(set)
    names: dict[int, str] = {}
    reader = StageReader(table, ("appearances",))
    for batch in reader.batches(["who", "person", "source", "verdict"]):
        for row in batch.to_pylist():
            if row["verdict"] in (YES, MAYBE):
                names[row["who"]] = row["person"]
                counts[row["who"]][row["verdict"]] += 1
                films[row["who"]].add(row["source"])
    order = sorted(counts, key=lambda who: (-counts[who][YES], -counts[who][MAYBE], names[who]))
    for who in order[:SHOWN]:
        yes, maybe, count = counts[who][YES], counts[who][MAYBE], len(films[who])
        yield f"  {printable(names[who])}: {yes} yes, {maybe} maybe, in {counted(count, 'film')}"
    if len(order) > SHOWN:
        yield f"  and {len(order) - SHOWN} more people"
    if counts and not any(count[YES] for count in counts.values()):
        yield f"  {reader.manifest['counts']['operating_point']['words']}"
    absent = list(
        dict.fromkeys(
            printable((shown or {}).get(label, person)) for person, label in labels.items() if label not in counts
        )
    )
    if absent:
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        yield f"  not found: {', '.join(absent[:SHOWN])}{more}"
    if labels and not counts:
        faces, sheets = (shlex.quote(os.path.join(root, name)) for name in (f"det_{TEST}", "preview"))
        yield as_called(
            f"  nobody was found: python -m rcnn preview --input {faces} --output {sheets} shows which faces were "
            "seen; more photographs per person and published models find more (docs/find.md#other-models)"
        )
