"""SCRFD (arXiv:2105.04714): from the corner of a cell, distances to the edges of a box and offsets to the landmarks.

Outputs of InsightFace's ONNX files for each stride, in units of the stride: scores (cells * anchors, 1), distances to
the left, upper, right and lower edge (.., 4), offsets x, y of the landmarks (.., 10). All anchors of a cell have its
upper left corner as origin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...networks.engine import Network
from ..types import POINTS, Faces
from .single_stage import DIVISOR, SingleStage, cells, probable

OUTPUTS_A_STRIDE = 3  # scores, distances, offsets
NMS = 0.4  # intersection over union
SIDE = 640  # pixels, longer side of its images in InsightFace, which enlarges smaller ones
LARGEST = 420.0  # pixels: of faces 420 high it found 20 of 20, of faces 500 high none
MEAN, STD = 127.5, 128.0  # of red, green and blue, 0..255


class ScrfdDetector(SingleStage):
    """See `SingleStage`.

    Parameters
    ----------
    network : takes images; its outputs are scores, distances and offsets for each stride
    strides : in the order of the outputs
    anchors : per cell, 1 or 2
    source : its file, for messages
    """

    side: int | None = SIDE
    largest: float = LARGEST

    def __init__(
        self,
        network: Network,
        strides: Sequence[int] = (8, 16, 32),
        anchors: int = 2,
        nms_threshold: float = NMS,
        threshold: float = 0.5,
        size: tuple[int, int] | None = None,
        source: str = "SCRFD",
    ) -> None:
        super().__init__(network, nms_threshold, threshold, max(DIVISOR, *strides), size)
        self.strides = tuple(strides)
        self.anchors = anchors
        self.source = source

    def decode(self, outputs: Sequence[np.ndarray], shape: tuple[int, int], threshold: float, last: bool) -> Faces:
        """See `SingleStage.decode`; outputs may have any shape with the right number of values."""
        parts = []
        for level, stride in enumerate(self.strides):
            scores, distances, offsets = outputs[level * OUTPUTS_A_STRIDE : (level + 1) * OUTPUTS_A_STRIDE]
            scores = scores.reshape(-1)
            chosen = probable(scores, threshold, self.source)
            origins = cells(*shape, stride, self.anchors)[chosen]
            edges = distances.reshape(-1, 4)[chosen] * stride
            boxes = np.concatenate([origins - edges[:, :2], origins + edges[:, 2:]], 1)
            landmarks = origins[:, None] + offsets.reshape(-1, POINTS, 2)[chosen] * stride
            parts.append(Faces(boxes, scores[chosen], landmarks))
        return Faces.joined(parts)
