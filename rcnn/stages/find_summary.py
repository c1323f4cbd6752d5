"""What a search for people came to, in lines for people: who could be looked for, and who was found where."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..clips.folder import UNREADABLE as CANT_BE_READ
from ..clips.folder import Skipped
from ..clips.gather import SourceFile
from ..errors import InputError
from ..files.text import printable
from ..scores.verdicts import MAYBE, YES
from ..tables import OK, UNREADABLE, StageReader
from ..tables.faces import ClipFaces, read_faces

LARGE = 0.25  # of the area of the largest face, from which on another one may be meant as well
SHOWN = 50  # people in the summary

People = Mapping[str, Sequence[SourceFile]]


def check_people(detection: str, people: People, folder: Path) -> list[str]:
    """What is wrong with the photographs of each person, a line each.

    Parameters
    ----------
    detection : what detect.py wrote of the people's files
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
            f"--people {folder}: no face is found in any of its photographs, {lines[0] if lines else 'it is empty'}; "
            "give photographs with a face of 20 pixels or more, seen from the front, or a lower --quality-threshold"
        )
    if nobody:
        names = ", ".join(printable(person) for person in nobody)
        lines.append(f"not looked for, as there is no photograph that can be used: {names}")
    return lines


def check_films(detection: str, clips: Sequence[str]) -> list[Skipped]:
    """The films that can't be read, with the reason.

    Parameters
    ----------
    detection : what detect.py wrote of the films
    clips : where they come from, for the message

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
    """Which of several faces counts, in words."""
    taken = "that is large and near the middle is taken, so better give one of the person alone"
    if any(path not in several for path in usable):
        taken = "most like the person's other photographs is taken"
    return f"shows {faces} large faces; the one {taken}"


def _several_large(reader: StageReader, sources: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Files of one frame with several large faces, and how many."""
    for faces in read_faces(reader, crops=False):
        count = large_faces(faces)
        if count > 1 and faces.clip.name in sources and len(np.unique(faces.frames)) == 1 and not faces.times.any():
            yield sources[faces.clip.name], count


def large_faces(faces: ClipFaces) -> int:
    """How many faces of a picture are about as large as the largest."""
    areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
    return int((areas >= LARGE * areas.max()).sum())


def summary(table: str, labels: Mapping[str, int]) -> Iterator[str]:
    """Who was found, those who appear most first, and who was not.

    Parameters
    ----------
    table : of appearances
    labels : of the people who were looked for, by name
    """
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    films: dict[int, set[str]] = defaultdict(set)
    names: dict[int, str] = {}
    for batch in StageReader(table, ("appearances",)).batches(["who", "person", "source", "verdict"]):
        for row in batch.to_pylist():
            if row["verdict"] in (YES, MAYBE):
                names[row["who"]] = row["person"]
                counts[row["who"]][row["verdict"]] += 1
                films[row["who"]].add(row["source"])
    order = sorted(counts, key=lambda who: (-counts[who][YES], -counts[who][MAYBE], names[who]))
    for who in order[:SHOWN]:
        yes, maybe, count = counts[who][YES], counts[who][MAYBE], len(films[who])
        yield f"  {printable(names[who])}: {yes} yes, {maybe} maybe, in {count} film{'' if count == 1 else 's'}"
    if len(order) > SHOWN:
        yield f"  and {len(order) - SHOWN} more people"
    absent = [printable(person) for person, label in labels.items() if label not in counts]
    if absent:
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        yield f"  not found: {', '.join(absent[:SHOWN])}{more}"
