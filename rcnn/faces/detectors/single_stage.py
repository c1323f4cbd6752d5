"""Shared code of single-network detectors: batches, sizes, pyramids, non-maximum suppression; and their interface."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from ...config import config
from ...cython.nms import nms
from ...errors import InputError
from ...networks.engine import Network
from ..geometry import clip_boxes
from ..types import Faces

DIVISOR = 32  # pixels: networks that add feature maps of several strides need sides divisible by the largest


class Detector(Protocol):
    """Finds the faces of images. Several threads may call it at the same time.

    threshold : smallest probability of a face, unless another is given
    size : height, width of the only image size that its network takes; None if it takes any
    side : longer side in pixels of the images that it was made for; None if there is no such size
    enlarged : largest factor by which images are enlarged, if it has no `side`
    largest : height in pixels of the largest face that it finds
    words : its detected kind and input format
    """

    threshold: float
    size: tuple[int, int] | None
    side: int | None
    enlarged: float
    largest: float
    words: str

    def detect(
        self,
        images: Sequence[np.ndarray] | np.ndarray,
        threshold: float | None = None,
        scales: Sequence[float] = (1.0,),
        batch_size: int = 8,
    ) -> list[Faces]:
        """The faces of each image.

        Parameters
        ----------
        images : (H, W, 3) uint8, BGR; sizes may differ, images of one size share batches; or one array (N, H, W, 3)
        threshold : smallest probability of a face; None for the detector's own
        scales : sizes at which to process each image; more than one make a pyramid
        batch_size : images per batch

        Returns
        -------
        One `Faces` per image, in the order of the images.
        """
        ...


class SingleStage:
    """A `Detector` with one network; `decode` interprets its outputs.

    Parameters
    ----------
    network : takes images
    nms_threshold : largest intersection over union of two faces
    threshold : smallest probability of a face
    divisor : images are padded with black at their right and lower edges until their sides are multiples of it
    size : height, width of the only image size that the network takes; others are fitted to it. None if it takes any

    `side`, `enlarged` and `largest` are those of the kind, unless `load_detector` sets others; it also sets `words`.
    """

    side: int | None = None
    enlarged: float = config.FRAME.ENLARGED
    largest: float = math.inf
    words = ""

    def __init__(
        self,
        network: Network,
        nms_threshold: float,
        threshold: float = config.ESSH.THRESHOLD,
        divisor: int = 1,
        size: tuple[int, int] | None = None,
    ) -> None:
        self.network = network
        self.nms_threshold = nms_threshold
        self.threshold = threshold
        self.divisor = divisor
        self.size = size

    def decode(self, outputs: Sequence[np.ndarray], shape: tuple[int, int], threshold: float, last: bool) -> Faces:
        """Candidates of one image, before non-maximum suppression.

        Parameters
        ----------
        outputs : of the network, for one image
        shape : height, width of the network's input
        threshold : smallest probability
        last : whether this is the last scale of a pyramid
        """
        raise NotImplementedError

    def with_network(self, network: Network) -> SingleStage:
        """The same detector with another network with the same outputs."""
        twin = copy.copy(self)
        twin.network = network
        return twin

    def detect(
        self,
        images: Sequence[np.ndarray] | np.ndarray,
        threshold: float | None = None,
        scales: Sequence[float] = (1.0,),
        batch_size: int = 8,
    ) -> list[Faces]:
        """See `Detector.detect`."""
        if isinstance(images, np.ndarray) and images.ndim == 3:
            raise InputError("detect takes a list of images; put a single one into a list")
        threshold = self.threshold if threshold is None else threshold
        found: list[list[Faces]] = [[] for _ in images]
        for number, scale in enumerate(scales):
            last = len(scales) > 1 and number == len(scales) - 1
            scaled = images if scale == 1 else [cv2.resize(image, None, fx=scale, fy=scale) for image in images]
            for index, faces in self._candidates(scaled, threshold, batch_size, last):
                found[index].append(rescaled(faces, scale))
        return [_finish(parts, image.shape, self.nms_threshold) for parts, image in zip(found, images, strict=True)]

    def _candidates(
        self, images: Sequence[np.ndarray] | np.ndarray, threshold: float, batch_size: int, last: bool
    ) -> list[tuple[int, Faces]]:
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            groups[image.shape].append(index)
        found = []
        for indices in groups.values():
            for start in range(0, len(indices), batch_size):
                batch = indices[start : start + batch_size]
                fed, scale = self.fed(_stacked(images, batch))
                outputs = self.network(fed)
                for row, index in enumerate(batch):
                    faces = self.decode([o[row] for o in outputs], fed.shape[1:3], threshold, last)
                    found.append((index, rescaled(faces, scale)))
        return found

    def fed(self, images: np.ndarray) -> tuple[np.ndarray, float]:
        """The network's input for images of one size (n, H, W, 3), and its scale."""
        height, width = images.shape[1:3]
        if self.size is None:
            wanted = tuple(-(-side // self.divisor) * self.divisor for side in (height, width))
            scale = 1.0
        else:
            wanted = self.size
            scale = min(wanted[0] / height, wanted[1] / width)
            height, width = max(1, int(height * scale)), max(1, int(width * scale))
        if (height, width) == wanted and scale == 1:
            return images, scale
        fed = np.zeros((len(images), *wanted, 3), np.uint8)
        for target, image in zip(fed, images, strict=True):
            target[:height, :width] = image if scale == 1 else cv2.resize(image, (width, height))
        return fed, scale


def rescaled(faces: Faces, scale: float) -> Faces:
    """Convert faces found in an image scaled by `scale` to pixels of the unscaled image."""
    if scale == 1:
        return faces
    return Faces(faces.boxes / np.float32(scale), faces.scores, faces.landmarks / np.float32(scale))


def _stacked(images: Sequence[np.ndarray] | np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """Some images as one array, without a copy if they are one already."""
    if isinstance(images, np.ndarray) and len(chosen) == len(images):
        return images
    return np.stack([images[index] for index in chosen])


def _finish(parts: Sequence[Faces], shape: tuple[int, ...], nms_threshold: float) -> Faces:
    found = Faces.joined(parts)
    faces = Faces(clip_boxes(found.boxes, shape[1], shape[0]), found.scores, found.landmarks)
    return faces.take(nms(faces.boxes, faces.scores, nms_threshold))


@lru_cache(maxsize=64)
def cells(height: int, width: int, stride: int, anchors: int) -> np.ndarray:
    """Upper left corners of the cells of an image, row by row, each repeated `anchors` times: (n, 2) float32, x, y in
    pixels."""
    y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]
    corners = (np.stack([x, y], -1).reshape(-1, 2) * stride).astype(np.float32)
    return np.repeat(corners, anchors, axis=0)


def probable(scores: np.ndarray, threshold: float, source: str) -> np.ndarray:
    """Indices, rising, of the best 1000 scores (n,) that are at least `threshold`.

    Raises
    ------
    InputError
        If they are not probabilities.
    """
    if len(scores) and not (scores.min() > -0.01 and scores.max() < 1.01):  # float16 rounds
        raise InputError(
            f"{source}: scores from {scores.min():.3g} to {scores.max():.3g} are not probabilities; "
            f"export the network with its softmax or sigmoid"
        )
    chosen = np.flatnonzero(scores >= np.float32(threshold))
    if len(chosen) > config.ESSH.PRE_NMS_TOP:
        chosen = np.sort(chosen[np.argsort(-scores[chosen], kind="stable")[: config.ESSH.PRE_NMS_TOP]])
    return chosen
