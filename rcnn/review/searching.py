"""A photograph that is dropped on the page: its faces, who it is, and the most similar tracks."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError, UnreadableError
from ..faces.alignment import align_faces
from ..faces.choice import central_face
from ..faces.detectors import Detector
from ..faces.embedding import Embedder
from ..faces.finding import find_faces
from ..faces.load import load_detector, load_embedder
from ..faces.pooling import clip_features
from ..files.text import printable
from ..networks.engine import choose_device
from ..networks.zoo.roles import EMBEDDING, find_model
from ..search.query import QueryModels, models_behind
from ..video.photographs import HEAD_BYTES, is_photograph
from .items import DIGITS, items
from .places import Places
from .pool import DecoderPool
from .run_files import RunFiles
from .run_model import RunModel

MOST = 60  # tracks that are shown
SHOWN = 200  # letters of a path in a sentence


class NoSearchError(Exception):
    """A photograph can't be used for a search; says why, in a sentence."""


@dataclass(frozen=True)
class _Networks:
    models: QueryModels
    detector: Detector
    embedder: Embedder


@dataclass
class Search:
    """Searches, one at a time. Networks are loaded with the first photograph.

    Parameters
    ----------
    pool : of the decoders: a photograph is opened in one of their processes, not in the desk's
    gpu : device; None to choose
    """

    model: RunModel
    places: Places
    pool: DecoderPool
    gpu: int | None = None
    _networks: _Networks | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(self, data: bytes) -> dict[str, Any]:
        """The faces of a photograph, and the tracks most similar to the large one near its middle, the best first.

        Raises
        ------
        NoSearchError
            If it is not a photograph, is too large, or the models of the run are gone.
        """
        if not is_photograph(data[:HEAD_BYTES]):
            raise NoSearchError("This is not a readable photograph.")
        with self._lock:
            image = self._open(data)
            networks = self._load()
            faces = find_faces(image, networks.detector)
            if not len(faces):
                return {"faces": [], "name": None, "label": None, "items": []}
            chosen = central_face(faces, image.shape[1], image.shape[0])
            crop = align_faces(image, faces.landmarks, networks.models.size)[chosen]
            vector = clip_features(networks.embedder, [[crop]], networks.models.augment)[0]
        scale = np.array([image.shape[1], image.shape[0]] * 2, np.float32)
        shares = faces.boxes / scale
        found = [
            {
                "box": [round(float(side), DIGITS) for side in (*box[:2], *(box[2:] - box[:2]))],
                "score": round(float(score), DIGITS),
                "chosen": number == chosen,
            }
            for number, (box, score) in enumerate(zip(shares, faces.scores, strict=True))
        ]
        return {"faces": found, **self._like(vector)}

    def _like(self, vector: np.ndarray) -> dict[str, Any]:
        with self.model.viewing() as view:
            label = self.model.run.taught.who(vector)
            cosines = self.model.run.tracks.vectors @ vector
            best = np.argsort(-cosines, kind="stable")[:MOST]
            rows = items(self.model, view, self.places, best)
            for number, item in zip(best.tolist(), rows, strict=True):
                item["cosine"] = round(float(cosines[number]), DIGITS)
            return {"name": view.name(label) if label is not None else None, "label": label, "items": rows}

    def _open(self, data: bytes) -> np.ndarray:
        """(H, W, 3) uint8, BGR. A decoder process opens it, because the file may be malicious."""
        with tempfile.TemporaryDirectory(prefix="rcnn-review-") as folder, self.pool.decoder() as decoder:
            path = os.path.join(folder, "photograph")
            with open(path, "wb") as file:
                file.write(data)
            try:
                images = [frame.image.copy() for frame in decoder.read_frames(path, start=0.0, end=0.0)][:1]
            except UnreadableError as error:
                raise NoSearchError(f"This photograph can't be read: it {error}.") from None
            except InputError as error:
                raise NoSearchError(str(error)) from None
        if not images:
            raise NoSearchError("This photograph can't be read.")
        return images[0]

    def _load(self) -> _Networks:
        if self._networks is None:
            run = self.model.run
            try:
                models = _models(run)
                device = choose_device(self.gpu)
                detector, embedder = load_detector(models.detector, device), load_embedder(models.model, device)
            except InputError as error:
                raise NoSearchError(f"Search is not available: {error}") from None
            self._networks = _Networks(models, detector, embedder)
        return self._networks


def _models(run: RunFiles) -> QueryModels:
    """The models that the run was made with: at the recorded path, or the project's current ones, if they are the same.

    Raises
    ------
    InputError
        If neither exists.
    """
    behind = run.detection.arguments
    try:
        return models_behind([run.features], None, None, behind)
    except InputError:
        with suppress(InputError):
            return models_behind([run.features], find_model(None, EMBEDDING), None, behind)
        named = printable(str(run.features.arguments.get("model")))[:SHOWN]
        raise InputError(f"{named}, the model of this run, no longer exists") from None
