"""InsightFace's FaceAnalysis on the engines of this project: code that uses it runs by changing one import.

What follows is the shape of `insightface.app` 2.x; see docs/python.md for what differs.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import cv2
import numpy as np

from ..errors import ArgumentError, InputError
from ..faces.alignment import align_faces
from ..faces.detectors.single_stage import DIVISOR
from ..networks.engine import CPU
from .analysed import DETECTION, RECOGNITION, AnalysedDetector, AnalysedFace, Recogniser, image_of
from .checks import check_number, check_path, kind_of, python_errors
from .models import detector_of, device_of, find_detector, find_embedding
from .packs import find_pack, pack_embedder

PACK = "buffalo_l"  # the name that InsightFace's class takes where none is given
ROOT = "~/.insightface"
PACK_WANTED = "the name of a pack of models, or a folder of ONNX files"
DETECTOR_SIZES = ((128, 128), (640, 640))  # width, height in pixels, where prepare is given none
RED, GREEN = (0, 0, 255), (0, 255, 0)
GREEN_POINTS = (0, 3)


class FaceAnalysis:
    """Finds and embeds faces with the calls of InsightFace's class of this name.

    Parameters
    ----------
    name : a pack of models, a folder of ONNX files, in `root`/models or anywhere. A missing one is replaced by
        the default models, with a warning.
    root : folder of InsightFace's models
    allowed_modules : "detection" and "recognition", or some of them; None for both
    detector, embedding : as for `FaceFinder`, in place of a pack
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
            found = find_pack(check_path(name, "name", PACK_WANTED), check_path(root, "root", "a folder"))
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
            self.models[RECOGNITION] = Recogniser(pack_embedder(self._embedding, device))

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
        image = image_of(img)
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
        drawn = image_of(img).copy()
        for face in faces:
            x1, y1, x2, y2 = face.bbox.astype(int).tolist()
            cv2.rectangle(drawn, (x1, y1), (x2, y2), RED, 2)
            for number, (x, y) in enumerate([] if face.kps is None else face.kps.astype(int).tolist()):
                cv2.circle(drawn, (x, y), 1, GREEN if number in GREEN_POINTS else RED, 2)
        return drawn


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
