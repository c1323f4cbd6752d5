"""InsightFace's FaceAnalysis on the engines of this project: code that uses it runs by changing one import.

What follows is the shape of `insightface.app` 2.x; see docs/python.md for what differs.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..cython.nms import nms
from ..errors import ArgumentError, InputError
from ..faces.alignment import align_faces
from ..faces.card import Card
from ..faces.choice import central_faces
from ..faces.detectors import Detector
from ..faces.detectors.single_stage import DIVISOR, SingleStage
from ..faces.embedding import Embedder
from ..faces.types import Faces
from ..networks.engine import CPU
from .checks import check_choice, check_number, check_path, kind_of, python_errors
from .images import BGR, as_bgr
from .models import detector_of, device_of, embedder_of, find_detector, find_embedding

PACK = "buffalo_l"  # the name that InsightFace's class takes where none is given
ROOT = "~/.insightface"
PACK_WANTED = "the name of a pack of models, or a folder of ONNX files"
DETECTION, RECOGNITION = "detection", "recognition"
DETECTOR_SIZES = ((128, 128), (640, 640))  # width, height in pixels, where prepare is given none
INSIGHTFACE = Card(colour="rgb", mean=(127.5,) * 3, std=(127.5,) * 3)  # what it does to the crops of its embeddings
RED, GREEN = (0, 0, 255), (0, 255, 0)
GREEN_POINTS = (0, 3)


class AnalysedFace(dict[str, Any]):
    """A face as FaceAnalysis gives it: a dict whose keys are attributes, too; one that is not there is None.

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


