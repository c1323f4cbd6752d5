"""A bust: the face's canvas with the shoulders that it lacks, in the colours of its lower edge."""

from __future__ import annotations

import cv2
import numpy as np

from .canvas import MIDDLE, SIZE
from .scene import texture

LEFT, RIGHT = 64, 64  # pixels of the canvas that the bust is wider on both sides
BELOW = 130  # and higher below
FINE = 2  # pixels of the bust a pixel of the canvas: it is enlarged once, well
SEAM = (115, 126)  # rows of the canvas between which the drawn shoulders take over
PROFILE = (117, 125)  # rows whose colours go on below
PROFILE_SIGMA = 2.0  # pixels
SIDES = (30, 54)  # distance from the middle of the columns that have the colour of the coat
COLLAR = (17.0, 0.38)  # half width of what the coat shows at the seam, and what it loses a row
OPEN_COATS = 0.6  # share of the people whose collar is open; the others wear a crew neck
SOLID = 0.6  # alpha from which a column of the profile counts
SHARPENING = 0.6  # share of the fine detail that is added after enlarging
CRISPNESS = 1.7  # slope of the alpha at the edges of the person, beside 1 as the refiner gives it


def bust(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The person from the head to the chest.

    Parameters
    ----------
    face : (SIZE, SIZE, 4) float32, BGR times alpha 0..255, and alpha 0..1

    Returns
    -------
    (H, W, 4) uint8, BGR times alpha and alpha 0..255, FINE pixels a pixel of the canvas. The canvas begins
    LEFT pixels from its left edge, at its upper edge.
    """
    height, width = SIZE + BELOW, LEFT + SIZE + RIGHT
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x -= LEFT
    face = _crisp(face)
    alpha = _shoulders(x, y, rng)
    chest = _cloth(face, x, y, rng)
    drawn = np.dstack([np.clip(chest, 0, 255) * alpha[..., None], alpha])
    whole = np.zeros((height, width, 4), np.float32)
    whole[:SIZE, LEFT : LEFT + SIZE] = face
    share = np.clip((y - SEAM[0]) / (SEAM[1] - SEAM[0]), 0, 1)
    # at its sides, too, the canvas must not end in a line
    side = np.clip((np.abs(x - MIDDLE) - (MIDDLE - 16)) / 12, 0, 1)
    share = np.maximum(share * share * (3 - 2 * share), side)[..., None]
    behind = drawn * (1 - whole[..., 3:])  # shoulders are seen beside the neck
    joined = (whole + behind) * (1 - share) + drawn * share
    large = cv2.resize(joined, (width * FINE, height * FINE), interpolation=cv2.INTER_CUBIC)
    large += SHARPENING * (large - cv2.GaussianBlur(large, (0, 0), 1.3 * FINE))
    alpha = np.clip(large[..., 3:], 0, 1)
    return np.rint(np.dstack([np.clip(large[..., :3], 0, alpha * 255), alpha * 255])).astype(np.uint8)


def _crisp(face: np.ndarray) -> np.ndarray:
    """The face with a steeper alpha, which leaves no veils around the hair."""
    alpha = face[..., 3:]
    steep = np.clip((alpha - 0.5) * CRISPNESS + 0.5, 0, 1)
    return np.dstack([face[..., :3] * (steep / np.maximum(alpha, 0.05)), steep])


def _cloth(face: np.ndarray, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colours (H, W, 3) float32: a coat as the face's lower edge shows it at the sides, and what is in its collar."""
    rows = face[PROFILE[0] : PROFILE[1]].mean(0)
    colours = rows[:, :3] / np.maximum(rows[:, 3:], 0.05)
    solid = np.flatnonzero(rows[:, 3] > SOLID)
    if not len(solid):
        solid = np.array([SIZE // 2])
    from_middle = np.abs(solid + 0.5 - MIDDLE)
    beside = solid[(from_middle > SIDES[0]) & (from_middle < SIDES[1])]
    coat = colours[beside if len(beside) else solid].mean(0)
    nearest = np.clip(np.arange(SIZE), solid[0], solid[-1])
    profile = cv2.GaussianBlur(np.ascontiguousarray(colours[nearest])[None], (0, 0), PROFILE_SIGMA)
    inner = cv2.remap(profile, x, np.zeros_like(x), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    open_coat = rng.random() < OPEN_COATS
    half = COLLAR[0] - (COLLAR[1] if open_coat else COLLAR[0] / 6) * np.maximum(y - SEAM[0], 0)
    lapel = np.clip((half - np.abs(x - MIDDLE)) / 2 + 0.5, 0, 1)[..., None]
    edge = 1 - (0.2 if open_coat else 0.08) * np.exp(-np.square((half - np.abs(x - MIDDLE)) / 2.5))[..., None]
    height, width = x.shape
    folds = 1 + 0.16 * texture(height, width, rng, 3)[..., None]
    round_off = 1 - 0.35 * np.square(np.clip((x - MIDDLE) / 110, -1, 1))[..., None]  # arms turn from the light
    # the fade from the profile to the coat's one colour hides where the canvas ends
    fade = np.clip((y - SEAM[0]) / 16, 0, 1)[..., None]
    outer = inner * (1 - fade) + coat * fade
    return (inner * lapel + outer * (1 - lapel)) * edge * folds * round_off


def _shoulders(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Alpha (H, W) float32 of neck, shoulders and arms; numbers are pixels of the canvas."""
    from_middle = np.abs(x - MIDDLE)
    half, drop = float(rng.uniform(78, 94)), float(rng.uniform(20, 30))
    begins = float(rng.uniform(113, 118))
    along = np.clip((from_middle - 20) / (half - 20), 0, 1.5)
    line = begins + drop * along**1.25 + np.square(np.maximum(from_middle - half + 20, 0)) / 14
    arm = half + 0.06 * np.maximum(y - line, 0)  # arms hang a little outwards
    return np.clip((y - line) / 3 + 0.5, 0, 1) * np.clip((arm + 8 - from_middle) / 4, 0, 1)
