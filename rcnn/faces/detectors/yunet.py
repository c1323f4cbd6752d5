"""YuNet (Machine Intelligence Research 20, 2023), as in OpenCV's model zoo since March 2023.

For each stride, one row per cell: probability of the class and of an object (1 each; the score is their geometric
mean), box (4: centre from the corner of the cell in strides, logarithms of its sides in strides) and landmarks (10:
from the corner in strides).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...networks.engine import Network
from ..types import POINTS, Faces
from .single_stage import DIVISOR, SingleStage, cells, probable

OUTPUTS_A_STRIDE = 4  # class, object, box, landmarks
NMS = 0.3  # intersection over union


class YunetDetector(SingleStage):
    """See `SingleStage`.

    Parameters
    ----------
    network : takes images; its outputs are class, object, box and landmarks for each stride
    strides : in the order of the outputs
    source : its file, for messages
    """

    enlarged: float = 1.0  # OpenCV feeds it images as they are; it found faces of 16 to 560 pixels

    def __init__(
        self,
        network: Network,
        strides: Sequence[int] = (8, 16, 32),
        nms_threshold: float = NMS,
        threshold: float = 0.5,
        size: tuple[int, int] | None = None,
        source: str = "YuNet",
    ) -> None:
        super().__init__(network, nms_threshold, threshold, DIVISOR, size)
        self.strides = tuple(strides)
        self.source = source

    def decode(self, outputs: Sequence[np.ndarray], shape: tuple[int, int], threshold: float, last: bool) -> Faces:
        """See `SingleStage.decode`."""
        parts = []
        for level, stride in enumerate(self.strides):
            kind, thing, boxes, landmarks = outputs[level * OUTPUTS_A_STRIDE : (level + 1) * OUTPUTS_A_STRIDE]
            # OpenCV also clips them to 0..1
            scores = np.sqrt(np.clip(kind.reshape(-1), 0, 1) * np.clip(thing.reshape(-1), 0, 1))
            chosen = probable(scores, threshold, self.source)
            origins = cells(*shape, stride, 1)[chosen]
            deltas = boxes.reshape(-1, 4)[chosen]
            centres = origins + deltas[:, :2] * stride
            half = np.exp(deltas[:, 2:]) * np.float32(stride / 2)
            points = origins[:, None] + landmarks.reshape(-1, POINTS, 2)[chosen] * stride
            parts.append(Faces(np.concatenate([centres - half, centres + half], 1), scores[chosen], points))
        return Faces.joined(parts)
