"""Training targets of a detector at each anchor of an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..config import config
from ..cython.boxes import anchor_plane, overlaps
from ..faces.geometry import base_anchors
from ..faces.types import POINTS

FACE, BACKGROUND, NEITHER = 1, 0, -1
POSITIVE_OVERLAP = 0.5  # intersection over union with a face from which an anchor is positive
NEGATIVE_OVERLAP = 0.3  # intersection over union below which an anchor is background
IGNORED_SHARE = 0.4  # share of an anchor inside an ignored box above which it is not background


@dataclass(frozen=True)
class Targets:
    """Targets of the N anchors of an image, in the order of `image_anchors`.

    classes : (N,) int64, FACE, BACKGROUND or NEITHER
    boxes : (N, 4) float32, deltas for `rcnn.faces.geometry.decode_boxes`; 0 if there is no face
    landmarks : (N, 10) float32, deltas for `decode_landmarks`; NaN if unknown
    """

    classes: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray


@lru_cache(maxsize=8)
def image_anchors(height: int, width: int) -> np.ndarray:
    """(N, 4) float32, all anchors of an image: stride by stride, row by row, cell by cell, scale by scale."""
    parts = []
    for stride, scales in config.ESSH.STRIDES:
        cells = (-(-height // stride), -(-width // stride))  # convolutions of stride 2 round up
        parts.append(anchor_plane(*cells, stride, base_anchors(config.ESSH.BASE_SIZE, scales)).reshape(-1, 4))
    anchors = np.concatenate(parts)
    anchors.flags.writeable = False
    return anchors


def match_anchors(anchors: np.ndarray, boxes: np.ndarray, landmarks: np.ndarray, ignored: np.ndarray) -> Targets:
    """Match each anchor to the face that it overlaps most, and each face to the anchor that overlaps it most.

    Parameters
    ----------
    anchors : (N, 4) float32
    boxes, landmarks, ignored : (n, 4), (n, 5, 2) and (m, 4) float32, see `LabelledPhotograph`
    """
    classes = np.zeros(len(anchors), np.int64)
    box_deltas = np.zeros((len(anchors), 4), np.float32)
    landmark_deltas = np.full((len(anchors), 2 * POINTS), np.nan, np.float32)
    if len(ignored):
        classes[_share_inside(anchors, ignored) > IGNORED_SHARE] = NEITHER
    if len(boxes):
        overlap = overlaps(anchors, np.ascontiguousarray(boxes))
        face, best = overlap.argmax(1), overlap.max(1)
        classes[best >= NEGATIVE_OVERLAP] = NEITHER
        classes[best >= POSITIVE_OVERLAP] = FACE
        own = overlap.argmax(0)
        classes[own] = FACE
        face[own] = np.arange(len(boxes))
        chosen = np.flatnonzero(classes == FACE)
        box_deltas[chosen] = encode_boxes(anchors[chosen], boxes[face[chosen]])
        landmark_deltas[chosen] = encode_landmarks(anchors[chosen], landmarks[face[chosen]])
    return Targets(classes, box_deltas, landmark_deltas)


def encode_boxes(anchors: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Deltas (n, 4) float32 that `decode_boxes` decodes to the boxes (n, 4)."""
    sizes, wanted = anchors[:, 2:] - anchors[:, :2] + 1, boxes[:, 2:] - boxes[:, :2] + 1
    shifts = (boxes[:, :2] + boxes[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2
    return np.concatenate([shifts / sizes, np.log(wanted / sizes)], 1)


def encode_landmarks(anchors: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Deltas (n, 10) float32 that `decode_landmarks` decodes to the landmarks (n, 5, 2)."""
    sizes = anchors[:, 2:] - anchors[:, :2] + 1
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    return ((landmarks - centres[:, None]) / sizes[:, None]).reshape(-1, 2 * POINTS)


def _share_inside(anchors: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,), the largest share of each anchor covered by a single box."""
    share = np.zeros(len(anchors), np.float32)
    area = (anchors[:, 2:] - anchors[:, :2] + 1).prod(1)
    for box in boxes:
        sides = np.minimum(anchors[:, 2:], box[2:]) - np.maximum(anchors[:, :2], box[:2]) + 1
        np.maximum(share, np.clip(sides, 0, None).prod(1) / area, out=share)
    return share
