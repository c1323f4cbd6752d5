"""Faces, embeddings and clips in a few lines of Python; `from rcnn import ...` finds what is here.

Models are loaded once and kept. The default ones are those of the scripts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import ArgumentError, InputError
from .faces.alignment import align_faces
from .faces.embedding import is_normalised
from .faces.finding import find_faces
from .faces.types import POINTS, Faces
from .faces.vectors import normalise
from .people.appearances import Appearance
from .python.checks import check_count, check_number, check_path, check_paths, kind_of, python_errors
from .python.face import Face
from .python.face_analysis import FaceAnalysis
from .python.finder import FaceFinder
from .python.images import BGR, as_bgr
from .python.models import (
    detector_of,
    device_of,
    embedder_of,
    find_detector,
    find_embedding,
    match_threshold,
    model_of,
    quality_of,
)
from .python.people import HITS, MOST_HITS, find_people
from .python.vectors import compare, unit_vectors
from .report import trace
from .search import Match, nearest, open_features
from .search.query import models_behind
from .stages.appearances import appearances_in
from .stages.labels import find_labels
from .stages.one_video import KnownPeople, find_in_one

if TYPE_CHECKING:
    from .python.checks import Path
    from .python.images import Image
    from .python.vectors import Vector

__all__ = [
    "Appearance", "ArgumentError", "Face", "FaceAnalysis", "FaceFinder", "Faces", "InputError", "Match", "TimedMatch",
    "compare", "detect_faces", "embed_faces", "find_in_video", "find_people", "match_threshold", "model_of",
    "rank_clips", "read_image",
]  # fmt: skip

FEATURES = "a directory that feature.py wrote"


def read_image(path: Path) -> np.ndarray:
    """The photograph in a file, (H, W, 3) uint8, BGR, upright, with a white background for transparent pixels.

    Raises
    ------
    ArgumentError
        If it can't be read; says why.
    """
    return as_bgr(check_path(path, "path", "the path of a photograph"), name="path")


@python_errors()
def detect_faces(
    image: Image,
    detector: Path | None = None,
    threshold: float | None = None,
    gpu: int | None = None,
    colour: str = BGR,
) -> Faces:
    """The faces of an image of any size, from left to right, without embeddings; see `FaceFinder` for those.

    Parameters
    ----------
    image : as for `FaceFinder.get`
    detector : `PREFIX,EPOCH`, `X.onnx` or MTCNN's directory; None for the scripts' own
    threshold : smallest probability of a face, 0..1; None for the detector's own
    gpu : CUDA device, -1 for the CPU, None for the first device if there is one and else the CPU
    colour : "bgr", as `read_image` and OpenCV give arrays, or "rgb"

    Raises
    ------
    ArgumentError
        If the image is none, or the model can't be read.
    """
    array = as_bgr(image, colour)
    if threshold is not None:
        threshold = check_number(threshold, "threshold", 0, 1, "a probability; 50 per cent is 0.5")
    return find_faces(array, detector_of(find_detector(detector), device_of(gpu)), threshold)


@python_errors()
def embed_faces(
    image: Image, faces: Faces, model: Path | None = None, gpu: int | None = None, colour: str = BGR
) -> np.ndarray:
    """One vector per face; faces of one person have similar vectors.

    Parameters
    ----------
    image : as for `FaceFinder.get`
    faces : of this image, as `detect_faces` gives them
    model : `PREFIX,EPOCH` or `X.onnx`; None for the scripts' own. Vectors of two models can't be compared.
    gpu, colour : as for `detect_faces`

    Returns
    -------
    (n, D) float32 of length 1; (0, 0) without faces.

    Raises
    ------
    ArgumentError
        If the image is none, `faces` are not faces, or the model can't be read.
    """
    array = as_bgr(image, colour)
    if not isinstance(faces, Faces):
        raise ArgumentError(f"faces: is {kind_of(faces)}; give what detect_faces gave for this image")
    if np.ndim(faces.landmarks) != 3 or np.shape(faces.landmarks)[1:] != (POINTS, 2):
        raise ArgumentError(f"faces: has landmarks {np.shape(faces.landmarks)}; give (n, 5, 2), as detect_faces does")
    if not np.isfinite(faces.landmarks).all():
        raise ArgumentError("faces: has landmarks that are NaN or infinite; detect the faces again")
    embedder = embedder_of(find_embedding(model, "model"), device_of(gpu))
    return normalise(embedder.embed(align_faces(array, faces.landmarks)))


@dataclass(frozen=True)
class TimedMatch(Match):
    """A clip that was found, and when the person is in view in it, with verdicts."""

    appearances: tuple[Appearance, ...] = ()


@python_errors()
def rank_clips(
    person: Vector | Sequence[Vector],
    features: Path | Sequence[Path],
    count: int = 20,
    times: bool = False,
    false_hits: float = 1.0,
) -> list[Match]:
    """The clips that show a person, the most similar first.

    Parameters
    ----------
    person : (D,) vector of a face, (n, D) of several faces of the person, a `Face` or a list of them
    features : directories that feature.py wrote, with the model of the vectors
    count : clips to return
    times : whether to say when the person is in view, too; that takes the faces that the features were made of
    false_hits : clips of 1,000 without the person that may get a "yes"

    Returns
    -------
    `Match` with `clip`, `split`, `label` (0 or less: none, or no data set is there) and `similarity`; with `times` also
    `appearances`, the most like first, each with `start`, `end` and `verdict`.

    Raises
    ------
    ArgumentError
        If the directories are not complete, their vectors are of another width, or the faces are gone.
    """
    vector = unit_vectors(person, "person").sum(0).astype(np.float32)
    paths = check_paths(features, "features", FEATURES)
    count = check_count(count, "count")
    false_hits = check_number(false_hits, "false_hits", 1e-6, MOST_HITS, HITS)
    readers = open_features(paths)
    for reader in readers:
        if reader.width != len(vector):
            raise ArgumentError(
                f"person: is {len(vector)} wide, the vectors of {reader.path} {reader.width}; embed the face with "
                "model_of(features)"
            )
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
    path: Path,
    people: Mapping[str, Path | Sequence[Path]] | Path | Sequence[Path],
    detector: Path | None = None,
    model: Path | None = None,
    false_hits: float = 1.0,
    quality: float | None = None,
    gpu: int | None = None,
) -> Iterator[Appearance]:
    """Who is in view in a video, from when to when, in the order of the start; `find_people` takes several files.

    Parameters
    ----------
    path : of the file, as any that detect.py reads
    people : photographs, a path or several, by the person's name; or directories that feature.py wrote of known clips
    detector : as for `detect_faces`
    model : embedding as for `embed_faces`; None for the one that made the directories, or for the scripts' own
    false_hits : videos of 1,000 without any of the people that may get a "yes" for one
    quality : smallest quality of a face, see `Face`; None for the model's own
    gpu : as for `detect_faces`

    Yields
    ------
    `Appearance` with `person`, `start`, `end`, `time` and `box` of the best face, `cosine`, `probability`, `verdict`:
    yes, maybe, or no for somebody who is most like the person and is not.

    Raises
    ------
    ArgumentError
        If the file, a photograph, a directory or a model can't be read, or the model is not the directories' own.
    """
    with python_errors(quality_threshold="quality"):
        film = check_path(path, "path", "the path of a video")
        if not os.path.isfile(film):
            reason = "is a folder; find_people takes one" if os.path.isdir(film) else "there is no such file"
            raise ArgumentError(f"path {film}: {reason}")
        false_hits = check_number(false_hits, "false_hits", 1e-6, MOST_HITS, HITS)
        if quality is not None:
            quality = check_number(quality, "quality", 0, 1e6, "as Face.quality")
        device = device_of(gpu)
        if isinstance(people, Mapping):
            used = find_embedding(model, "model")
            finder, embedder = detector_of(find_detector(detector), device), embedder_of(used, device)
            listed = {name: check_paths(paths, f"people[{name!r}]", "photographs") for name, paths in people.items()}
            known = KnownPeople.of_photographs(listed, finder, embedder, used)
        else:
            folders = check_paths(people, "people", f"photographs by name, {{'Ada': 'ada.jpg'}}, or {FEATURES}")
            embedding = None if model is None else os.fspath(model)
            other = None if detector is None else os.fspath(detector)
            behind = models_behind(open_features(folders), embedding, other, {})
            used = behind.model
            finder, embedder = detector_of(behind.detector, device), embedder_of(used, device)
            known = KnownPeople.of_features(folders)
        scored = is_normalised(embedder)  # so that the norm says nothing
        least = quality_of(used, scored) if quality is None else quality
    return _found_in(film, known, finder, embedder, None if scored else embedder, least, false_hits)


def _found_in(*arguments: object) -> Iterator[Appearance]:
    with python_errors():
        yield from find_in_one(*arguments)  # type: ignore[arg-type]
