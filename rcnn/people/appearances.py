"""Turns the matched tracks of a clip into appearances: who is visible from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import config
from ..scores.calibration import OperatingPoint
from ..scores.verdicts import MAYBE, NO, YES
from ..tables.faces import ClipFaces
from .templates import NOBODY


@dataclass(frozen=True)
class TrackMatches:
    """The best-matching known person of each track of a clip.

    tracks : (n,) int32, track numbers, unique
    people : (n,) int32, labels of the people
    cosines : (n,) float32, of the track's embedding and the person's template, -1..1
    probabilities : (n,) float32 that it is the person, from the cosine alone
    verdicts : n of yes, maybe, no
    sure : (n,) bool, whether an answer confirms the person; None for none
    """

    tracks: np.ndarray
    people: np.ndarray
    cosines: np.ndarray
    probabilities: np.ndarray
    verdicts: Sequence[str]
    sure: np.ndarray | None = None


@dataclass(frozen=True)
class Appearance:
    """A person visible in a clip for some time; or, with the verdict "no", somebody similar to the person.

    who : label of the person
    start, end : seconds from the start of the file
    seen : seconds of these with a detected face
    time : of the best face, seconds
    box : of the best face, (4,) float32, x1, y1, x2, y2 in pixels of the upright frame
    track : the track with the highest cosine; the best face is its face of the highest quality
    cosine : of that track's embedding and the person's template, -1..1
    probability : that it is the person, from the cosine alone
    verdict : yes, maybe, no
    person : name of the person; empty if unknown
    source : path of the file
    """

    who: int
    start: float
    end: float
    seen: float
    time: float
    box: np.ndarray
    track: int
    cosine: float
    probability: float
    verdict: str
    person: str = ""
    source: str = ""


def judge_tracks(
    tracks: np.ndarray,
    cosines: np.ndarray,
    people: np.ndarray,
    labels: np.ndarray,
    point: OperatingPoint,
    sure: np.ndarray | None = None,
) -> TrackMatches:
    """Apply an operating point to tracks, (n,) numbers, each with its cosine and the row of the nearest person.

    Tracks that answers deny to all people are omitted.

    Parameters
    ----------
    labels : (people,) int32, labels of the gallery's rows
    sure : (n,) bool, whether an answer confirms that person; None for none
    """
    sure = np.zeros(len(tracks), bool) if sure is None else sure
    verdicts, probabilities = decide(cosines, people, point, sure)
    left = np.flatnonzero(sure | (cosines > NOBODY))
    return TrackMatches(
        tracks[left],
        labels[people[left]],
        cosines[left],
        probabilities[left],
        [str(each) for each in verdicts[left]],
        sure[left],
    )


def decide(
    cosines: np.ndarray, people: np.ndarray, point: OperatingPoint, sure: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts (n,) and probabilities (n,) float32; yes and 1 where an answer confirms the person."""
    verdicts = np.where(sure, YES, point.verdicts(cosines, people))
    return verdicts, np.where(sure, 1, point.probabilities(cosines, people)).astype(np.float32)


