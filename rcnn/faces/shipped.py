"""From faces as iQIYI-VID-2019 shipped them, one list per face, to vectors of their clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .tracking import track_faces
from .vectors import normalise, norms

WIDEST = 1 << 16  # numbers of a vector
LAST_FRAME = 1 << 31
MOST_FACES = 1 << 16  # of a clip
FORMS = {  # by the length of an entry, the indices of its detector's score and its quality
    5: (2, 3),  # face: frame, box, score, quality, vector
    4: (2, None),  # head: frame, box, score, vector
    3: (None, None),  # body: frame, box, vector
}


@dataclass(frozen=True)
class ShippedFaces:
    """The faces of a clip, in the order of the frames; those whose vector has no direction are left out.

    frames : (n,) int64, number of the frame
    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels
    scores, qualities : (n,) float64, 1 and infinite if the entries have none
    vectors : (n, D) float32, not normalised
    """

    frames: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    qualities: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, kept: np.ndarray) -> ShippedFaces:
        """Some of them, by indices or by (n,) bool."""
        columns = (self.frames, self.boxes, self.scores, self.qualities, self.vectors)
        return ShippedFaces(*(column[kept] for column in columns))


def parse_faces(entries: Any) -> ShippedFaces | None:
    """The faces of a clip; None if it has no entry.

    Parameters
    ----------
    entries : `[[frame, box, score, quality, vector], ...]`, or the same without the quality, or without both

    Raises
    ------
    ValueError
        If an entry is malformed; says which.
    """
    if not isinstance(entries, list | tuple):
        raise ValueError("is not a list of faces")
    if not entries:
        return None
    if len(entries) > MOST_FACES:
        raise ValueError(f"has {len(entries)} faces, more than the maximum of {MOST_FACES}")
    rows = []
    for number, entry in enumerate(entries, 1):
        try:
            rows.append(_row(entry))
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"face {number} is not [frame, box, score, quality, vector]") from None
    frames, boxes, scores, qualities, vectors = zip(*rows, strict=True)
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("has vectors of several widths")
    found = ShippedFaces(
        np.array(frames, np.int64),
        np.array(boxes, np.float32),
        np.array(scores, np.float64),
        np.array(qualities, np.float64),
        np.stack(vectors).astype(np.float32),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = norms(found.vectors)
    good = np.isfinite(lengths) & (lengths > 0) & np.isfinite(found.boxes).all(1)
    good &= np.isfinite(found.scores) & ~np.isnan(found.qualities)
    order = np.flatnonzero(good)
    return found.take(order[np.argsort(found.frames[order], kind="stable")])


def _row(entry: Any) -> tuple[int, tuple[float, ...], float, float, np.ndarray]:
    if not isinstance(entry, list | tuple):
        raise TypeError
    score, quality = FORMS.get(len(entry), (-1, -1))
    if score == -1:
        raise ValueError
    frame, box, vector = entry[0], entry[1], entry[-1]
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or not 0 < len(vector) <= WIDEST:
        raise ValueError
    if len(box) != 4 or isinstance(box, str | bytes):
        raise ValueError
    number = int(frame)
    if isinstance(frame, bool) or not 0 <= number < LAST_FRAME:
        raise ValueError
    return (
        number,
        tuple(map(float, box)),
        1.0 if score is None else float(entry[score]),
        np.inf if quality is None else float(entry[quality]),
        vector,
    )


def good_faces(faces: ShippedFaces, least: float) -> ShippedFaces:
    """The faces of at least this quality; all of them if there is none."""
    good = faces.qualities >= least
    return faces.take(good) if good.any() else faces


def largest_faces(faces: ShippedFaces) -> ShippedFaces:
    """The largest face of each frame."""
    areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1, dtype=np.float64)
    order = np.lexsort((-areas, faces.frames))
    first = np.r_[True, np.diff(faces.frames[order]) > 0]
    return faces.take(np.sort(order[first]))


def tracks_of(faces: ShippedFaces) -> np.ndarray:
    """Number of each face's track, (n,) int32, as returned by `track_faces`; 0 is the one that is largest most
    often."""
    areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1, dtype=np.float64)
    central = np.zeros(len(faces), bool)
    for start, end in _runs(faces.frames):
        central[start + int(areas[start:end].argmax())] = True
    return track_faces(faces.frames, faces.boxes, central, faces.vectors)


def _runs(frames: np.ndarray) -> Sequence[tuple[int, int]]:
    cuts = np.flatnonzero(np.diff(frames)) + 1
    return list(zip([0, *cuts.tolist()], [*cuts.tolist(), len(frames)], strict=True))


def weights_of(faces: ShippedFaces) -> np.ndarray:
    """The weight of each face, (n,) float64: its quality times its score, as in published solutions.

    Equal weights if they have no quality above 0.
    """
    weights = np.maximum(faces.qualities, 0) * np.maximum(faces.scores, 0)
    return weights if np.isfinite(weights).all() and weights.any() else np.ones(len(faces))


def pooled(faces: ShippedFaces, tracks: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One vector per track: the normalised weighted sum of its normalised faces.

    Returns
    -------
    The tracks (k,) int32, rising, and their vectors (k, D) float32 of length 1. A track whose sum is zero is left out.
    """
    numbers, places = np.unique(tracks, return_inverse=True)
    sums = np.zeros((len(numbers), faces.vectors.shape[1]))
    np.add.at(sums, places, normalise(faces.vectors) * weights[:, None])
    there = sums.any(1)
    return numbers[there].astype(np.int32), normalise(sums[there])
