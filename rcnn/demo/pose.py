"""Heads that turn and faces that move: where each point of the canvas goes, and where each pixel comes from.

A head is a surface of depth z over the canvas, turned in three dimensions and seen from far away. The neck bends;
the body stays. Expressions are smooth shifts of the mouth, the brows and the eyelids.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .canvas import MIDDLE, SIZE, landmarks

HEAD = (MIDDLE, 62.0)  # x, y of the middle of the head, pixels of the canvas; so are all lengths here
HEAD_SPREAD = (40.0, 52.0)  # in which its depth falls to 1/e
HEAD_DEPTH = 46.0
NOSE_SPREAD = (6.0, 9.0)
NOSE_DEPTH = 6.0
PIVOT = (MIDDLE, 98.0, -4.0)  # x, y, z around which the head turns: the upper end of the neck
NECK = (100.0, 124.0)  # y between which the neck goes from turning with the head to standing with the body
GRID_STEP = 4.0  # between the points for which the movement is worked out; what is between is interpolated
MARGIN = 32.0  # of that grid around the canvas
ROUNDS = 8  # of the fixed-point iteration that inverts the movement
MOUTH_SPREAD = 9.0
BROW_RISE = 9.0  # how far brows lie above eyes
LID_SPREAD = (9.0, 3.5)


@dataclass(frozen=True)
class Pose:
    """How a head is held.

    yaw, pitch, roll : radians; positive turns its nose to the right of the image, down, and its top to the right
    smile, jaw, brow, squint : shifts in pixels of the canvas, but squint, the share of the eyes that is closed
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    smile: float = 0.0
    jaw: float = 0.0
    brow: float = 0.0
    squint: float = 0.0


def depth(points: np.ndarray) -> np.ndarray:
    """z (...) towards the camera of points (..., 2) of the canvas."""
    head, nose = _bump(points, np.array(HEAD), HEAD_SPREAD), _bump(points, landmarks()[2], NOSE_SPREAD)
    return (HEAD_DEPTH * head + NOSE_DEPTH * nose)[..., 0]


def rotation(pose: Pose) -> np.ndarray:
    """(3, 3), for columns x (right), y (down), z (towards the camera): yaw, then pitch, then roll."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (pose.yaw, pose.pitch, pose.roll))
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ pitch @ yaw


def posed(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Where points (..., 2) of the canvas go: (..., 2), pixels of the canvas."""
    points = np.asarray(points, np.float64)
    shown = points + _expression(points, pose)
    solid = np.concatenate([points, depth(points)[..., None]], -1) - np.array(PIVOT)
    turned = (solid @ rotation(pose).T)[..., :2] + np.array(PIVOT[:2])
    share = np.clip((NECK[1] - points[..., 1:]) / (NECK[1] - NECK[0]), 0, 1)
    share = share * share * (3 - 2 * share)
    return shown + share * (turned - points)


def sources(pose: Pose, goal: np.ndarray) -> np.ndarray:
    """Where points come from: the inverse of `posed`.

    Parameters
    ----------
    goal : (height, width, 2) float32, pixels of the canvas

    Returns
    -------
    (height, width, 2) float32, pixels of the canvas; exact to a tenth of a pixel.
    """
    grid = _grid()
    shift = (posed(grid, pose) - grid).astype(np.float32)
    start = goal
    for _ in range(ROUNDS):
        at = (start - grid[0, 0]) * np.float32(1 / GRID_STEP)
        start = goal - cv2.remap(shift, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return start


@lru_cache(maxsize=1)
def _grid() -> np.ndarray:
    """(h, w, 2) float32: the canvas and a margin, GRID_STEP apart."""
    y, x = np.mgrid[-MARGIN : SIZE + MARGIN : GRID_STEP, -MARGIN : SIZE + MARGIN : GRID_STEP]
    return np.dstack([x, y]).astype(np.float32)


def _expression(points: np.ndarray, pose: Pose) -> np.ndarray:
    left_eye, right_eye, _, left_corner, right_corner = landmarks().astype(np.float64)
    shift = np.zeros_like(points)
    for corner, side in ((left_corner, -1.0), (right_corner, 1.0)):
        shift += _bump(points, corner, (MOUTH_SPREAD, MOUTH_SPREAD)) * (pose.smile * np.array([0.7 * side, -0.8]))
    chin = (left_corner + right_corner) / 2 + [0, 10.0]
    shift += _bump(points, chin, (14.0, MOUTH_SPREAD)) * np.array([0.0, pose.jaw])
    for eye in (left_eye, right_eye):
        shift += _bump(points, eye - [0, BROW_RISE], (11.0, 5.0)) * np.array([0.0, -pose.brow])
        lids = _bump(points, eye, LID_SPREAD)[..., 0] * (points[..., 1] - eye[1])
        shift[..., 1] -= pose.squint * lids
    return shift


def _bump(points: np.ndarray, middle: np.ndarray, spread: tuple[float, float]) -> np.ndarray:
    """(..., 1): 1 at `middle`, 1/e at `spread` from it."""
    across = np.square((points - middle) / np.array(spread))
    return np.exp(-(across[..., :1] + across[..., 1:]))
