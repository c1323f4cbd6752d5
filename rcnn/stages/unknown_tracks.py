"""The tracks of unknown people: all tracks of features except those that show a known person."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np

from .. import files
from ..clips.dataset import Clip
from ..clips.paths import ClipPaths
from ..errors import InputError
from ..files.text import printable
from ..people.appearances import decide
from ..people.lessons import TaughtGallery
from ..people.meaning import Given, Spot
from ..people.templates import Gallery
from ..people.track_vectors import read_cohort, read_vectors
from ..report import trace
from ..scores.verdicts import YES
from ..tables import StageReader
from ..tables import vectors as vectors_of
from .appearances import Nearest, is_still, judge_by
from .clip_tracks import ClipTracks, check_known, read_tracks
from .doubles import find_doubles
from .labels import find_labels


@dataclass(frozen=True)
class Seen:
    """The tracks of a clip that show unknown people, if they have a vector.

    source : the user's own file
    tracks : (n,) int32, numbers of the tracks
    starts, ends : (n,) float64, when each is in view, seconds of the file; 0 in a photograph
    times : (n,) float64, of the best face of each
    boxes : (n, 4) float32, of the best face, x1, y1, x2, y2 in pixels of the upright frame
    vectors : (n, D) float32; no rows if they were not read
    """

    clip: Clip
    source: str
    tracks: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    times: np.ndarray
    boxes: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Input:
    """A directory of features with its detections.

    known : (rows,) bool, which of its rows show a known person
    """

    features: StageReader
    detection: StageReader
    paths: ClipPaths
    known: np.ndarray


def read_unknown(inputs: Sequence[Input], answered: Collection[Spot], with_vectors: bool) -> Iterator[Seen]:
    """The clips of all inputs, sorted by name, with only a few batches in memory.

    Parameters
    ----------
    answered : tracks with an answer

    Raises
    ------
    InputError
        If a clip is in two inputs, or a table is damaged.
    """
    clips = heapq.merge(*(_clips(each, answered, with_vectors) for each in inputs), key=attrgetter("clip.name"))
    for name, same in groupby(clips, key=attrgetter("clip.name")):
        first, *others = same
        if others:
            given = ",".join(each.features.path for each in inputs)
            raise InputError(f"--inputs {given}: clip {printable(name)!r} is in two of them; give each clip once")
        yield first


def _clips(source: Input, answered: Collection[Spot], with_vectors: bool) -> Iterator[Seen]:
    rows = _Rows(source.features) if with_vectors else None
    for clip in read_tracks(source.features, source.detection):
        name = clip.faces.clip.name
        said = np.array([Spot(name, int(track)) in answered for track in clip.tracks]) if answered else False
        unknown = ~(source.known[clip.rows] | said | find_doubles(clip.faces, clip.tracks))
        found = np.zeros((len(clip.tracks), 0), np.float32) if rows is None else rows.take(len(clip.tracks))
        yield _seen(clip, source.paths.of(clip.faces.clip), unknown, found[unknown])


def _seen(clip: ClipTracks, source: str, unknown: np.ndarray, found: np.ndarray) -> Seen:
    faces, tracks = clip.faces, clip.tracks[unknown]
    still = is_still(source)
    spans, times, boxes = np.zeros((len(tracks), 2)), np.zeros(len(tracks)), np.zeros((len(tracks), 4), np.float32)
    for row, track in enumerate(tracks):
        mine = np.flatnonzero(faces.tracks == track)
        if not len(mine):
            raise InputError(
                f"clip {printable(faces.clip.name)!r}: track {track} has a vector and no faces; run feature.py again"
            )
        best = mine[faces.qualities[mine].argmax()]
        boxes[row] = faces.boxes[best]
        if not still:
            seen = faces.times[mine]
            end = seen.max() + clip.look / 2
            spans[row] = max(seen.min() - clip.look / 2, 0.0), min(end, clip.seconds) if clip.seconds else end
            times[row] = faces.times[best]
    return Seen(faces.clip, source, tracks, spans[:, 0], spans[:, 1], times, boxes, found)


class _Rows:
    """The vectors of a table, some rows at a time."""

    def __init__(self, reader: StageReader) -> None:
        self._batches = reader.batches(["name", "feature"])
        self._held = np.zeros((0, reader.width), np.float32)

    def take(self, count: int) -> np.ndarray:
        parts = [self._held]
        while sum(map(len, parts)) < count:
            parts.append(vectors_of(next(self._batches).column("feature")))
        rows = np.concatenate(parts)
        self._held = rows[count:]
        return rows[:count]


def known_rows(
    features: StageReader, table: StageReader | None, known: Sequence[str], answers: Given, given: Sequence[str]
) -> np.ndarray:
    """Which rows of features show a known person, (rows,) bool: those with a "yes", and those it was learnt from.

    Parameters
    ----------
    table : of appearances, with the people and false hits to use; None if nobody is known
    known : the features it was made with
    given : other paths of the command

    Raises
    ------
    InputError
        If another model made the features, or the table's inputs are gone.
    """
    if table is None:
        return np.zeros(features.rows, bool)
    check_known(features, known)
    readers = [StageReader(path, ("feature",)) for path in known]
    labels = find_labels(table.arguments.get("dataset"), trace(readers, given))
    about = answers.of_people
    plain = Gallery.read(known, labels, about, needed=False)
    vectors = read_vectors([features, *readers], {*about.shown, *about.denied})
    gallery = TaughtGallery.of(plain, about, vectors, *read_cohort(features)) if about else plain
    if not len(gallery.labels):
        return np.zeros(features.rows, bool)
    nearest = Nearest.of(features, gallery)
    point = judge_by(gallery, nearest, float(table.arguments["false_hits"]), features)
    verdicts, _ = decide(nearest.cosines, nearest.people, point, nearest.sure)
    found = np.asarray(verdicts) == YES
    if any(files.same(features.path, path) for path in known):
        found |= _taught(features, plain)
    return found


def _taught(features: StageReader, gallery: Gallery) -> np.ndarray:
    found = []
    for batch in features.batches(["name", "track"] if features.tracked else ["name"]):
        names = batch.column("name").to_pylist()
        tracks = batch.column("track").to_pylist() if features.tracked else [0] * len(names)
        known = (gallery.known.get(name, (0, -1))[1] for name in names)
        found += [track == taught for track, taught in zip(tracks, known, strict=True)]
    return np.array(found, bool)
