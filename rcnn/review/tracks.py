"""All tracks of a run in memory: their times and positions, best faces and vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..clips.paths import ClipPaths
from ..clips.sources import find_sources
from ..report import Lineage
from ..stages.appearances import is_still
from ..stages.clip_tracks import read_tracks
from ..stages.doubles import find_doubles
from ..tables import StageReader
from ..tables.films import Films

Place = tuple[str, int]  # clip, and number of the track in it


@dataclass(frozen=True)
class SeenClip:
    """A clip of the films.

    film : number of its film
    start : seconds of the file at which it starts
    width, height : of its frames, pixels; 0 if that is not known
    codec : FFmpeg's name; empty if it is not known
    is_still : whether it was made of a photograph
    """

    name: str
    film: int
    start: float
    width: int
    height: int
    codec: str
    is_still: bool


@dataclass(frozen=True)
class Film:
    """A searched file.

    source : the user's own file, as the run names it
    seconds : its length; 0 if that is not known
    clips : numbers of its pieces
    """

    source: str
    seconds: float
    clips: tuple[int, ...]


@dataclass(frozen=True)
class Tracks:
    """The n tracks of a run, sorted by clip and number.

    clips, films : that have tracks
    clip, film : (n,) int32, numbers of those
    track : (n,) int32
    start, end, time : (n,) float64, seconds of the file: in view from and to, and of the best face
    box : (n, 4) float32, of the best face: x1, y1, x2, y2 in pixels of the upright frame
    quality : (n,) float32, of the best face
    row : (n,) int64, of the best face in the table of faces
    vectors : (n, D) float32 of length 1
    double : (n,) bool, a second detection of a face that another track has, see `stages.doubles`
    shown, ends : seconds of all faces, those of track t at shown[ends[t]:ends[t + 1]]
    places : number of each track, by clip and number in it
    """

    clips: tuple[SeenClip, ...]
    films: tuple[Film, ...]
    clip: np.ndarray
    film: np.ndarray
    track: np.ndarray
    start: np.ndarray
    end: np.ndarray
    time: np.ndarray
    box: np.ndarray
    quality: np.ndarray
    row: np.ndarray
    vectors: np.ndarray
    double: np.ndarray
    shown: np.ndarray
    ends: np.ndarray
    places: Mapping[Place, int]

    def __len__(self) -> int:
        return len(self.track)

    def name(self, number: int) -> str:
        """Of the clip of a track."""
        return self.clips[self.clip[number]].name

    def shares(self, number: int) -> tuple[float, float, float, float]:
        """The best face of a track: x and y of its corner, width and height, as shares of the frame."""
        clip = self.clips[self.clip[number]]
        scale = np.array([clip.width or 1, clip.height or 1] * 2, np.float32)
        x1, y1, x2, y2 = np.clip(self.box[number] / scale, 0, 1).tolist()
        return x1, y1, x2 - x1, y2 - y1


def read_all_tracks(features: StageReader, detection: StageReader, lineage: Lineage, vectors: np.ndarray) -> Tracks:
    """Read all tracks of the films of a run.

    Parameters
    ----------
    features : of feature.py
    detection : of detect.py, that they were made from
    lineage : of the features
    vectors : (n, D) float32 of length 1, in the order of the features

    Raises
    ------
    InputError
        As `read_tracks`.
    """
    rows = _first_rows(detection)
    pieces, seen = Films.of(features), _videos(features)
    paths = ClipPaths(find_sources(None, *lineage.datasets), lineage.datasets)
    clips: list[SeenClip] = []
    films: dict[str, int] = {}
    sources: list[str] = []  # this and the next two are of films
    lengths: list[float] = []
    members: list[list[int]] = []
    clip_of, track_of, row_of, shown = [], [], [], []
    start, end, time, quality = [], [], [], []
    boxes, doubles = [], [np.zeros(0, bool)]
    for clip in read_tracks(features, detection):
        faces, video = clip.faces, seen[clip.faces.clip.name]
        name, source = faces.clip.name, paths.of(faces.clip)
        film = films.setdefault(pieces.film(name), len(films))
        if film == len(sources):
            sources.append(source)
            lengths.append(pieces.lengths.get(pieces.film(name), video["seconds"]))
            members.append([])
        members[film].append(len(clips))
        still = is_still(source)
        doubles.append(find_doubles(faces, clip.tracks))
        for track in clip.tracks.tolist():
            mine = np.flatnonzero(faces.tracks == track)
            if not len(mine):  # of another model's features; none is shown
                mine = np.zeros(1, np.int64)
            best = int(mine[faces.qualities[mine].argmax()])
            times = np.zeros(len(mine)) if still else faces.times[mine]
            until = float(times.max()) + clip.look / 2
            clip_of.append(len(clips))
            track_of.append(track)
            row_of.append(rows[name] + best)
            start.append(max(float(times.min()) - clip.look / 2, 0.0))
            end.append(min(until, clip.seconds) if clip.seconds else until)
            time.append(0.0 if still else float(faces.times[best]))
            quality.append(float(faces.qualities[best]))
            boxes.append(faces.boxes[best])
            shown.append(times)
        clips.append(SeenClip(name, film, faces.clip.start, video["width"], video["height"], video["codec"], still))
    which = np.array(clip_of, np.int32)
    owners = np.array([clip.film for clip in clips], np.int32)
    return Tracks(
        tuple(clips),
        tuple(Film(*each[:2], tuple(each[2])) for each in zip(sources, lengths, members, strict=True)),
        which,
        owners[which] if len(which) else which,
        np.array(track_of, np.int32),
        np.array(start),
        np.array(end),
        np.array(time),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(quality, np.float32),
        np.array(row_of, np.int64),
        vectors,
        np.concatenate(doubles),
        np.concatenate([np.zeros(0), *shown]),
        np.cumsum([0, *map(len, shown)]),
        {(clips[clip].name, track): n for n, (clip, track) in enumerate(zip(clip_of, track_of, strict=True))},
    )


def _first_rows(detection: StageReader) -> dict[str, int]:
    """Number of the first row of each clip in the table of faces."""
    found: dict[str, int] = {}
    row = 0
    for batch in detection.batches(["name"]):
        for name in batch.column("name").to_pylist():
            found.setdefault(name, row)
            row += 1
    return found


def _videos(features: StageReader) -> dict[str, dict]:
    columns = ["name", "seconds", "width", "height", "codec"]
    return {row["name"]: row for batch in features.clips() for row in batch.select(columns).to_pylist()}
