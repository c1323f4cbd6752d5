"""Gives a group of unknown people's tracks a name: from then on it is a known person, in all files."""

from __future__ import annotations

import csv
import math
import shlex
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import files
from ..clips.roster import Roster
from ..errors import InputError
from ..exports.groups import CORNERS
from ..files.text import printable
from ..people.answers import ANSWERS_FILE, Answer, Answers, Given, Spot
from ..people.meaning import meaning
from ..people.relocation import FaceIndex, relocate
from ..tables import MANIFEST, StageReader
from .run_folder import RunFolder
from .settings.groups import CSV
from .settings.places import GROUPS

WINDOW = "people add"  # name of the answerer
SHOWN = 5  # groups named in a message
MOST_LINE = 1 << 16  # characters of a line of a file of groups


@dataclass(frozen=True)
class Member:
    """A track of a group: seconds and box of its best face, if they are known."""

    spot: Spot
    time: float | None
    box: tuple[float, ...] | None


@dataclass(frozen=True)
class Named:
    """The result for a group: its label, the tracks that were answered, and those left out, with the reason."""

    label: int
    tracks: int
    left_out: Sequence[str]


def read_group(run: RunFolder, number: int, path: str | None) -> list[Member]:
    """The tracks of a group of a run.

    Parameters
    ----------
    path : table or file of groups; None for those of the run

    Raises
    ------
    InputError
        If there is no such file or group, or the file is damaged or of another run.
    """
    again = f"run python -m rcnn groups --run {shlex.quote(run.root)}"
    place = path if path is not None else run.path(files.base_name(GROUPS))
    if path is None and not files.is_file(files.join(place, MANIFEST)):
        raise InputError(f"--group {number}: {run.root} has no groups yet; {again} first")
    groups: set[int] = set()
    if place.lower().endswith(CSV):
        members = list(_of_file(place, number, groups))
    else:
        reader = StageReader(place, ("groups",))
        _check_features(reader, run, again)
        members = list(_of_table(reader, number, groups))
    if not members:
        raise InputError(f"{place}: has no group {number}; {_in_words(groups)}")
    there = _tracks(run, {member.spot.clip for member in members})
    for member in members:
        if member.spot not in there:
            raise InputError(
                f"{place}: track {member.spot.track} of {printable(member.spot.clip)!r} is in no features of "
                f"{run.root}; {again}"
            )
    return members


def _in_words(groups: set[int]) -> str:
    numbers = sorted(number for number in groups if number >= 0)
    if not numbers:
        return "it has no groups"
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"it has {', '.join(map(str, numbers[:SHOWN]))}{more}"


def _of_table(reader: StageReader, number: int, groups: set[int]) -> Iterator[Member]:
    """The members of a group; adds the numbers of all groups to `groups`."""
    for batch in reader.batches():
        groups.update(batch.column("group").unique().to_pylist())
        for row in batch.to_pylist():
            if row["group"] == number:
                yield Member(Spot(row["name"], row["track"]), row["time"], tuple(row["box"]))


def _of_file(path: str, number: int, groups: set[int]) -> Iterator[Member]:
    """As `_of_table`."""
    csv.field_size_limit(MOST_LINE)
    try:
        with files.open_text(path) as file:
            rows = csv.DictReader(file)
            for row in rows:
                groups.add(int(row["group"]))
                if int(row["group"]) == number:
                    box = tuple(float(row[corner] or "nan") for corner in CORNERS if corner in row)
                    seen = row.get("best_time") and len(box) == len(CORNERS) and not any(map(math.isnan, box))
                    spot = Spot(row["clip"], int(row["track"]))
                    yield Member(spot, float(row["best_time"]) if seen else None, box if seen else None)
    except OSError as error:
        raise InputError(f"--groups {path}: can't be read: {error.strerror or error}") from None
    except (KeyError, ValueError, TypeError, csv.Error):
        raise InputError(
            f"--groups {path}: is not a file of groups: each line needs clip, track and group; make it with python -m "
            "rcnn groups"
        ) from None


def _check_features(reader: StageReader, run: RunFolder, again: str) -> None:
    """Refuse groups whose features have changed since: track numbers may differ now."""
    known = {files.sha256(files.join(run.path(name), MANIFEST)) for name in run.of("feature")}
    inputs = len(reader.arguments.get("inputs") or ())
    if not all(source["manifest"] in known for source in reader.manifest["sources"][:inputs]):
        raise InputError(f"{reader.path}: was made from other features than {run.root} has now; {again}")


def _tracks(run: RunFolder, clips: set[str]) -> set[Spot]:
    found: set[Spot] = set()
    for name in run.of("feature"):
        reader = StageReader(run.path(name), ("feature",))
        for batch in reader.rows_of(clips, ["name", "track"] if reader.tracked else ["name"]):
            tracks = batch.column("track").to_pylist() if reader.tracked else [0] * batch.num_rows
            found.update(map(Spot, batch.column("name").to_pylist(), tracks))
    return found


def name_members(run: RunFolder, roster: Roster, name: str, members: Sequence[Member]) -> Named:
    """Answer that the tracks show a person of this name, in one step; a new name is a new person.

    Earlier answers about a track are kept: one that shows someone else, or not this person, is left out.
    """
    detections = [StageReader(run.path(detection), ("detect",)) for detection in run.of("detect")]
    with Answers.open(run.path(ANSWERS_FILE)) as answers:
        standing = answers.standing()
        given = meaning(relocate(standing, FaceIndex(detections))[0] if standing else ())
        label = _label(roster, given, name)
        said: list[Answer] = []
        if label is None:
            label = _next_label(roster, given)
            said.append(Answer("person", label=label, name=name))
        left_out = []
        for member in members:
            spot = member.spot
            if not given.allows(spot, label):
                left_out.append(f"track {spot.track} of {spot.clip}")
            elif spot not in given.shown:
                said.append(Answer("yes", spot, label, time=member.time, box=member.box))
        tracks = sum(answer.kind == "yes" for answer in said)
        if tracks:
            answers.add(uuid.uuid4().hex, said, WINDOW)
    return Named(label, tracks, left_out)


def _label(roster: Roster, given: Given, name: str) -> int | None:
    """The person with this name, at the desk or in the data set."""
    for label, known in given.names.items():
        if known == name:
            return label
    known_label = roster.names.get(name)
    return None if known_label is None else given.label(known_label)


def _next_label(roster: Roster, given: Given) -> int:
    """A label that nobody has or had."""
    denied = (label for labels in given.denied.values() for label in labels)
    labels = (label for label, _ in roster.given)
    said = (*given.people, *given.renamed, *given.merged, *given.merged.values(), *given.shown.values())
    return max((*labels, *said, *denied), default=0) + 1