def find_appearances(faces: ClipFaces, matches: TrackMatches, look: float, seconds: float) -> list[Appearance]:
    """The appearances in a clip, sorted by start, then by person.

    Tracks of one person with one verdict are joined across gaps, except those with "no"; a "yes" is never extended by a
    less certain track. Nobody is in two places at the same time: of tracks of one person that share a frame, only the
    best can be a "yes", and the others are not joined with it. A confirmed track ranks best.

    Start and end are half a sampling interval before the first and after the last frame with the face, because the face
    appeared at a uniformly distributed moment between two sampled frames.

    Parameters
    ----------
    faces : of the clip, with their tracks; tracks without a match are ignored
    matches : of its tracks
    look : sampling interval in seconds, see `seconds_of_look`; 0 for a photograph
    seconds : length of the clip; 0 if unknown
    """
    rows = [np.flatnonzero(faces.tracks == track) for track in matches.tracks]
    sure = np.zeros(len(rows), bool) if matches.sure is None else matches.sure
    order = sorted(range(len(rows)), key=lambda row: (not sure[row], -matches.cosines[row], matches.tracks[row]))
    order = [index for index in order if len(rows[index])]
    found = []
    for who in dict.fromkeys(int(matches.people[index]) for index in order):
        mine = [index for index in order if matches.people[index] == who]
        lanes = _lanes([index for index in mine if matches.verdicts[index] != NO], rows, faces.frames)
        joined = [(YES, [index for index in lane if matches.verdicts[index] == YES]) for lane in lanes[:1]]
        joined += [(MAYBE, [index for index in lane if matches.verdicts[index] == MAYBE]) for lane in lanes[:1]]
        joined += [(MAYBE, lane) for lane in lanes[1:]]
        joined += [(NO, [index]) for index in mine if matches.verdicts[index] == NO]
        for verdict, group in joined:
            for piece in _pieces(faces, rows, group, look) if group else ():
                best = min(piece, key=order.index)
                found.append(_appearance(faces, matches, best, piece, verdict, look, seconds))
    return sorted(found, key=lambda item: (item.start, item.who, item.track))


def _lanes(order: Sequence[int], rows: Sequence[np.ndarray], frames: np.ndarray) -> list[list[int]]:
    """Tracks (best first) in groups without two in one frame; of conflicting tracks, the best is in the first group."""
    lanes: list[list[int]] = []
    left = list(order)
    while left:
        lane: list[int] = []
        taken: set[int] = set()
        for index in left:
            shown = frames[rows[index]].tolist()
            if taken.isdisjoint(shown):
                lane.append(index)
                taken.update(shown)
        lanes.append(lane)
        left = [index for index in left if index not in lane]
    return lanes


def _pieces(
    faces: ClipFaces, rows: Sequence[np.ndarray], lane: Sequence[int], look: float
) -> list[dict[int, np.ndarray]]:
    """The faces of some tracks, split at long gaps: rows of each track, by its index."""
    joined = np.concatenate([rows[index] for index in lane])
    owners = np.concatenate([np.full(len(rows[index]), index) for index in lane])
    order = np.argsort(faces.times[joined], kind="stable")
    joined, owners = joined[order], owners[order]
    ends = np.flatnonzero(np.diff(faces.times[joined]) - look > config.APPEARANCE.GAP) + 1
    parts = zip(np.split(joined, ends), np.split(owners, ends), strict=True)
    return [{int(index): piece[owner == index] for index in np.unique(owner)} for piece, owner in parts]


def _appearance(
    faces: ClipFaces,
    matches: TrackMatches,
    best: int,
    piece: dict[int, np.ndarray],
    verdict: str,
    look: float,
    seconds: float,
) -> Appearance:
    times = faces.times[np.concatenate(list(piece.values()))]
    start = max(float(times.min()) - look / 2, 0.0)
    end = float(times.max()) + look / 2
    end = max(min(end, seconds), start) if seconds else end
    face = piece[best][faces.qualities[piece[best]].argmax()]
    return Appearance(
        int(matches.people[best]),
        start,
        end,
        min(len(np.unique(times)) * look, end - start),
        float(faces.times[face]),
        faces.boxes[face],
        int(matches.tracks[best]),
        float(matches.cosines[best]),
        float(matches.probabilities[best]),
        verdict,
    )


def seconds_of_look(intervals: Sequence[float], looks: int, seconds: float, frames: int) -> float:
    """The sampling interval of a clip, seconds.

    Parameters
    ----------
    intervals : the possible sampling intervals of detect.py: the usual one, then that of the second, denser pass; each
        at least one frame long, 0 if unknown
    looks : number of sampled frames
    seconds : length of the clip, 0 if unknown
    frames : number of frames of the clip

    Returns
    -------
    The interval that fits the number of sampled frames; 0 for a single picture, or if nothing is known.
    """
    known = [interval for interval in intervals if interval > 0]
    if frames == 1 or not known:
        return 0.0
    if not looks or not seconds:
        return known[0]
    return min(known, key=lambda interval: abs(np.log(interval * looks / seconds)))
