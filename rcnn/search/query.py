"""From photographs to the query vector, computed like the vectors of the clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..faces.load import load_detector, load_embedder
from ..faces.pooling import clip_features
from ..faces.vectors import norms
from ..files import may_follow, sha256_once
from ..files.text import printable
from ..networks.zoo.roles import DETECTOR, find_model, missing_file, model_files
from ..tables import StageReader
from .photographs import Photograph, look_at


@dataclass(frozen=True)
class QueryModels:
    """How vectors of clips were made: embedding model, variants of a face (`--aug`), and size of the crops."""

    model: str
    augment: int
    size: tuple[int, int]
    detector: str


@dataclass(frozen=True)
class Query:
    """The query.

    photographs : that show the person, with all their faces
    chosen : index of the person's face in each
    crops : (n, height, width, 3) uint8, BGR, of these faces
    qualities : (n,) float32, norms of their embeddings
    vector : (D,) float32 of length 1
    """

    photographs: Sequence[Photograph]
    chosen: Sequence[int]
    crops: np.ndarray
    qualities: np.ndarray
    vector: np.ndarray


def models_behind(
    readers: Sequence[StageReader], model: str | None, detector: str | None, behind: Mapping[str, Any]
) -> QueryModels:
    """The models and settings that the features were made with.

    Parameters
    ----------
    model, detector : given `PREFIX,EPOCH`; None for those in the manifests
    behind : arguments of the detect directory behind the features, empty if it is gone

    Raises
    ------
    InputError
        If the embedding model is gone or has changed.
    """
    manifest = readers[0].manifest
    arguments = readers[0].arguments
    model = model or _on_disk(arguments.get("model"), readers[0])
    if missing_file(model):
        raise InputError(f"{missing_file(model)}: does not exist, and {readers[0].path} was made with it; give --model")
    sums = {sha256_once(file) for file in model_files(model)}
    if sums != set(manifest.get("models", {}).values()):
        raise InputError(f"{readers[0].path}: was made with another model than {model}; give --model that one")
    named = behind.get("detector")
    if detector is None and isinstance(named, str) and may_follow(named, ()) and missing_file(named) is None:
        detector = named
    size = behind.get("image_size") or (112, 112)
    return QueryModels(
        model, int(arguments.get("aug") or 0), (int(size[0]), int(size[1])), find_model(detector, DETECTOR)
    )


def _on_disk(model: Any, reader: StageReader) -> str:
    """The model that a manifest names; raises InputError if it is in an object store, which is not accessed."""
    if not isinstance(model, str) or not may_follow(model, ()):
        raise InputError(
            f"{reader.path}: its manifest names the model {printable(str(model))[:200]}, which is not a path; give "
            "--model"
        )
    return model


def ask(paths: Sequence[str], models: QueryModels, device: int, face: int | None = None) -> Query:
    """Find the person's face in each photograph and embed them all as one clip.

    Parameters
    ----------
    paths : photographs of one person
    face : number of the face, from 1, from left to right; None for the large one near the middle

    Raises
    ------
    InputError
        If a photograph can't be read, has no face, or not that many.
    """
    detector = load_detector(models.detector, device)
    embedder = load_embedder(models.model, device)
    photographs = [look_at(path, detector) for path in paths]
    chosen = []
    for photograph in photographs:
        if face is not None and face > len(photograph.faces):
            raise InputError(f"{photograph.path}: has {len(photograph.faces)} faces; --face {face} does not exist")
        chosen.append(photograph.central if face is None else face - 1)
    crops = np.stack(
        [photograph.crops(models.size)[index] for photograph, index in zip(photographs, chosen, strict=True)]
    )
    vector = clip_features(embedder, [list(crops)], models.augment)[0]
    return Query(photographs, chosen, crops, norms(embedder.embed(crops)), vector)
