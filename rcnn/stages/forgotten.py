"""All that a run has of a person: collected before any of it is removed, and recorded until all of it is."""

from __future__ import annotations

import os
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct, to_builtins

from .. import files
from ..clips.labels import read_labels_of
from ..clips.roster import Roster
from ..errors import InputError
from ..files.json import read_json, reason, write_json
from ..files.text import printable
from ..people.answers import Answers
from ..people.meaning import Spot
from ..people.relocation import FaceIndex
from ..people.templates import Gallery
from ..scores.verdicts import MAYBE, NO, YES
from ..settings.shared import false_hits
from ..tables import StageReader
from ..tables.without import Removal
from .answered import Answered, has_answers
from .answered_rows import row_name
from .appearances import Nearest, judge_by, whole_clips
from .run_folder import FLAG, PARTS, RunFolder
from .settings.places import TEST, TRAINVAL
from .settings.vectors import NOISE_TABLE

JOURNAL = "forget.json"  # in the run, from the first change to the last
FALSE_HITS = false_hits("").default  # if no table records the rate that was asked for

Tracks = dict[str, set[int]]  # numbers of tracks by clip


class Journal(Struct):
    """A removal in progress; without it, a stopped removal could not tell which clips to remove.

    name : of the person, as it was given
    names : all that they have
    label : of the person
    dataset : its directory, absolute
    clips : of their photographs and videos
    copies : files in the data set or the run to remove
    photographs : their files elsewhere, which stay
    tracks : of films and of others' clips to remove, by clip
    faces : of each such clip, how many faces are left
    films : files in which they were seen
    learnt : names of files in the run of classifiers that learnt from them
    elsewhere : such classifiers in other places
    predictions : stage directories to remove, because a classifier that learnt from the person made them
    stages : each other stage directory of the run, with the directories that it was made from, by index
    answered : tracks, as answers name them, whose answers are all removed
    """

    name: str
    names: list[str]
    label: int
    dataset: str
    clips: list[str]
    copies: list[str]
    photographs: list[str]
    tracks: dict[str, list[int]]
    faces: dict[str, int]
    films: list[str]
    learnt: list[str]
    elsewhere: list[str]
    predictions: list[str]
    stages: dict[str, dict[str, str]]
    answered: list[tuple[str, int]] = []

    @property
    def removal(self) -> Removal:
        """The rows to remove from tables."""
        rows = [row_name(Spot(clip, track)) for clip, tracks in self.tracks.items() for track in tracks]
        return Removal(frozenset([*self.clips, *rows]), self.tracks, self.faces, self.label)

    def check(self, run: RunFolder, dataset: str) -> None:
        """Raise InputError if it names files outside the run and its data set: the run may come from someone else."""
        names = [
            *self.learnt,
            *self.stages,
            *self.predictions,
            *(name for mine in self.stages.values() for name in mine.values()),
        ]
        if (
            not files.same(self.dataset, dataset)
            or not all(files.is_inside(os.path.dirname(path), dataset) for path in self.copies)
            or any(not name or name.startswith(".") or "/" in name for name in names)
        ):
            raise InputError(
                f"{run.path(JOURNAL)}: names files outside this run and {dataset}; give the --dataset that it "
                "was started with, or remove it to start the removal again"
            )

    def write(self, run: RunFolder) -> None:
        """Write it into the run."""
        write_json(run.path(JOURNAL), to_builtins(self))


def read_journal(root: str, flag: str = FLAG) -> Journal | None:
    """The removal in progress in a run; None if there is none.

    Parameters
    ----------
    flag : option that gives the folder, for messages

    Raises
    ------
    InputError
        If it can't be read.
    """
    path = os.path.join(root, JOURNAL)
    try:
        return read_json(path, Journal)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"{flag} {root}: can't be read: {error.strerror or error}; give {flag} a folder that you may read and write"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: can't be read ({reason(error)}); remove it to start the removal again") from None


def check_none_under_way(root: str, flag: str = FLAG) -> None:
    """Raise InputError if a removal was stopped in a run: what is not removed yet would be used."""
    journal = read_journal(root, flag)
    if journal is not None:
        raise InputError(
            f"{root}: the removal of {printable(journal.name)} was stopped; complete it first: python -m rcnn forget "
            f"{shlex.quote(journal.name)} --run {shlex.quote(root)} --yes"
        )


