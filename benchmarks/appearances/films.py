"""Films joined from sampled frames of real videos: the tables of detect.py and feature.py for them, and the truth.

A film is built from the faces found in the videos, not from their pictures; nothing is encoded again. Cuts are anywhere
between two sampled frames; tracks are rebuilt over the whole film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rcnn.clips.dataset import Clip
from rcnn.config import config
from rcnn.faces.pooling import Weighting, pool
from rcnn.faces.tracking import track_faces
from rcnn.faces.vectors import normalise
from rcnn.tables.faces import ClipFaces

from .videos import RATE, Video

WIDTH, HEIGHT = 1280, 720  # of a film; videos are scaled to fit
FPS = 25.0


@dataclass(frozen=True)
class Shot:
    """Sampled frames of a video from index `first`, `seconds` long; without a video, nobody is visible."""

    video: Video | None
    first: int
    seconds: float


@dataclass(frozen=True)
class Film:
    """A clip: its faces with tracks, the vector of each track (tracks, D), and the true appearances, in seconds."""

    faces: ClipFaces
    vectors: np.ndarray
    seconds: float
    spans: dict[str, list[tuple[float, float]]]


def cut(clip: Clip, shots: Sequence[Shot], weighting: Weighting) -> Film | None:
    """Join shots to a film, with weighted faces in its tracks; None if it shows no face."""
    parts, embeddings = [], []
    spans: dict[str, list[tuple[float, float]]] = {}
    start = 0.0
    for shot in shots:
        end = start + shot.seconds
        if shot.video is not None:
            part = _looks(clip, shot, start)
            if part is not None:
                parts.append(part[0])
                embeddings.append(part[1])
            mine = spans.setdefault(shot.video.person, [])
            if mine and start - mine[-1][1] <= config.APPEARANCE.GAP:
                mine[-1] = mine[-1][0], end
            else:
                mine.append((start, end))
        start = end
    if not parts:
        return None
    faces, vectors = ClipFaces.joined(parts), np.concatenate(embeddings)
    tracks = track_faces(faces.frames, faces.boxes, _largest(faces), vectors)
    means = []
    for track in range(tracks.max() + 1):
        mine = np.flatnonzero(tracks == track)
        means.append(
            pool(normalise(vectors[mine]), [len(mine)], weighting.of(faces.qualities[mine], faces.scores[mine]))
        )
    return Film(replace(faces, tracks=tracks), np.concatenate(means), start, spans)


def _looks(clip: Clip, shot: Shot, start: float) -> tuple[ClipFaces, np.ndarray] | None:
    """The faces of a shot that starts at second `start` of a film, and their vectors."""
    video = shot.video
    assert video is not None
    begin, end = (int(np.ceil(time * RATE - 1e-9)) for time in (start, start + shot.seconds))  # sampled frames
    rows = np.flatnonzero((video.turns >= shot.first) & (video.turns < shot.first + end - begin))
    if not len(rows):
        return None
    found = video.faces.take(rows)
    turns = begin + video.turns[rows] - shot.first
    scale = min(WIDTH / video.width, HEIGHT / video.height)
    edge = np.array([WIDTH - video.width * scale, HEIGHT - video.height * scale]) / 2
    return (
        replace(
            found,
            clip=clip,
            frames=(np.round(turns / RATE * FPS) + 1).astype(np.int32),
            times=turns / RATE,
            boxes=(found.boxes * scale + np.tile(edge, 2)).astype(np.float32),
        ),
        video.vectors[rows],
    )


def _largest(faces: ClipFaces) -> np.ndarray:
    """(n,) bool, the largest face of each frame."""
    sides = faces.boxes[:, 2:] - faces.boxes[:, :2]
    areas = sides.prod(1)
    order = np.lexsort((-areas, faces.frames))
    first = order[np.unique(faces.frames[order], return_index=True)[1]]
    found = np.zeros(len(faces), bool)
    found[first] = True
    return found
