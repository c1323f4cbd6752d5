"""MTCNN (arXiv:1604.02878) from three MXNet checkpoints: a cascade that proposes, refines and finally adds landmarks.

P runs on a pyramid of the image and returns, for each cell of stride 2, the probability that its 12x12 pixels are a
face, and box offsets. R and O do the same on crops of 24x24 and 48x48 pixels, O with landmarks. Boxes include both
ends; offsets are fractions of a box's sides. So are landmarks, the five x first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ...cython.nms import nms
from ...errors import InputError
from ...networks.checkpoint import Graph, load_checkpoint
from ...networks.checkpoint.cascade import cascade_checkpoints
from ...networks.engine import CPU, FP32, INT8, Network, load_network
from ..geometry import clip_boxes
from ..types import POINTS, Faces
from .single_stage import rescaled

CELL, STRIDE = 12, 2  # pixels: P's window, and its stride
SIDES = (24, 48)  # pixels, of the crops of R and O
MIN_FACE = 20  # pixels, side of the smallest face
FACTOR = 0.709  # from one level of the pyramid to the next: half the area
THRESHOLDS = (0.6, 0.7, 0.8)  # smallest probabilities in P, R and O
NMS_LEVEL, NMS_MERGED, NMS_LAST = 0.5, 0.7, 0.7  # overlaps within a level, over all levels and after R, after O
MEAN, STD = 127.5, 128.0  # of blue, green and red, 0..255
MAPS = ({2, 4}, {2, 4}, {2, 4, 10})  # output channels of the three: probabilities, offsets, landmarks
LEVELS = 32  # levels of the pyramid with cached networks; images of 8K have 16


def load_mtcnn(model: str, device: int = CPU, *, precision: str = FP32, engine: str | None = None) -> MtcnnDetector:
    """The cascade of three MXNet checkpoints.

    Parameters
    ----------
    model : see `cascade_checkpoints`
    device : number of a CUDA device or `CPU`
    precision, engine : see `load_network`

    Raises
    ------
    InputError
        If a checkpoint can't be read or is not one of MTCNN's, or the precision is INT8.
    """
    if precision == INT8:
        raise InputError(
            f"--precision int8: --detector {model} is MTCNN, which runs at many sizes; use --precision fp32"
        )
    networks = []
    for checkpoint, channels in zip(cascade_checkpoints(model), MAPS, strict=True):
        graph = load_checkpoint(checkpoint)
        network = load_network(
            graph,
            device=device,
            engine=engine,
            images=True,
            mean=(MEAN,) * 3,
            std=(STD,) * 3,
            rgb=False,
            shapes=LEVELS,
            precision=precision,
        )
        networks.append(_Ordered(network, graph, channels))
    proposal, refinement, output = networks
    return MtcnnDetector(proposal, refinement, output)


class _Ordered:
    """A network with its outputs sorted by their channels; their order differs from file to file."""

    def __init__(self, network: Network, graph: Graph, channels: set[int]) -> None:
        self.network = network
        self.output_names = network.output_names
        self._source = graph.source
        self._channels = channels

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        found = {output.shape[1]: output for output in self.network(data)}
        if set(found) != self._channels or len(self.output_names) != len(found):
            raise InputError(
                f"{self._source}: has outputs of {', '.join(str(n) for n in sorted(found))} channels; "
                f"this network of MTCNN must have {', '.join(str(n) for n in sorted(self._channels))}"
            )
        return [found[channels] for channels in sorted(found)]


class MtcnnDetector:
    """See `Detector`. Images run one at a time, the crops of an image as a batch.

    Parameters
    ----------
    proposal, refinement, output : P, R and O, which take images; they return probabilities (n, 2) of background and
        face, offsets (n, 4) and, only O, landmarks (n, 10); P returns maps (n, 2, h, w) and (n, 4, h, w)
    min_face : side of the smallest face in pixels
    thresholds : smallest probabilities in P, R and O; the last is the detector's own
    """

    size: tuple[int, int] | None = None
    side: int | None = None
    enlarged: float = 1.0  # its own pyramid starts at faces of `min_face`
    largest: float = math.inf
    words = f"MTCNN, BGR, (bgr - {MEAN:g}) / {STD:g}"

    def __init__(
        self,
        proposal: Network,
        refinement: Network,
        output: Network,
        min_face: int = MIN_FACE,
        thresholds: tuple[float, float, float] = THRESHOLDS,
    ) -> None:
        self.proposal, self.refinement, self.output = proposal, refinement, output
        self.min_face = min_face
        self.thresholds = thresholds
        self.threshold = thresholds[2]

    def detect(
        self,
        images: Sequence[np.ndarray] | np.ndarray,
        threshold: float | None = None,
        scales: Sequence[float] = (1.0,),
        batch_size: int = 8,
    ) -> list[Faces]:
        """See `Detector.detect`; `batch_size` is ignored."""
        if isinstance(images, np.ndarray) and images.ndim == 3:
            raise InputError("detect takes a list of images; put a single one into a list")
        last = self.threshold if threshold is None else threshold
        found = []
        for image in images:
            scaled = [image if s == 1 else cv2.resize(image, None, fx=s, fy=s) for s in scales]
            parts = [rescaled(self._faces(i, last), s) for i, s in zip(scaled, scales, strict=True)]
            faces = parts[0] if len(parts) == 1 else Faces.joined(parts)
            boxes = clip_boxes(faces.boxes, image.shape[1], image.shape[0])
            kept = nms_min(boxes, faces.scores, NMS_LAST)
            found.append(Faces(boxes, faces.scores, faces.landmarks).take(kept))
        return found

    def _faces(self, image: np.ndarray, threshold: float) -> Faces:
        """Faces of one image at one scale, not yet clipped to it."""
        boxes = self._proposed(image)
        if len(boxes):
            scores, moves = self.refinement(crops(image, boxes, SIDES[0]))
            kept = np.flatnonzero(scores[:, 1] > np.float32(self.thresholds[1]))
            boxes, scores, moves = boxes[kept], np.ascontiguousarray(scores[kept, 1]), moves[kept]
            kept = nms(boxes, scores, NMS_MERGED)
            boxes = squares(moved(boxes[kept], moves[kept]))
        if not len(boxes):
            return Faces.none()
        scores, moves, points = self.output(crops(image, boxes, SIDES[1]))
        kept = np.flatnonzero(scores[:, 1] >= np.float32(threshold))
        boxes, scores, moves, points = boxes[kept], np.ascontiguousarray(scores[kept, 1]), moves[kept], points[kept]
        sides = _sides(boxes)
        landmarks = boxes[:, None, :2] + points.reshape(-1, 2, POINTS).transpose(0, 2, 1) * sides[:, None]
        return Faces(moved(boxes, moves), scores, landmarks)

    def _proposed(self, image: np.ndarray) -> np.ndarray:
        """P's proposals: square boxes (n, 4) float32, whole pixels."""
        boxes, scores, moves = [], [], []
        for scale in pyramid(image.shape[0], image.shape[1], self.min_face):
            size = math.ceil(image.shape[1] * scale), math.ceil(image.shape[0] * scale)
            probability, deltas = self.proposal(cv2.resize(image, size)[None])
            y, x = np.nonzero(probability[0, 1] > np.float32(self.thresholds[0]))
            corners = np.stack([x, y], 1) * STRIDE + 1
            level = np.rint(np.concatenate([corners, corners + CELL], 1) / scale).astype(np.float32)
            chosen = probability[0, 1, y, x]
            kept = nms(level, chosen, NMS_LEVEL)
            boxes.append(level[kept])
            scores.append(chosen[kept])
            moves.append(deltas[0][:, y, x].T[kept])
        if not boxes:
            return np.zeros((0, 4), np.float32)
        all_boxes, all_scores, all_moves = (np.concatenate(part) for part in (boxes, scores, moves))
        kept = nms(all_boxes, all_scores, NMS_MERGED)
        return squares(moved(all_boxes[kept], all_moves[kept]))