def plan(run: RunFolder, roster: Roster, name: str) -> Journal:
    """Collect all that a run has of a person.

    Raises
    ------
    InputError
        If nobody has the name, or a table is damaged.
    """
    label = roster.find(name)
    clips = roster.clips(label)
    seen = _seen(run, label)
    tracks, films = _tracks(run, roster, label, set(clips), seen)
    faces = _faces_left(run, tracks)
    copies, photographs = _own_files(run, roster, clips)
    learnt, elsewhere = _classifiers(run)
    predictions = run.of("predict")
    stages = {
        each: {str(place): other for place, other in run.source_names(each).items()}
        for each in run.stages
        if each not in predictions
    }
    return Journal(
        name,
        [known for known, whose in roster.names.items() if whose == label],
        label,
        os.path.abspath(roster.root),
        clips,
        [os.path.abspath(path) for path in copies],
        photographs,
        {clip: sorted(mine) for clip, mine in sorted(tracks.items())},
        faces,
        sorted(films),
        learnt,
        elsewhere,
        predictions,
        stages,
        _answered(run, tracks),
    )


def _answered(run: RunFolder, tracks: Tracks) -> list[tuple[str, int]]:
    """The tracks to remove, as answers name them: detection may have been run again since."""
    path = has_answers(run.root)
    if path is None:
        return []
    with Answers.open(path) as log:
        answers = log.all()
    index = FaceIndex([StageReader(run.path(name), ("detect",)) for name in run.of("detect")])
    index.load({spot.clip for answer in answers for spot in answer.spots})
    found = set()
    for answer in answers:
        for spot, time, box in ((answer.spot, answer.time, answer.box), (answer.spot2, answer.time2, answer.box2)):
            now = None if spot is None else index.spot(spot, time, box)
            if spot is not None and now is not None and now.track in tracks.get(now.clip, ()):
                found.add((spot.clip, spot.track))
    return sorted(found)


def _seen(run: RunFolder, label: int) -> dict[bool, Tracks]:
    """The best tracks of the rows of tables of appearances: of this person, and of others."""
    seen: dict[bool, Tracks] = {True: defaultdict(set), False: defaultdict(set)}
    for name in run.of("appearances"):
        columns = ["name", "who", "track", "verdict"]
        for batch in StageReader(run.path(name), ("appearances",)).batches(columns):
            for row in batch.to_pylist():
                if row["verdict"] != NO:
                    seen[row["who"] == label][row["name"]].add(row["track"])
    return seen


def _tracks(
    run: RunFolder, roster: Roster, label: int, own: set[str], seen: Mapping[bool, Tracks]
) -> tuple[Tracks, set[str]]:
    """The tracks that show the person, except in the person's own clips; and the films that have them."""
    found: Tracks = defaultdict(set)
    for clip, tracks in seen[True].items():
        found[clip] |= tracks
    known, searched = (PARTS[part][1] for part in (TRAINVAL, TEST))
    if run.has(known, searched):
        try:
            for clip, track, sure in _judged(run, roster, label, known, searched):
                if sure or track not in seen[False].get(clip, ()):
                    found[clip].add(track)
        except InputError as error:
            print(f"{error}; in films only the best track of each appearance is removed", flush=True)
    found = {clip: tracks for clip, tracks in found.items() if clip not in own}
    films: set[str] = set()
    for name in run.of("detect"):
        for batch in StageReader(run.path(name), ("detect",)).clips():
            films.update(row["source"] for row in batch.select(["name", "source"]).to_pylist() if row["name"] in found)
    return found, films - {""}


