"""Faces, embeddings and clips in a few lines of Python; `from rcnn import ...` finds these functions.

Models are loaded once and kept. One that is not named is the one that the scripts take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .errors import InputError
from .faces.alignment import align_faces
from .faces.detectors import Detector
from .faces.embedding import Embedder, is_normalised
from .faces.finding import find_faces
from .faces.load import load_detector, load_embedder
from .faces.quality import quality_card
from .faces.types import Faces
from .faces.vectors import normalise
from .networks.engine import choose_device
from .networks.zoo.roles import DETECTOR, EMBEDDING, find_model
from .people.appearances import Appearance
from .report import trace
from .search import Match, nearest, open_features
from .search.query import models_behind
from .stages.appearances import appearances_in
from .stages.labels import find_labels
from .stages.one_video import KnownPeople, find_in_one
from .stages.settings.clips import LEAST_SCORE
from .video.photographs import read_image

__all__ = [
    "Appearance", "compare", "detect_faces", "embed_faces", "find_in_video", "model_of", "rank_clips", "read_image",
]  # fmt: skip

KEPT_MODELS = 4  # of each kind
CROP = (112, 112)  # height and width of crops, pixels


@lru_cache(maxsize=KEPT_MODELS)
def _detector(model: str | None, gpu: int | None) -> Detector:
    return load_detector(find_model(model, DETECTOR), choose_device(gpu))


@lru_cache(maxsize=KEPT_MODELS)
def _embedder(model: str | None, gpu: int | None) -> Embedder:
    return load_embedder(find_model(model, EMBEDDING), choose_device(gpu))


def detect_faces(
    image: np.ndarray, detector: str | None = None, threshold: float | None = None, gpu: int | None = None
) -> Faces:
    """The faces of an image of any size, from left to right.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR, as `read_image` and OpenCV give it
    detector : `PREFIX,EPOCH`, `X.onnx` or MTCNN's directory; None for the scripts' own
    threshold : smallest probability of a face; None for the detector's own
    gpu : CUDA device, -1 for the CPU, None for the first device if there is one and else the CPU

    Raises
    ------
    InputError
        If the image is none, or the model can't be read.
    """
    _check_image(image)
    return find_faces(image, _detector(detector, gpu), threshold)


def embed_faces(image: np.ndarray, faces: Faces, model: str | None = None, gpu: int | None = None) -> np.ndarray:
    """A vector a face, which is alike for faces of one person.

    Parameters
    ----------
    image : (H, W, 3) uint8, BGR
    faces : of this image
    model : `PREFIX,EPOCH` or `X.onnx`; None for the scripts' own. Vectors of two models can't be compared.
    gpu : as for `detect_faces`

    Returns
    -------
    (n, D) float32 of length 1; (0, 0) without faces.

    Raises
    ------
    InputError
        If the image is none, or the model can't be read.
    """
    _check_image(image)
    return normalise(_embedder(model, gpu).embed(align_faces(image, faces.landmarks)))


def compare(first: np.ndarray, second: np.ndarray) -> float:
    """How alike two faces are: the cosine of their vectors (D,), -1..1."""
    return float(normalise(first) @ normalise(second))


@dataclass(frozen=True)
class TimedMatch(Match):
    """A clip that was found, and when the person is in view in it, each time with its verdict."""

    appearances: tuple[Appearance, ...] = ()


def rank_clips(
    person: np.ndarray, features: str | Sequence[str], count: int = 20, times: bool = False, false_hits: float = 1.0
) -> list[Match]:
    """The clips that show a person, most like first.

    Parameters
    ----------
    person : (D,) vector of a face, or (n, D) of several faces of the person
    features : directories that feature.py wrote, with the model of the vectors
    count : clips to give
    times : whether to say when the person is in view, too; that takes the faces that the features were made of
    false_hits : clips of 1,000 without the person that may get a "yes"

    Returns
    -------
    `Match` with `clip`, `split`, `label` (0 or less: none, or no data set is there) and `similarity`; with `times` also
    `appearances`, the most like first, each with `start`, `end` and `verdict`.

    Raises
    ------
    InputError
        If the directories are not complete, their vectors are of another width, or the faces are gone.
    """
    paths = (features,) if isinstance(features, str) else tuple(features)
    vector = normalise(np.atleast_2d(person)).sum(0)
    readers = open_features(paths)
    labels = find_labels(None, trace(readers))
    matches = list(nearest(readers, vector, count, labels=labels).matches)
    if not times:
        return matches
    found: dict[str, list[Appearance]] = {}
    for reader in readers:
        left = {match.clip for match in matches} - found.keys()
        found |= appearances_in(reader, left, normalise(vector), false_hits)
    return [
        TimedMatch(**vars(match), appearances=tuple(sorted(found[match.clip], key=lambda item: -item.cosine)))
        for match in matches
    ]


def find_in_video(
    path: str,
    people: Mapping[str, str | Sequence[str]] | str | Sequence[str],
    detector: str | None = None,
    model: str | None = None,
    false_hits: float = 1.0,
    quality: float | None = None,
    gpu: int | None = None,
) -> Iterator[Appearance]:
    """Who is in view in a video, from when to when, in the order of the start.

    Parameters
    ----------
    path : of the file, as any that detect.py reads
    people : photographs, a path or several, by the person's name; or directories that feature.py wrote of known clips
    detector : as for `detect_faces`
    model : embedding as for `embed_faces`; None for the one that made the directories, or for the scripts' own
    false_hits : videos of 1,000 without any of the people that may get a "yes" for one
    quality : smallest quality of a face, as detect.py's --quality-threshold; None for the model's own
    gpu : as for `detect_faces`

    Yields
    ------
    `Appearance` with `person`, `start`, `end`, `time` and `box` of the best face, `cosine`, `probability`, `verdict`:
    yes, maybe, or no for somebody who is most like the person and is not.

    Raises
    ------
    InputError
        If the file, a photograph, a directory or a model can't be read, or the model is not the directories' own.
    """
    if isinstance(people, Mapping):
        model = find_model(model, EMBEDDING)
        finder, embedder = _detector(detector, gpu), _embedder(model, gpu)
        known = KnownPeople.of_photographs(people, finder, embedder, model)
    else:
        paths = (people,) if isinstance(people, str) else tuple(people)
        readers = open_features(paths)
        behind = models_behind(readers, model, detector, {})
        model = behind.model
        finder, embedder = _detector(behind.detector, gpu), _embedder(model, gpu)
        known = KnownPeople.of_features(paths)
    scored = is_normalised(embedder, CROP)  # so that the norm says nothing
    least = quality
    if least is None:
        least = LEAST_SCORE if scored else quality_card(model).usual
    yield from find_in_one(path, known, finder, embedder, None if scored else embedder, least, false_hits)


def model_of(features: str) -> str:
    """The embedding model, `PREFIX,EPOCH`, that made a directory of features; for `embed_faces`."""
    (reader,) = open_features((features,))
    return str(reader.manifest["arguments"]["model"])


def _check_image(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError("an image is an array (height, width, 3) of uint8, BGR, as read_image gives it")