def pyramid(height: int, width: int, min_face: int) -> list[float]:
    """Scales of the pyramid: the first makes the smallest face as large as P's window, the last is the last at which
    the shorter side is longer than that."""
    scales = []
    scale = CELL / min_face
    while min(height, width) * scale > CELL:
        scales.append(scale)
        scale *= FACTOR
    return scales


def _sides(boxes: np.ndarray) -> np.ndarray:
    return boxes[:, 2:] - boxes[:, :2] + 1


def moved(boxes: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Boxes (n, 4) with their edges moved by fractions (n, 4) of their sides."""
    return boxes + np.tile(_sides(boxes), 2) * moves


def squares(boxes: np.ndarray) -> np.ndarray:
    """Squares (n, 4) float32 around the boxes' centres, with the longer side, in whole pixels."""
    sides = _sides(boxes)
    longer = sides.max(1, keepdims=True)
    corners = boxes[:, :2] + sides / 2 - longer / 2
    return np.rint(np.concatenate([corners, corners + longer - 1], 1)).astype(np.float32)


def crops(image: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Crops of boxes (n, 4) of whole pixels, black outside the image: (n, side, side, 3) uint8."""
    result = np.empty((len(boxes), side, side, 3), np.uint8)
    height, width = image.shape[:2]
    for target, (x1, y1, x2, y2) in zip(result, boxes.astype(np.int64).tolist(), strict=True):
        crop = np.zeros((max(1, y2 - y1 + 1), max(1, x2 - x1 + 1), 3), np.uint8)
        left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width - 1) + 1, min(y2, height - 1) + 1
        if left < right and top < bottom:
            crop[top - y1 : bottom - y1, left - x1 : right - x1] = image[top:bottom, left:right]
        target[:] = cv2.resize(crop, (side, side))
    return result


def nms_min(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Like `nms`, but with the overlap as a fraction of the smaller box, so that no face remains inside another."""
    areas = _sides(boxes).prod(1)
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        inner = np.concatenate(
            [np.maximum(boxes[best, :2], boxes[left, :2]), np.minimum(boxes[best, 2:], boxes[left, 2:])], 1
        )
        overlap = np.maximum(_sides(inner), 0).prod(1) / np.minimum(areas[best], areas[left])
        left = left[overlap <= threshold]
    return np.array(kept, np.int64)
