"""From faces of a clip to tracks: which of them show one person, frame after frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import config
from ..cython.boxes import overlaps
from .vectors import normalise

NEVER = -1e6  # score of a forbidden pair


@dataclass
class _Track:
    """Members (indices of faces), the last one's frame index and box, the sum of unit embeddings."""

    members: list[int]
    turn: int
    box: np.ndarray
    total: np.ndarray


def track_faces(
    frames: np.ndarray,
    boxes: np.ndarray,
    central: np.ndarray,
    embeddings: np.ndarray | None = None,
    shots: np.ndarray | None = None,
) -> np.ndarray:
    """Number of each face's track within its clip.

    Faces of successive frames are joined if they are similar or overlap, by the best assignment of a frame's faces to
    the existing tracks; a track ends with its shot. At the end, tracks of one person in a shot are joined if they share
    no frame. A frame has at most one face of a track.

    Parameters
    ----------
    frames : (n,) int, frame of each face, rising
    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels
    central : (n,) bool, whether the face is the central one of its frame
    embeddings : (n, D) float32 of any length, or None to use positions only
    shots : (n,) int, number of the shot of each face's frame; None for a single shot

    Returns
    -------
    (n,) int32. Track 0 is the one that is central in most frames, the larger one in a tie; the others follow by the
    same rule.
    """
    unit = None if embeddings is None else normalise(embeddings)
    shots = np.zeros(len(frames), np.int32) if shots is None else shots
    tracks = [track for shot in np.unique(shots) for track in _tracks_of(shots == shot, frames, boxes, unit)]
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = sides.prod(1, dtype=np.float64)
    order = sorted(
        tracks, key=lambda track: (-central[track.members].sum(), -areas[track.members].sum(), track.members[0])
    )
    numbers = np.zeros(len(frames), np.int32)
    for number, track in enumerate(order):
        numbers[track.members] = number
    return numbers


def _tracks_of(mine: np.ndarray, frames: np.ndarray, boxes: np.ndarray, unit: np.ndarray | None) -> list[_Track]:
    """The tracks of one shot; `mine` (n,) bool selects its faces."""
    tracks: list[_Track] = []
    for turn, frame in enumerate(np.unique(frames[mine])):
        _extend(tracks, turn, np.flatnonzero(mine & (frames == frame)), boxes, unit)
    if unit is not None:
        _join_pieces(tracks, frames)
    return tracks


def _extend(tracks: list[_Track], turn: int, faces: np.ndarray, boxes: np.ndarray, unit: np.ndarray | None) -> None:
    """Assign the faces of one frame to tracks, new ones if none fits."""
    # imported here, since it takes a third of the start of detect.py and only tracking needs it
    from scipy.optimize import linear_sum_assignment

    scores = np.full((len(faces), len(tracks)), NEVER)
    if tracks:
        place = overlaps(boxes[faces], np.stack([track.box for track in tracks]))
        near = (place >= config.TRACK.SAME_PLACE) & (
            turn - np.array([track.turn for track in tracks]) <= config.TRACK.GAP
        )
        if unit is None:
            scores[near] = place[near]
        else:
            likeness = unit[faces] @ normalise(np.stack([track.total for track in tracks])).T
            fits = (likeness >= config.TRACK.ALIKE) | (near & (likeness >= config.TRACK.UNLIKE))
            scores[fits] = (likeness + near * place)[fits]
    taken = set()
    for row, column in zip(*linear_sum_assignment(-scores), strict=True):
        if scores[row, column] > NEVER / 2:
            face, track = int(faces[row]), tracks[column]
            track.members.append(face)
            track.turn, track.box = turn, boxes[face]
            if unit is not None:
                track.total = track.total + unit[face]
            taken.add(row)
    for row in set(range(len(faces))) - taken:
        face = int(faces[row])
        tracks.append(_Track([face], turn, boxes[face], np.zeros(0) if unit is None else unit[face]))


def _join_pieces(tracks: list[_Track], frames: np.ndarray) -> None:
    """Join similar tracks that share no frame, the most similar first."""
    seen = np.zeros((len(tracks), len(frames)), np.float32)  # whether a track is in a frame, at its first face
    first_of = np.searchsorted(frames, frames)
    for row, track in zip(seen, tracks, strict=True):
        row[first_of[track.members]] = 1
    totals = np.stack([track.total for track in tracks])
    while len(tracks) > 1:
        means = normalise(totals)
        likeness = means @ means.T
        likeness[seen @ seen.T > 0] = NEVER  # a track shares its frames with itself, too
        kept, gone = sorted(map(int, np.unravel_index(likeness.argmax(), likeness.shape)))
        if likeness[kept, gone] < config.TRACK.JOIN:
            return
        tracks[kept].members = sorted(tracks[kept].members + tracks[gone].members)
        totals[kept] += totals[gone]
        seen[kept] += seen[gone]
        tracks[kept].total = totals[kept]
        totals, seen = np.delete(totals, gone, 0), np.delete(seen, gone, 0)
        del tracks[gone]
