"""Light on a head: the shading of an ellipsoid, and the colour of the lamp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .pose import HEAD

RADII = (46.0, 60.0)  # of the ellipsoid, pixels of the canvas
FLATTEST = 0.15  # smallest part of a normal that points to the camera
WARMTH = (-1.0, -0.1, 0.8)  # what a warmer lamp adds to B, G, R


@dataclass(frozen=True)
class Light:
    """A lamp beside what is there from all sides.

    side, height : of the lamp, -1 (left, below) to 1 (right, above)
    strength : share of the light that comes from the lamp, 0 to 1
    gain : factor of the brightness
    warmth : of its colour, about -0.15 (sky) to 0.15 (bulb)
    """

    side: float = 0.0
    height: float = 0.0
    strength: float = 0.0
    gain: float = 1.0
    warmth: float = 0.0


def tint(light: Light) -> np.ndarray:
    """Factors (3,) float32 of B, G, R."""
    return (light.gain * (1 + light.warmth * np.array(WARMTH))).astype(np.float32)


def shading(light: Light, points: np.ndarray) -> np.ndarray:
    """Factors (..., 3) float32 of B, G, R at points (..., 2) of the canvas; 1 in the middle of the face."""
    across = np.clip((points - np.array(HEAD)) / np.array(RADII), -1, 1)
    outward = np.sqrt(np.maximum(1 - np.square(across).sum(-1), FLATTEST**2))
    lamp = np.array([light.side, -light.height, 1.0])
    lamp /= np.linalg.norm(lamp)
    shade = (across @ lamp[:2] + outward * lamp[2]) / lamp[2]
    shade = 1 + light.strength * (np.clip(shade, 0, 2) - 1)
    return (shade[..., None] * tint(light)).astype(np.float32)
