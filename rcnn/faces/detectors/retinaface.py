"""RetinaFace (arXiv:1905.00641) as Pytorch_Retinaface trains and exports it: priors and variances.

Three outputs with one row per prior, stride by stride and cell by cell: box (4), probabilities of
background and face (2), landmarks (10). A prior is a square around the centre of its cell. Box and landmarks are
relative to it: centre = prior's centre + value * 0.1 * side, sides = side * exp(value * 0.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...networks.engine import Network
from ..types import POINTS, Faces
from .single_stage import DIVISOR, SingleStage, cells, probable

STRIDES = (8, 16, 32)
MIN_SIZES = ((16, 32), (64, 128), (256, 512))  # sides of the priors in pixels, stride by stride
VARIANCES = (0.1, 0.2)  # of positions and of sizes
NMS = 0.4  # intersection over union
MEAN = (104.0, 117.0, 123.0)  # of blue, green and red, 0..255
Sizes = Sequence[Sequence[float]]


def prior_count(shape: tuple[int, int], strides: Sequence[int] = STRIDES, sizes: Sizes = MIN_SIZES) -> int:
    """The number of priors of an image of height, width."""
    pairs = zip(strides, sizes, strict=True)
    return sum(-(-shape[0] // stride) * -(-shape[1] // stride) * len(sides) for stride, sides in pairs)


def priors(shape: tuple[int, int], strides: Sequence[int], sizes: Sizes) -> np.ndarray:
    """Centre x, y and side of every prior, in pixels: (n, 3) float32."""
    parts = []
    for stride, sides in zip(strides, sizes, strict=True):
        corners = cells(*shape, stride, len(sides))
        side = np.tile(np.array(sides, np.float32), len(corners) // len(sides))
        parts.append(np.concatenate([corners + np.float32(stride / 2), side[:, None]], 1))
    return np.concatenate(parts)


class RetinafaceDetector(SingleStage):
    """See `SingleStage`.

    Parameters
    ----------
    network : takes images and returns boxes, probabilities and landmarks
    strides, sizes : of the priors
    source : its file, for messages
    """

    def __init__(
        self,
        network: Network,
        strides: Sequence[int] = STRIDES,
        sizes: Sizes = MIN_SIZES,
        nms_threshold: float = NMS,
        threshold: float = 0.5,
        size: tuple[int, int] | None = None,
        source: str = "RetinaFace",
    ) -> None:
        super().__init__(network, nms_threshold, threshold, max(DIVISOR, *strides), size)
        self.strides = tuple(strides)
        self.sizes = tuple(tuple(sides) for sides in sizes)
        self.source = source

    def decode(self, outputs: Sequence[np.ndarray], shape: tuple[int, int], threshold: float, last: bool) -> Faces:
        """See `SingleStage.decode`."""
        return self.decode_with_priors(outputs, shape, threshold)[0]

    def decode_with_priors(
        self, outputs: Sequence[np.ndarray], shape: tuple[int, int], threshold: float
    ) -> tuple[Faces, np.ndarray]:
        """The result of `decode`, and the prior of each face, centre x, y and side in pixels: (n, 3) float32."""
        boxes, classes, landmarks = outputs
        scores = np.ascontiguousarray(classes.reshape(-1, 2)[:, 1])
        chosen = probable(scores, threshold, self.source)
        prior = priors(shape, self.strides, self.sizes)[chosen]
        centres, sides = prior[:, :2], prior[:, 2:]
        place, size = (np.float32(variance) for variance in VARIANCES)
        deltas = boxes.reshape(-1, 4)[chosen]
        middle = centres + deltas[:, :2] * place * sides
        half = np.exp(deltas[:, 2:] * size) * sides / 2
        points = centres[:, None] + landmarks.reshape(-1, POINTS, 2)[chosen] * place * sides[:, None]
        return Faces(np.concatenate([middle - half, middle + half], 1), scores[chosen], points), prior
