"""Maps answers to the tracks of a repeated detection, by the time and box of the best face."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..cython.boxes import overlaps
from ..tables import StageReader
from ..tables.schema import vectors
from .meaning import Answer, Spot

NEAR = 1.0  # seconds; another rate samples other frames, and a face moves little within a second
LEAST_OVERLAP = 0.3  # intersection over union with the earlier box
COLUMNS = ("name", "time", "box")


@dataclass(frozen=True)
class Faces:
    """Faces of a clip: tracks (n,) int32, times (n,) float64 in seconds, boxes (n, 4) float32 in pixels."""

    tracks: np.ndarray
    times: np.ndarray
    boxes: np.ndarray

    def find(self, time: float, box: Sequence[float]) -> int | None:
        """The track of the face at a time and place; None if there is none nearby."""
        away = np.abs(self.times - time)
        near = np.flatnonzero(away <= NEAR)
        if not len(near):
            return None
        shared = overlaps(self.boxes[near].astype(np.float64), np.array([box], np.float64))[:, 0]
        near, shared = near[shared >= LEAST_OVERLAP], shared[shared >= LEAST_OVERLAP]
        if not len(near):
            return None
        best = np.lexsort((-shared, away[near]))[0]
        return int(self.tracks[near[best]])


class FaceIndex:
    """The faces of some clips, read on demand.

    Parameters
    ----------
    detections : of detect.py; a clip in several of them is read from the first
    """

    def __init__(self, detections: Sequence[StageReader]) -> None:
        self._detections = detections
        self._faces: dict[str, Faces | None] = {}

    def load(self, clips: Collection[str]) -> None:
        """Read those of some clips that are not loaded yet."""
        wanted = {*clips} - {*self._faces}
        found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        for reader in self._detections:
            left = wanted - {*found}
            if not left:
                break
            for batch in reader.rows_of(left, [*COLUMNS, "track"] if reader.tracked else COLUMNS):
                names = np.array(batch.column("name").to_pylist(), object)
                times, boxes = batch.column("time").to_numpy(), vectors(batch.column("box"))
                tracks = batch.column("track").to_numpy() if reader.tracked else np.zeros(len(names), np.int32)
                for name in dict.fromkeys(names.tolist()):
                    rows = names == name
                    found.setdefault(name, []).append((tracks[rows], times[rows], boxes[rows]))
        for name in wanted:
            parts = found.get(name)
            self._faces[name] = None if parts is None else Faces(*map(np.concatenate, zip(*parts, strict=True)))

    def spot(self, spot: Spot, time: float | None, box: Sequence[float] | None) -> Spot | None:
        """The current track; None if it no longer exists. Without a time, the track number is trusted."""
        faces = self._faces[spot.clip]
        if faces is None:
            return None
        if time is None or box is None:
            return spot if spot.track in faces.tracks else None
        track = faces.find(time, box)
        return None if track is None else Spot(spot.clip, track)


def relocate(answers: Iterable[Answer], index: FaceIndex) -> tuple[list[Answer], int]:
    """Answers about current tracks, in order; and the number of answers whose tracks no longer exist."""
    answers = list(answers)
    index.load({spot.clip for answer in answers for spot in answer.spots})
    found, lost = [], 0
    for answer in answers:
        now = _now(answer, index)
        if now is None:
            lost += 1
        else:
            found.append(now)
    return found, lost


def _now(answer: Answer, index: FaceIndex) -> Answer | None:
    if answer.spot is None:
        return answer
    spot = index.spot(answer.spot, answer.time, answer.box)
    if answer.spot2 is None:
        return None if spot is None else replace(answer, spot=spot)
    other = index.spot(answer.spot2, answer.time2, answer.box2)
    return None if spot is None or other is None or spot == other else replace(answer, spot=spot, spot2=other)
