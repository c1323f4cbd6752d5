"""Draws glasses, dark glasses and masks on faces, placed by the landmarks."""

from __future__ import annotations

import cv2
import numpy as np

# axes and thickness as multiples of the distance between the eyes
LENS = ((0.27, 0.38), (0.2, 0.3))  # horizontal and vertical, from and to
RIM = (0.03, 0.1)
MASK = ((0.65, 0.9), (0.5, 0.7))
DARK = (0, 70)  # grey levels of a dark lens
SEE_THROUGH = 0.5  # probability that glasses are only a rim


def wear_glasses(
    picture: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator, dark: bool | None = None
) -> None:
    """Draw glasses on a face of a picture (H, W, 3) uint8 by its landmarks (5, 2): a rim, or dark lenses.

    Parameters
    ----------
    dark : whether the lenses are dark; None for a random choice
    """
    eyes = landmarks[:2].astype(float)
    between = eyes[1] - eyes[0]
    distance = float(np.hypot(*between))
    angle = float(np.degrees(np.arctan2(between[1], between[0])))
    axes = tuple(max(1, round(distance * rng.uniform(*span))) for span in LENS)
    rim = max(1, round(distance * rng.uniform(*RIM)))
    colour = _colour(rng, DARK)
    filled = rng.random() >= SEE_THROUGH if dark is None else dark
    for eye in eyes:
        cv2.ellipse(picture, _point(eye), axes, angle, 0, 360, colour, -1 if filled else rim, cv2.LINE_AA)
    inner = [eye + sign * between * (axes[0] / max(distance, 1)) for eye, sign in zip(eyes, (1, -1), strict=True)]
    cv2.line(picture, _point(inner[0]), _point(inner[1]), colour, rim, cv2.LINE_AA)


def wear_mask(picture: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a mask over nose and mouth of a face; arguments as in `wear_glasses`."""
    between = landmarks[1] - landmarks[0]
    distance = float(np.hypot(*between))
    centre = (landmarks[2] + landmarks[3] + landmarks[4]) / 3
    axes = tuple(max(1, round(distance * rng.uniform(*span))) for span in MASK)
    angle = float(np.degrees(np.arctan2(between[1], between[0])))
    cv2.ellipse(picture, _point(centre), axes, angle, 0, 360, _colour(rng, (0, 255)), -1, cv2.LINE_AA)


def _point(place: np.ndarray) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))


def _colour(rng: np.random.Generator, span: tuple[int, int]) -> tuple[int, int, int]:
    blue, green, red = (int(value) for value in rng.integers(span[0], span[1] + 1, 3))
    return blue, green, red
