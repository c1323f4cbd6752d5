"""ESSH and RetinaFace: single-stage detectors with three strides, boxes and five landmarks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ...config import config
from ...cython.boxes import anchor_plane
from ...cython.candidates import candidates
from ...errors import InputError
from ...networks.checkpoint import Graph, load_checkpoint
from ...networks.engine import CPU, FP32, NO_MEAN, Network, load_network
from ...networks.engine.images import ImageInput
from ..geometry import base_anchors, decode_boxes, decode_landmarks
from ..recognised import described
from ..types import Faces
from .selection import ARRAYS_A_STRIDE, MAPS_A_STRIDE, above, best_anchors
from .single_stage import SingleStage

RETINAFACE_PREFIX = "face_rpn_"  # of the output names of published RetinaFace models
BOXES, LANDMARKS = ("bbox_pred", "face_box"), "landmark"  # in the names of outputs: of published models, and of ours
VGG_LAYER = "conv1_1"
EMBEDDING = "fc1_output"  # an output of embeddings
LARGEST = 480.0  # pixels: of faces 480 high essh-m25 found 7 of 8, of faces 560 high none; RetinaFace all
LARGEST_STRIDE = 32  # stride that is skipped at the last scale of a pyramid


def load_essh(
    model: str,
    device: int = CPU,
    *,
    nms_threshold: float | None = None,
    precision: str = FP32,
    engine: str | None = None,
) -> EsshDetector:
    """The detector of an MXNet checkpoint.

    Parameters
    ----------
    model : `PREFIX,EPOCH`
    device : number of a CUDA device or `CPU`
    nms_threshold : intersection over union; None for 0.4 with RetinaFace models and 0.3 with others
    precision, engine : see `load_network`

    Raises
    ------
    InputError
        If the checkpoint can't be read or is not an ESSH or RetinaFace.
    """
    graph = load_checkpoint(model)
    _check_outputs(graph)
    retinaface = graph.output_names[0].startswith(RETINAFACE_PREFIX)
    if nms_threshold is None:
        nms_threshold = config.ESSH.NMS_RETINAFACE if retinaface else config.ESSH.NMS
    vgg = any(node.name == VGG_LAYER for node in graph.nodes)
    mean = config.ESSH.VGG_MEAN if vgg else NO_MEAN
    # on a CUDA device the anchors are selected there: copying whole maps would be five times as much
    last = None if device == CPU else best_anchors
    network = load_network(graph, device=device, engine=engine, images=True, mean=mean, precision=precision, last=last)
    detector = EsshDetector(network, nms_threshold, selected=last is not None)
    detector.largest = largest_of(graph.output_names)
    detector.words = f"{'RetinaFace' if retinaface else 'ESSH'}, {described(ImageInput(mean=mean))}"
    return detector


def largest_of(output_names: Sequence[str]) -> float:
    """Height in pixels of the largest face that a detector with outputs of these names finds."""
    return math.inf if all(name.startswith(RETINAFACE_PREFIX) for name in output_names) else LARGEST


def has_boxes(graph: Graph) -> bool:
    """Whether the outputs of a checkpoint are named like those of a face detector, with landmarks or without."""
    return any(word in name for name in graph.output_names for word in BOXES)


def has_landmarks(graph: Graph) -> bool:
    """Whether an output of a checkpoint is named like landmarks."""
    return any(LANDMARKS in name for name in graph.output_names)


def _check_outputs(graph: Graph) -> None:
    wanted = MAPS_A_STRIDE * len(config.ESSH.STRIDES)
    strides = [f"stride{stride}" for stride, _ in config.ESSH.STRIDES for _ in range(MAPS_A_STRIDE)]
    names = graph.output_names
    if len(names) != wanted or not all(s in name for s, name in zip(strides, names, strict=True)):
        if EMBEDDING in graph.internal_names:
            raise InputError(f"{graph.source}: is an embedding, not a detector; give it as --model")
        if has_boxes(graph) and not has_landmarks(graph):
            raise InputError(
                f"{graph.source}: has scores and boxes but no landmarks, and faces are aligned by five "
                "landmarks; use a detector that has them"
            )
        raise InputError(
            f"{graph.source}: is not an ESSH or RetinaFace detector with landmarks: its outputs are "
            f"{', '.join(names[:4])}..., expected {wanted}, three for each of the strides 32, 16, 8"
        )


@lru_cache(maxsize=64)
def _anchors(stride: int, scales: tuple[int, ...], height: int, width: int) -> np.ndarray:
    """(height * width * len(scales), 4) float32, of a feature map of height x width cells."""
    base = base_anchors(config.ESSH.BASE_SIZE, scales)
    return anchor_plane(height, width, stride, base).reshape(-1, 4)


class EsshDetector(SingleStage):
    """See `SingleStage`.

    Parameters
    ----------
    network : takes images and has nine outputs: for the strides 32, 16 and 8 class probability (2A channels),
        box deltas (4A) and landmark deltas (10A); or, if `selected`, the result of `best_anchors` for them
    """

    def __init__(
        self,
        network: Network,
        nms_threshold: float = config.ESSH.NMS,
        selected: bool = False,
        threshold: float = config.ESSH.THRESHOLD,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(network, nms_threshold, threshold, size=size)
        self._decode = decode_selected if selected else decode

    def decode(self, outputs: Sequence[np.ndarray], shape: tuple[int, int], threshold: float, last: bool) -> Faces:
        """See `SingleStage.decode`."""
        return self._decode(outputs, threshold, LARGEST_STRIDE if last else None)


def decode(outputs: Sequence[np.ndarray], threshold: float, skip_stride: int | None = None) -> Faces:
    """Candidates of one image, before NMS.

    Parameters
    ----------
    outputs : nine arrays (channels, h, w) float32, see `EsshDetector`
    threshold : smallest probability. It may be applied here, before NMS: a box is only ever dropped for one
        with a higher score, so no box under the threshold decides about one above it.
    skip_stride : stride to leave out

    Returns
    -------
    The best 1000 of each stride, stride by stride, boxes not yet clipped to the image.
    """
    parts = []
    for level, (stride, scales) in enumerate(config.ESSH.STRIDES):
        if stride == skip_stride:
            continue
        planes = outputs[level * MAPS_A_STRIDE : (level + 1) * MAPS_A_STRIDE]
        probability, boxes, landmarks = map(np.ascontiguousarray, planes)
        indices, scores, box_deltas, landmark_deltas = candidates(probability, boxes, landmarks, threshold)
        if len(scores) > config.ESSH.PRE_NMS_TOP:
            best = np.sort(np.argsort(-scores, kind="stable")[: config.ESSH.PRE_NMS_TOP])
            indices, scores = indices[best], scores[best]
            box_deltas, landmark_deltas = box_deltas[best], landmark_deltas[best]
        anchors = _anchors(stride, scales, *probability.shape[1:])[indices]
        parts.append(Faces(decode_boxes(anchors, box_deltas), scores, decode_landmarks(anchors, landmark_deltas)))
    return Faces.joined(parts)


def decode_selected(chosen: Sequence[np.ndarray], threshold: float, skip_stride: int | None = None) -> Faces:
    """Like `decode`, for one image's part of the result of `best_anchors`."""
    parts = []
    for level, (stride, scales) in enumerate(config.ESSH.STRIDES):
        if stride == skip_stride:
            continue
        mine = chosen[level * ARRAYS_A_STRIDE : (level + 1) * ARRAYS_A_STRIDE]
        indices, scores, box_deltas, landmark_deltas, width = above(mine, threshold)
        cells, kinds = np.divmod(indices, len(scales))
        corners = np.stack(np.divmod(cells, width)[::-1], 1) * stride  # x, y of the cell
        anchors = base_anchors(config.ESSH.BASE_SIZE, scales)[kinds] + np.tile(corners, 2).astype(np.float32)
        parts.append(Faces(decode_boxes(anchors, box_deltas), scores, decode_landmarks(anchors, landmark_deltas)))
    return Faces.joined(parts)
