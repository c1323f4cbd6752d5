"""Mines false positives of a detector in training as hard negatives (Shrivastava et al., arXiv:1604.03540, who select
them within a batch; here whole pictures are searched)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..faces.detection_quality import match_faces
from ..faces.detectors.single_stage import Detector
from .labels import LabelledPhotograph
from .pictures import picture_of

LEAST_SCORE = 0.2  # lowest score of a false positive
SHOWN = 0.2  # share of a face that a false positive may contain; above it, the detection is a badly placed face
SURROUNDED = 0.25  # margin cut out on each side, share of the box's size
SMALLEST = 8.0  # pixels, longer side of a false positive


def mistakes(detector: Detector, photos: Sequence[LabelledPhotograph]) -> list[np.ndarray]:
    """Pieces (h, w, 3) uint8 around detections that contain no face, neither a labelled nor an ignored one."""
    pieces = []
    for photo in photos:
        picture = picture_of(photo.path)
        found = detector.detect([picture], LEAST_SCORE)[0]
        wrong = match_faces(found, photo.boxes, photo.ignored).wrong
        for box in found.boxes[wrong]:
            sides = box[2:] - box[:2] + 1
            if sides.max() >= SMALLEST and not _shows(box, np.concatenate([photo.boxes, photo.ignored])):
                x1, y1 = np.clip(box[:2] - SURROUNDED * sides, 0, None).astype(int)
                x2, y2 = np.ceil(box[2:] + 1 + SURROUNDED * sides).astype(int)
                pieces.append(picture[y1:y2, x1:x2])
    return [piece for piece in pieces if min(piece.shape[:2]) > 1]


def _shows(box: np.ndarray, faces: np.ndarray) -> bool:
    """Whether a box (4,) contains more than `SHOWN` of any face (n, 4)."""
    sides = np.minimum(box[2:], faces[:, 2:]) - np.maximum(box[:2], faces[:, :2]) + 1
    areas = (faces[:, 2:] - faces[:, :2] + 1).prod(1)
    return bool((np.clip(sides, 0, None).prod(1) > SHOWN * areas).any())
