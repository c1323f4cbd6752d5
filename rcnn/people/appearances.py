"""Tracks of a clip, each compared with the known people, to appearances: who is in view from when to when."""

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
    """The known person that each track of a clip is most like.

    tracks : (n,) int32, numbers of the tracks, each once
    people : (n,) int32, labels of the people
    cosines : (n,) float32, of the track's embedding and the person's template, -1..1
    probabilities : (n,) float32 that it is the person, by the cosine alone
    verdicts : n of yes, maybe, no
    sure : (n,) bool, whether somebody said that it is the person; None for none
    """

    tracks: np.ndarray
    people: np.ndarray
    cosines: np.ndarray
    probabilities: np.ndarray
    verdicts: Sequence[str]
    sure: np.ndarray | None = None


@dataclass(frozen=True)
class Appearance:
    """A person in view, from a second of a clip to another; or, with the verdict "no", somebody who is like the person.

    who : label of the person
    start, end : seconds from the start of the file
    seen : seconds of them at which the face was found
    time : of the best face, seconds
    box : of the best face, (4,) float32, x1, y1, x2, y2 in pixels of the upright frame
    track : whose embedding is most like the person's template; the best face is its face of the highest quality
    cosine : of that embedding and the template, -1..1
    probability : that it is the person, by the cosine alone
    verdict : yes, maybe, no
    person : name of the person; empty if none is known
    source : the file
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
    """What an operating point says of tracks, (n,) numbers, each with its cosine and the row of the nearest person.

    One that is denied to all people is left out.

    Parameters
    ----------
    labels : (people,) int32, of the rows of the gallery
    sure : (n,) bool, whether an answer says that it is that person; None for none
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
    """Verdicts (n,) and probabilities (n,) float32; of what an answer says, yes and 1."""
    verdicts = np.where(sure, YES, point.verdicts(cosines, people))
    return verdicts, np.where(sure, 1, point.probabilities(cosines, people)).astype(np.float32)


def find_appearances(faces: ClipFaces, matches: TrackMatches, look: float, seconds: float) -> list[Appearance]:
    """The appearances in a clip, sorted by start, then by person.

    Tracks of one person with one verdict are joined over gaps, but for those with "no"; a "yes" is never made longer by
    what may be somebody else. Nobody is in two places at once: of tracks of one person that share a frame only the best
    may be a "yes", and the others are not joined with it. What somebody said is the best.

    Start and end are those of the first and the last frame with the face, half a look before and after: the face came
    between that look and the one before, anywhere with equal chance.

    Parameters
    ----------
    faces : of the clip, with their tracks; a track that is not among the matches does not count
    matches : of its tracks
    look : seconds from one look at the clip to the next, see `seconds_of_look`; 0 for a photograph
    seconds : length of the clip; 0 if it is not known
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
    """Tracks, the best first, in groups none of which has two in one frame; the first has the best of those that do."""
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
    """The faces of some tracks, parted where nobody is in view for too long: rows of each track, by its index."""
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
    """Seconds from one look at a clip to the next.

    Parameters
    ----------
    intervals : that detect.py may have looked at it with: first the usual one, then that of a second, closer look; each
        at least a frame long, 0 if it is not known
    looks : frames that were looked at
    seconds : length of the clip, 0 if it is not known
    frames : of the clip

    Returns
    -------
    The interval with which the clip has so many looks; 0 for a clip of one picture, and where nothing is known.
    """
    known = [interval for interval in intervals if interval > 0]
    if frames == 1 or not known:
        return 0.0
    if not looks or not seconds:
        return known[0]
    return min(known, key=lambda interval: abs(np.log(interval * looks / seconds)))
