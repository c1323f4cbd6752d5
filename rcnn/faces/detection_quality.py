"""How many faces a detector finds, and how many false positives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cython.boxes import overlaps
from .types import Faces

SAME = 0.5  # smallest intersection over union of a detection and its labelled face
IGNORED_SHARE = 0.5  # share of a detection inside an ignored box above which it is ignored
NOTHING = -1


@dataclass(frozen=True)
class Matches:
    """The detections of an image, compared with its labels.

    face : (n,) int64, the label that each detection finds, NOTHING if none
    wrong : (n,) bool, whether it is a false positive
    """

    face: np.ndarray
    wrong: np.ndarray


def match_faces(faces: Faces, boxes: np.ndarray, ignored: np.ndarray) -> Matches:
    """Each label is matched to the most probable detection that overlaps it; a label is found once.

    Parameters
    ----------
    faces : best score first
    boxes, ignored : (k, 4) and (m, 4) float32; an ignored detection is neither right nor wrong
    """
    face = np.full(len(faces), NOTHING)
    wrong = np.ones(len(faces), bool)
    found = np.ascontiguousarray(faces.boxes, np.float32)
    overlap = overlaps(found, np.ascontiguousarray(boxes, np.float32))
    free = np.ones(len(boxes), bool)
    for row in range(len(faces)):
        candidates = np.where(free, overlap[row], 0)
        if len(candidates) and candidates.max() >= SAME:
            face[row] = candidates.argmax()
            free[face[row]] = wrong[row] = False
        elif len(ignored):
            sides = np.minimum(found[row, 2:], ignored[:, 2:]) - np.maximum(found[row, :2], ignored[:, :2]) + 1
            area = (found[row, 2:] - found[row, :2] + 1).prod()
            wrong[row] = (np.clip(sides, 0, None).prod(1) < IGNORED_SHARE * area).all()
    return Matches(face, wrong)


def threshold_for(found: Sequence[Faces], matches: Sequence[Matches], images_a_mistake: float) -> float:
    """The smallest threshold with at most one false positive per this many images.

    If there are fewer, it is the lowest score of the detections.
    """
    scores = np.concatenate([faces.scores[match.wrong] for faces, match in zip(found, matches, strict=True)])
    allowed = int(len(found) / images_a_mistake)
    if len(scores) <= allowed:
        return 0.0
    return float(np.nextafter(np.sort(scores)[::-1][allowed], np.float32(2)))


def recall(found: Sequence[Faces], matches: Sequence[Matches], wanted: Sequence[np.ndarray], threshold: float) -> float:
    """The share of the labels chosen by `wanted`, one bool array (k,) an image, found at a threshold; NaN if none."""
    total = sum(int(chosen.sum()) for chosen in wanted)
    hits = 0
    for faces, match, chosen in zip(found, matches, wanted, strict=True):
        face = match.face[(faces.scores >= threshold) & (match.face != NOTHING)]
        hits += int(chosen[face].sum())
    return hits / total if total else float("nan")


def false_positives(found: Sequence[Faces], matches: Sequence[Matches], threshold: float) -> int:
    """False positives in all images at a threshold."""
    return sum(int((m.wrong & (f.scores >= threshold)).sum()) for f, m in zip(found, matches, strict=True))


def landmark_errors(
    found: Sequence[Faces],
    matches: Sequence[Matches],
    labels: Sequence[tuple[np.ndarray, np.ndarray]],
    threshold: float,
    least_size: float = 0.0,
) -> np.ndarray:
    """The landmark error of each found face.

    Parameters
    ----------
    labels : boxes (k, 4) and landmarks (k, 5, 2) of each image; NaN landmarks are ignored
    threshold : smallest score of a face that counts
    least_size : pixels, geometric mean of a label's width and height

    Returns
    -------
    (n,) mean distance of the five points, as a share of the distance of the eyes.
    """
    errors = [np.zeros(0)]
    for faces, match, (boxes, landmarks) in zip(found, matches, labels, strict=True):
        rows = np.flatnonzero((match.face != NOTHING) & (faces.scores >= threshold))
        rows = rows[np.sqrt((boxes[:, 2:] - boxes[:, :2] + 1).prod(1))[match.face[rows]] >= least_size]
        right = landmarks[match.face[rows]]
        distances = np.linalg.norm(faces.landmarks[rows] - right, axis=2).mean(1)
        errors.append(distances / np.linalg.norm(right[:, 1] - right[:, 0], axis=1))
    joined = np.concatenate(errors)
    return joined[np.isfinite(joined)]