def _judged(run: RunFolder, roster: Roster, label: int, known: str, searched: str) -> Iterator[tuple[str, int, bool]]:
    """The tracks of films and of others' clips that are this person by the verdicts of a table of appearances; and
    whether an answer says so."""
    detections = [StageReader(run.path(name), ("detect",)) for name in run.of("detect")]
    answered = Answered.read(has_answers(run.root), detections)
    films, teaching = (StageReader(run.path(name), ("feature",)) for name in (searched, known))
    plain = Gallery.read([run.path(known)], read_labels_of(roster.root), answered.given, not answered.given.shown)
    gallery = answered.teach(plain, films, [teaching])
    rows = np.flatnonzero(gallery.labels == answered.given.label(label))
    if not len(rows):
        return
    person = int(rows[0])
    asked = [run.stages[name]["arguments"].get("false_hits") for name in run.of("appearances")]
    nearest = Nearest.of(films, gallery)
    point = judge_by(gallery, nearest, next((value for value in asked if value), FALSE_HITS), films)
    taught = plain.known
    for reader, found in ((films, nearest), (teaching, Nearest.of(teaching, gallery))):
        verdicts = point.verdicts(found.cosines, found.people)
        row = 0
        for names, tracks, _ in whole_clips(reader):
            for name, track in zip(names, tracks.tolist(), strict=True):
                teaches = name in taught and taught[name][1] == track
                likely = found.sure[row] or verdicts[row] in (YES, MAYBE)
                if found.people[row] == person and likely and not teaches:
                    yield name, track, bool(found.sure[row])
                row += 1


def _faces_left(run: RunFolder, tracks: Tracks) -> dict[str, int]:
    """How many faces are left in each clip; if none of its tracks has a vector left, all its faces are removed."""
    vectors: dict[str, int] = defaultdict(int)
    for name in run.of("feature"):
        for clip, track in _rows_of(run, name, tracks):
            vectors[clip] += track not in tracks[clip]
    faces: dict[str, int] = dict.fromkeys(tracks, 0)
    for name in run.of("detect"):
        for clip, track in _rows_of(run, name, tracks):
            if not run.of("feature") or vectors[clip]:
                faces[clip] += track not in tracks[clip]
            else:
                tracks[clip].add(track)
    return faces


def _rows_of(run: RunFolder, name: str, tracks: Tracks) -> Iterator[tuple[str, int]]:
    reader = StageReader(run.path(name), ("detect", "feature"))
    columns = ["name", "track"] if reader.tracked else ["name"]
    for batch in reader.rows_of(tracks, columns):
        names = batch.column("name").to_pylist()
        yield from zip(names, batch.column("track").to_pylist() if reader.tracked else [0] * len(names), strict=True)


def _own_files(run: RunFolder, roster: Roster, clips: list[str]) -> tuple[list[str], list[str]]:
    """The files of a person's clips: our own, which are removed, and those that stay."""
    copies, stay = set(), set()
    for clip in clips:
        source = roster.sources.get(clip)
        if source is not None and os.path.isabs(source) and files.is_inside(os.path.dirname(source), roster.root):
            copies.add(source)
        elif source is not None:
            stay.add(source)
    if roster.listed is None:
        copies.update(roster.places(clips))
    used = {source for clip, source in roster.sources.items() if clip not in set(clips)}
    return sorted(copies - used), sorted(stay)


def _classifiers(run: RunFolder) -> tuple[list[str], list[str]]:
    """Names of files in the run written by training, and prefixes elsewhere named by its predictions."""
    kinds = (".params", ".json", ".jsonl", NOISE_TABLE)
    endings = ("-train.json", "-symbol.json", "-training.params", "-training.jsonl")
    prefixes = {name.removesuffix(endings[0]) for name in os.listdir(run.root) if name.endswith(endings[0])}
    prefixes |= {name.removesuffix(endings[2]) for name in os.listdir(run.root) if name.endswith(endings[2])}
    elsewhere = set()
    for name in run.of("predict"):
        model = run.stages[name]["arguments"].get("model")
        prefix = model.rpartition(",")[0] if isinstance(model, str) else ""
        if prefix and files.is_inside(os.path.dirname(prefix) or ".", run.root):
            prefixes.add(os.path.basename(prefix))
        elif prefix:
            elsewhere.add(prefix)
    found = [
        name
        for name in sorted(os.listdir(run.root))
        if any(name.startswith(f"{prefix}-") for prefix in prefixes) and name.endswith(kinds)
    ]
    return found, sorted(elsewhere)