class FaceAnalysis:
    """Finds and embeds faces with the calls of InsightFace's class of this name.

    Parameters
    ----------
    name : a pack of models, a folder of ONNX files, in `root`/models or anywhere. One that is not there is replaced by
        the default models, with a warning.
    root : folder of InsightFace's models
    allowed_modules : "detection" and "recognition", or some of them; None for both
    detector, embedding : as of `FaceFinder`, in place of a pack
    kwargs : what InsightFace's class takes besides, as `providers`; not used

    Attributes
    ----------
    models : by task, "detection" and "recognition"
    det_model : the first of them

    Raises
    ------
    ArgumentError
        If a model can't be read, or detection is not among the modules.
    """

    @python_errors(model="embedding")
    def __init__(
        self,
        name: str | os.PathLike[str] = PACK,
        root: str | os.PathLike[str] = ROOT,
        allowed_modules: Collection[str] | None = None,
        *,
        detector: str | os.PathLike[str] | None = None,
        embedding: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        listed = isinstance(allowed_modules, Collection) and not isinstance(allowed_modules, str)
        if allowed_modules is not None and not (listed and DETECTION in allowed_modules):
            raise ArgumentError(f'allowed_modules: is {allowed_modules!r}; give a list with "{DETECTION}"')
        if kwargs.get("addons"):
            raise ArgumentError(f"addons: {', '.join(map(str, kwargs['addons']))} are not here; leave addons out")
        more = sorted(set(allowed_modules or ()) - {DETECTION, RECOGNITION})
        if more:
            warnings.warn(f"allowed_modules: {', '.join(more)} are not here, their attributes are None", stacklevel=3)
        found = {}
        if detector is None and embedding is None:
            found = _pack(check_path(name, "name", PACK_WANTED), check_path(root, "root", "a folder"))
        self._detector = found.get(DETECTION) or find_detector(detector)
        self._embedding = found.get(RECOGNITION) or (None if found else find_embedding(embedding))
        if allowed_modules is not None and RECOGNITION not in allowed_modules:
            self._embedding = None
        self.models: dict[str, Any] = {}
        self.prepare(CPU)

    @property
    def det_model(self) -> AnalysedDetector:
        """What finds the faces."""
        model: AnalysedDetector = self.models[DETECTION]
        return model

    @python_errors(model="embedding", gpu="ctx_id")
    def prepare(self, ctx_id: int = 0, det_thresh: float = 0.5, det_size: Any = None) -> None:
        """Choose device, threshold and sizes.

        Parameters
        ----------
        ctx_id : number of a CUDA device, where there is none the CPU; less than 0 for the CPU
        det_thresh : smallest probability of a face
        det_size : (width, height) in pixels, multiples of 32, to which images are made to fit with their shape kept;
            several pairs, of which each is looked at; None for (128, 128) and (640, 640). A detector of one size
            takes that.

        Raises
        ------
        ArgumentError
            If one is out of its range.
        """
        if isinstance(ctx_id, bool) or not isinstance(ctx_id, int | np.integer):
            raise ArgumentError(f"ctx_id: is {kind_of(ctx_id)}; give the number of a CUDA device, or -1 for the CPU")
        self.det_thresh = check_number(det_thresh, "det_thresh", 0, 1, "a probability; 50 per cent is 0.5")
        self.det_size = _sizes(det_size)
        device = CPU
        if ctx_id >= 0:
            try:
                device = device_of(int(ctx_id))
            except InputError:  # as InsightFace's class does without CUDA
                device = CPU
        detector = detector_of(self._detector, device)
        self.models[DETECTION] = AnalysedDetector(detector, self.det_thresh, self.det_size)
        if self._embedding is not None:
            self.models[RECOGNITION] = Recogniser(_embedder(self._embedding, device))

    @python_errors(model="embedding")
    def get(self, img: np.ndarray, max_num: int = 0, det_metric: str = "default") -> list[AnalysedFace]:
        """The faces of an image, the most probable first; with `max_num` those that are large and near the middle.

        Parameters
        ----------
        img : (H, W, 3) uint8, BGR
        max_num : faces at most; 0 for all
        det_metric : "default", or "max" for the largest ones, wherever they are

        Raises
        ------
        ArgumentError
            If the image is none.
        """
        image = _image(img)
        boxes, landmarks = self.det_model.detect(image, max_num=max_num, metric=det_metric)
        recogniser = self.models.get(RECOGNITION)
        faces = [
            AnalysedFace(bbox=box[:4], kps=points, det_score=box[4])
            for box, points in zip(boxes, landmarks, strict=True)
        ]
        if recogniser is not None and faces:
            for face, embedding in zip(faces, recogniser.get_feat(align_faces(image, landmarks)), strict=True):
                face.embedding = embedding
        return faces

    @python_errors()
    def draw_on(self, img: np.ndarray, faces: Sequence[AnalysedFace]) -> np.ndarray:
        """A copy of an image (H, W, 3) uint8, BGR, with boxes and landmarks of faces drawn on it."""
        drawn = _image(img).copy()
        for face in faces:
            x1, y1, x2, y2 = face.bbox.astype(int).tolist()
            cv2.rectangle(drawn, (x1, y1), (x2, y2), RED, 2)
            for number, (x, y) in enumerate([] if face.kps is None else face.kps.astype(int).tolist()):
                cv2.circle(drawn, (x, y), 1, GREEN if number in GREEN_POINTS else RED, 2)
        return drawn


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
        max_num, metric : as of `FaceAnalysis.get`
        """
        image = _image(img)
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
        face.embedding = self.get_feat(align_faces(_image(img), np.asarray(face.kps, np.float32)[None]))[0]
        embedding: np.ndarray = face.embedding
        return embedding

    def get_feat(self, imgs: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings (n, D) float32 of crops, n times (112, 112, 3) uint8, BGR; of a single crop (1, D)."""
        return self._embedder.embed([imgs] if isinstance(imgs, np.ndarray) and imgs.ndim == 3 else imgs)

    def compute_sim(self, feat1: np.ndarray, feat2: np.ndarray) -> float:
        """The cosine of two embeddings."""
        from .vectors import compare

        return compare(np.ravel(feat1), np.ravel(feat2))


def _image(img: Any) -> np.ndarray:
    if not isinstance(img, np.ndarray):
        raise ArgumentError(
            f"img: is {kind_of(img)}; give an array, as cv2.imread and rcnn.read_image do"
            f"{' (cv2.imread gives None for a file that it cannot read)' if img is None else ''}"
        )
    return as_bgr(img, BGR, "img")


def _sizes(given: Any) -> list[tuple[int, int]]:
    """Pairs of width and height in pixels."""
    try:
        array = np.atleast_2d(np.asarray(DETECTOR_SIZES if given is None else given))
    except ValueError:
        array = np.zeros(0)
    if array.shape == (1, 2) and not array.any():  # InsightFace's way to say None
        array = np.array(DETECTOR_SIZES)
    whole = array.ndim == 2 and array.shape[1:] == (2,) and len(array) and array.dtype.kind in "iu"
    if not whole or (array <= 0).any() or (array % DIVISOR).any():
        raise ArgumentError(
            f"det_size: is {given!r}; give (width, height) in pixels, multiples of {DIVISOR}, as (640, 640)"
        )
    return list(dict.fromkeys((int(width), int(height)) for width, height in array))


def _pack(name: str, root: str) -> dict[str, str]:
    """The models of a pack by task; none where it is not there."""
    direct = Path(name).expanduser()
    folder = direct if direct.is_dir() else Path(root).expanduser() / "models" / name
    files = sorted(folder.glob("*.onnx"))
    if not files:
        warnings.warn(
            f"{name}: is not in {folder.parent}, so the default models are used, whose embeddings can't be compared "
            "with the pack's; detector= and embedding= name others",
            stacklevel=4,
        )
        return {}
    found: dict[str, str] = {}
    for file in files:
        task = _task(str(file))
        if task is not None:
            found.setdefault(task, str(file.absolute()))
    if DETECTION not in found:
        raise ArgumentError(f"name {folder}: has no detector with landmarks; give a folder with one")
    return found


def _task(path: str) -> str | None:
    """What a model of a pack is for; None for one that finds no faces and embeds none."""
    try:
        detector_of(path, CPU)
        return DETECTION
    except InputError:
        pass
    try:
        _embedder(path, CPU)
        return RECOGNITION
    except InputError:
        return None


def _embedder(path: str, device: int) -> Embedder:
    return embedder_of(path, device, INSIGHTFACE if path.lower().endswith(".onnx") else None)
