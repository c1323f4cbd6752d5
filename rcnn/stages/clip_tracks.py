"""The tracks of each clip with its faces and its video's properties: three tables, joined clip by clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import groupby

import numpy as np

from .. import files
from ..clips.listed import TO_THE_END
from ..errors import InputError
from ..files import sha256
from ..files.text import printable
from ..people.appearances import seconds_of_look
from ..report import Lineage
from ..tables import MANIFEST, OK, StageReader
from ..tables.faces import ClipFaces, read_faces
from .face_finder import looks

VIDEO = ("name", "state", "source", "start", "end", "seconds", "fps", "frames", "read")  # columns of the table of clips


@dataclass(frozen=True)
class ClipTracks:
    """A clip with faces.

    faces : of all tracks
    tracks : (n,) int32, numbers of the tracks that have a vector, rising
    rows : of these tracks in the table of features
    seconds : of the file, at which the clip ends; 0 if that is not known or the file continues
    source : of the clip, where it is a piece of a file; else empty
    look : seconds from one sampled frame to the next; 0 for a clip of one picture
    """

    faces: ClipFaces
    tracks: np.ndarray
    rows: slice
    seconds: float
    look: float
    source: str = ""


def read_tracks(features: StageReader, detection: StageReader) -> Iterator[ClipTracks]:
    """Every clip that has features, sorted by name, with only a few batches in memory.

    Parameters
    ----------
    features : of feature.py
    detection : of detect.py, that the features were made of; it may have more clips

    Raises
    ------
    InputError
        If a clip has no faces there, or a table is damaged.
    """
    faces_of_clips = read_faces(detection, crops=False)
    videos = _videos(features)
    usual = partial(intervals, detection.arguments.get("sampling"), detection.arguments.get("rate"))
    row = 0
    for name, group in groupby(_names_and_tracks(features), key=lambda pair: pair[0]):
        tracks = np.array([track for _, track in group], np.int32)
        faces = next((faces for faces in faces_of_clips if faces.clip.name >= name), None)
        video = next((video for video in videos if video["name"] >= name), None)
        if faces is None or faces.clip.name != name or video is None or video["name"] != name:
            raise InputError(
                f"{detection.path}: has no faces of {name!r}, which {features.path} has; give --faces the directory "
                "that the features were made of, or run feature.py again"
            )
        seconds, fps = video["seconds"], video["fps"]
        look = seconds_of_look(usual(fps), video["frames"], seconds, video["read"])
        start, end = video["start"], video["end"]
        clip = replace(faces.clip, start=start, end=end)
        piece = start > 0 or end != TO_THE_END
        last = start + seconds if end == TO_THE_END and seconds else 0.0
        yield ClipTracks(
            replace(faces, clip=clip),
            tracks,
            slice(row, row + len(tracks)),
            last,
            look,
            video["source"] if piece else "",
        )
        row += len(tracks)


def intervals(sampling: int | None, rate: Fraction | float | None, fps: float) -> tuple[float, ...]:
    """Seconds between sampled frames of a clip with this frame rate, in detect.py's first pass and in its second."""
    frame = 1 / fps if fps > 0 else 0.0
    return tuple(
        each * frame if at is None else max(float(1 / at), frame)
        for each, at in looks(sampling or 1, None if rate is None else Fraction(rate))
    )


def _names_and_tracks(features: StageReader) -> Iterator[tuple[str, int]]:
    columns = ["name", "track"] if features.tracked else ["name"]
    for batch in features.batches(columns):
        names = batch.column("name").to_pylist()
        yield from zip(names, batch.column("track").to_pylist() if features.tracked else [0] * len(names), strict=True)


def _videos(features: StageReader) -> Iterator[dict]:
    for batch in features.clips():
        yield from (row for row in batch.select(VIDEO).to_pylist() if row["state"] == OK)


def check_known(features: StageReader, known: Sequence[str]) -> None:
    """Refuse vectors of known people made with another model, or another number of models."""
    for path in known:
        reader = StageReader(path, ("feature",))
        if reader.width != features.width or reader.manifest["models"] != features.manifest["models"]:
            raise InputError(
                f"{path}: was made with another model than {features.path}, so their vectors can't be compared; "
                "give --known what python feature.py --model "
                f"{printable(str(features.arguments.get('model')))[:200]} makes"
            )


def find_detection(features: StageReader, given: str | None, lineage: Lineage) -> StageReader:
    """The detect directory that features were made of.

    Raises
    ------
    InputError
        If it is gone, was rebuilt since, or is not the one given.
    """
    sources = features.manifest["sources"]
    paths = [given] if given else list(dict.fromkeys(reader.path for reader in lineage.detections))
    if len(paths) != 1:
        raise InputError(
            f"{features.path}: was made of {len(paths)} existing directories of detect.py, and must be of one; give "
            "--faces DIR"
        )
    detection = StageReader(paths[0], ("detect",))
    sums = [source["manifest"] for source in sources]
    if len(sums) == 1 and sha256(files.join(detection.path, MANIFEST)) not in sums:  # parts may have been merged since
        raise InputError(
            f"{detection.path}: is not what {features.path} was made of, or was rebuilt since; give --faces that "
            f"one, or run python feature.py --input {detection.path} --output {features.path} --renew"
        )
    if detection.tracked != features.tracked:
        raise InputError(
            f"{detection.path}: {'has' if detection.tracked else 'lacks'} tracks and {features.path} "
            f"{'has' if features.tracked else 'lacks'} them; give --faces the directory that the features were made of"
        )
    return detection
