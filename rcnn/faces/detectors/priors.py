"""Checks, with a known picture, that a RetinaFace's priors are those it was trained with.

A graph does not contain its priors: a file trained with the same number of other priors has the same shapes. Boxes and
landmarks are both relative to the prior's side, so with a wrong one both are too large or too small by the same factor
and agree with each other. Only a face of known size reveals it. The picture is a drawn person, in several sizes, so
that every prior is used; a prior that finds no face there is not checked.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ...errors import InputError
from ...files import sha256
from ...networks.engine.trial import is_passed, pass_it
from .retinaface import RetinafaceDetector

PICTURE = Path(__file__).with_name("drawn.jpg")
POINTS = np.array([[60, 64], [100, 60], [83, 86], [65, 103], [102, 100]], np.float64)  # on it, in pixels
SIDE = 640  # pixels of a canvas, if the network takes any size
# side, left and upper edge of the pictures on each canvas, in pixels of SIDE
LAYOUTS = (((620, 0, 0),), ((430, 0, 0), (200, 435, 0), (100, 435, 210), (50, 540, 210), (28, 600, 210)))
CERTAIN = 0.6  # smallest score of a face to use
USUAL = 0.965  # spread of a published file's landmarks relative to the drawn ones, over all its priors
SPREAD = 1.18  # tolerated factor between sizes; the published file's priors differ by 1.03
ABSURD = 6.0  # factor above which the detection is not a face
LEAST = 2  # anchors that must find a face before a prior is checked


def check_priors(detector: RetinafaceDetector, path: str, card: str) -> None:
    """Check that a detector's boxes have the size of the faces.

    Parameters
    ----------
    path : of its file, for which the result is cached
    card : where the user should write its priors

    Raises
    ------
    InputError
        If they are not.
    """
    key = hashlib.sha256(repr((detector.strides, detector.sizes)).encode()).hexdigest()[:16]
    name = f"priors-{sha256(path)}-{key}"
    if is_passed(name):
        return
    factors = measured(detector)
    wrong = {side: factor for side, factor in factors.items() if not 1 / SPREAD < factor < SPREAD}
    if wrong:
        said = ", ".join(f"{factor:.2f} times at priors of {side:g}" for side, factor in sorted(wrong.items()))
        likely = [
            [round(side / factors[side]) if side in wrong else side for side in sides] for sides in detector.sizes
        ]
        sizes = ", ".join(f"[{', '.join(f'{side:g}' for side in sides)}]" for sides in likely)
        raise InputError(
            f"{os.fspath(path)}: the faces that it finds on a known picture are too large or too small ({said} "
            f"pixels), so it was trained with other priors; write min_sizes of its training into {card}, estimated "
            f"as min_sizes = [{sizes}]"
        )
    pass_it(name)


def measured(detector: RetinafaceDetector) -> dict[float, float]:
    """The size factor of found faces, by side of the prior in pixels; for priors that found one."""
    factors: dict[float, list[float]] = defaultdict(list)
    size = detector.size or (SIDE, SIDE)
    scale = min(size) / SIDE
    picture = cv2.imread(str(PICTURE))
    if picture is None:
        raise InputError(f"{PICTURE}: does not exist; install the program again")
    true = USUAL * _extent(POINTS[None])[0] / len(picture)  # of a picture of 1 pixel
    for layout in LAYOUTS:
        canvas = np.zeros((*size, 3), np.uint8)
        places = [tuple(round(value * scale) for value in place) for place in layout]
        for side, left, top in places:
            way = cv2.INTER_AREA if side < len(picture) else cv2.INTER_LINEAR
            canvas[top : top + side, left : left + side] = cv2.resize(picture, (side, side), interpolation=way)
        outputs = [output[0] for output in detector.network(canvas[None])]
        faces, priors = detector.decode_with_priors(outputs, size, CERTAIN)
        for side, own, extent in _on(places, priors, _extent(faces.landmarks)):
            factor = extent / (true * side)
            if 1 / ABSURD < factor < ABSURD:
                factors[own].append(factor)
    return {side: float(np.median(found)) for side, found in factors.items() if len(found) >= LEAST}


def _extent(landmarks: np.ndarray) -> np.ndarray:
    """The spread of five landmarks (n, 5, 2): root mean square distance to their mean, (n,)."""
    apart: np.ndarray = landmarks - landmarks.mean(1, keepdims=True)
    return np.sqrt((apart**2).sum(2).mean(1))


def _on(places: list[tuple[int, ...]], priors: np.ndarray, extents: np.ndarray) -> Iterator[tuple[int, float, float]]:
    """Side of the picture, side of the prior and spread of the landmarks found, for each prior on a picture."""
    for (x, y, own), extent in zip(priors.tolist(), extents.tolist(), strict=True):
        for side, left, top in places:
            if left <= x < left + side and top <= y < top + side:
                yield side, own, extent
