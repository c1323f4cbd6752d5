"""Faces, detector and recogniser of FaceAnalysis, with the attributes and methods of InsightFace's."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..cython.nms import nms
from ..errors import ArgumentError
from ..faces.alignment import align_faces
from ..faces.choice import central_faces
from ..faces.detectors import Detector
from ..faces.detectors.single_stage import SingleStage
from ..faces.embedding import Embedder
from ..faces.types import Faces
from .checks import check_choice, kind_of, python_errors
from .images import BGR, as_bgr
from .vectors import compare

DETECTION, RECOGNITION = "detection", "recognition"  # tasks of models


class AnalysedFace(dict[str, Any]):
    """A face as FaceAnalysis gives it: a dict whose keys are attributes, too; one that does not exist is None.

    bbox : (4,) float32, x1, y1, x2, y2 in pixels of the image
    kps : (5, 2) float32, x, y in pixels of the image
    det_score : float32, probability of a face
    embedding : (D,) float32, not normalised
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle ask for what no dict has
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    @property
    def embedding_norm(self) -> Any:
        """Length of the embedding, float32; None without one."""
        return None if self.embedding is None else np.linalg.norm(self.embedding)

    @property
    def normed_embedding(self) -> Any:
        """(D,) float32 of length 1; None without an embedding."""
        return None if self.embedding is None else self.embedding / self.embedding_norm

    @property
    def sex(self) -> str | None:
        """Always None here: no model estimates it."""
        return None if self.gender is None else ("M" if self.gender == 1 else "F")


class AnalysedDetector:
    """A detector with the calls of InsightFace's."""

    taskname = DETECTION

    def __init__(self, detector: Detector, threshold: float, sizes: Sequence[tuple[int, int]]) -> None:
        self.det_thresh = threshold
        self._looks = [detector]
        if isinstance(detector, SingleStage) and detector.size is None:
            self._looks = [copy.copy(detector) for _ in sizes]
            for look, (width, height) in zip(self._looks, sizes, strict=True):
                look.size = (height, width)
        self.nms_thresh = getattr(detector, "nms_threshold", None)

    @python_errors()
    def detect(
        self, img: np.ndarray, input_size: Any = None, max_num: int = 0, metric: str = "default"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Boxes with their scores, (n, 5) float32, and landmarks, (n, 5, 2) float32, the most probable face first.

        Parameters
        ----------
        img : (H, W, 3) uint8, BGR
        input_size : not used; the sizes are those of `FaceAnalysis.prepare`
        max_num, metric : as for `FaceAnalysis.get`
        """
        image = image_of(img)
        if isinstance(max_num, bool) or not isinstance(max_num, int | np.integer) or max_num < 0:
            raise ArgumentError(f"max_num: is {max_num!r}; give a whole number, 0 for all faces")
        metric = check_choice(metric, "det_metric", ("default", "max"))
        parts = [look.detect([image], self.det_thresh)[0] for look in self._looks]
        faces = Faces.joined(parts)
        faces = faces.take(np.argsort(-faces.scores, kind="stable"))
        if len(parts) > 1:
            faces = faces.take(nms(faces.boxes, faces.scores, self.nms_thresh))
        if 0 < max_num < len(faces):
            faces = faces.take(self._chosen(faces, image, int(max_num), metric))
        return np.concatenate([faces.boxes, faces.scores[:, None]], 1), faces.landmarks

    def _chosen(self, faces: Faces, image: np.ndarray, most: int, metric: str) -> np.ndarray:
        if metric == "max":
            areas = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
            return np.argsort(-areas, kind="stable")[:most]
        return central_faces(faces, image.shape[1], image.shape[0], most)


class Recogniser:
    """An embedding with the calls of InsightFace's."""

    taskname = RECOGNITION

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @python_errors()
    def get(self, img: np.ndarray, face: AnalysedFace) -> np.ndarray:
        """The embedding (D,) float32 of a face of an image; the face has it then, too."""
        face.embedding = self.get_feat(align_faces(image_of(img), np.asarray(face.kps, np.float32)[None]))[0]
        embedding: np.ndarray = face.embedding
        return embedding

    def get_feat(self, imgs: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings (n, D) float32 of crops, n times (112, 112, 3) uint8, BGR; of a single crop (1, D)."""
        return self._embedder.embed([imgs] if isinstance(imgs, np.ndarray) and imgs.ndim == 3 else imgs)

    def compute_sim(self, feat1: np.ndarray, feat2: np.ndarray) -> float:
        """The cosine of two embeddings."""
        return compare(np.ravel(feat1), np.ravel(feat2))


def image_of(img: Any) -> np.ndarray:
    """What a caller gives as `img`, (H, W, 3) uint8, BGR; raises ArgumentError if it is none."""
    if not isinstance(img, np.ndarray):
        raise ArgumentError(
            f"img: is {kind_of(img)}; give an array, as cv2.imread and rcnn.read_image do"
            f"{' (cv2.imread gives None for a file that it cannot read)' if img is None else ''}"
        )
    return as_bgr(img, BGR, "img")
