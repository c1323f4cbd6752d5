"""The index of a feature directory: finds the tracks most similar to a vector without comparing it with all of them.

FEATURES.index/manifest.json          its features, and the facts of its segments; written last
FEATURES.index/rotation.npy           of the codes
FEATURES.index/sample-SUM.parquet     about 20,000 tracks, whole clips, from which verdicts are judged
FEATURES.index/segments-KIND/         see `segment`; KIND stands for how codes are made
FEATURES.index/lock                   only while it is made

A segment belongs to a part of the features, by the part's sha256, and the order of segments is that of the parts.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import Meta, Struct

from .. import files
from ..errors import InputError
from ..files.json import read_json, reason
from ..files.schema import Count, Digest
from ..tables import MANIFEST, StageReader
from ..tables.damage import DAMAGED
from ..tables.schema import INDEX
from . import codes
from .candidates import Tracks, find_tracks
from .sample import read_sample, sample_name
from .segment import Facts, Segment, SegmentError

FORMAT: Literal[1] = 1  # version of the format described here and in `segment`
STAGE: Literal["index"] = "index"
ROTATION = "rotation.npy"
EDGE = 8  # of the candidates an eighth reaches so high that hardly one is missing there
MOST_BYTES = 1 << 30  # of the rotation or the sample, more than either ever has


class Manifest(Struct, frozen=True):
    """The manifest of an index.

    features : sha256 of the features' manifest
    width : numbers of a vector
    rows, clips : of the features
    packing : see `codes.packing`
    rotation, sample : sha256 of the files
    segments : in the order of the parts
    seconds : that it took
    """

    stage: Literal["index"]
    format: Literal[1]
    features: Digest
    width: Annotated[int, Meta(gt=0, le=codes.WIDEST)]
    rows: Count
    clips: Count
    packing: Digest
    rotation: Digest
    sample: Digest
    segments: list[Facts]
    seconds: float


@dataclass(frozen=True)
class Place:
    """A track that was found: its clip's name and split, its number, and the cosine."""

    clip: str
    split: str
    track: int
    cosine: float


@dataclass(frozen=True)
class Seen:
    """The result of a search in an index.

    places : the most similar track of each clip, the most similar clip first
    tail : (n,) float32, cosines of the clips from `edge` on, as good as all of them
    edge : the smallest of these
    """

    places: list[Place]
    tail: np.ndarray
    edge: float


class SearchIndex:
    """An index that belongs to its features.

    Parameters
    ----------
    path : of the index
    manifest : of the index
    again : command that makes it

    Raises
    ------
    InputError
        If a file is missing or does not have the bytes that were written.
    """

    def __init__(self, path: str, manifest: Manifest, again: str) -> None:
        self.path, self.manifest, self._again = path, manifest, again
        folder = files.join(path, segments_name(manifest.packing, manifest.rotation))
        self._segments = [Segment(folder, each.part, manifest.width) for each in manifest.segments]
        data = self._read(ROTATION, manifest.rotation)
        try:
            self._turn = np.load(io.BytesIO(data), allow_pickle=False)
        except ValueError as error:
            raise self._damaged(ROTATION, reason(error)) from None
        if self._turn.shape != (manifest.width, codes.code_width(manifest.width)) or self._turn.dtype != np.float32:
            raise self._damaged(ROTATION, f"is {self._turn.dtype} of shape {self._turn.shape}")
        # where the clips of each segment begin; one that goes on from the segment before is the same
        same = [False, *(was.last == now.first for was, now in pairwise(manifest.segments))]
        ends = np.cumsum([each.clips - shared for each, shared in zip(manifest.segments, same, strict=True)])
        self._starts = np.array([0, *ends[:-1]], np.int64)[: len(same)] - np.array(same, np.int64)

    @property
    def known_splits(self) -> bool:
        """Whether it has clips that are not of test."""
        return any(each.known_splits for each in self.manifest.segments)

    def search(self, wanted: np.ndarray, count: int) -> Seen:
        """The clips most like a unit vector (D,).

        Raises
        ------
        InputError
            If a file that is read does not have the bytes that were written.
        """
        try:
            found = find_tracks(self._segments, self.manifest.segments, wanted, wanted @ self._turn, count)
            clips = self._starts[found.segments] + found.clips
            _, first = np.unique(clips, return_index=True)
            first.sort()  # the most similar track of each clip, the most similar clip first
            edge = -np.inf if found.all else float(found.cosines[len(found.cosines) // EDGE])
            tail = found.cosines[first]
            return Seen(self._places(found, first, count), tail[tail >= edge], edge)
        except SegmentError as error:
            raise InputError(f"{error}; {self._again}") from None

    def _places(self, found: Tracks, first: np.ndarray, count: int) -> list[Place]:
        """The first clips, and those that equal the last of them: names decide between equal ones."""
        least = found.cosines[first[min(count, len(first)) - 1]] if len(first) else 0.0
        rows = first[: int((found.cosines[first] >= least).sum())]
        names: dict[tuple[int, int], tuple[str, str]] = {}
        for number in np.unique(found.segments[rows]).tolist():
            mine = np.unique(found.clips[rows][found.segments[rows] == number])
            read = self._segments[number].read_names(self.manifest.segments[number], mine)
            names.update(zip(((number, clip) for clip in mine.tolist()), read, strict=True))
        columns = (each[rows].tolist() for each in (found.segments, found.clips, found.tracks, found.cosines))
        return [
            Place(*names[segment, clip], track, cosine) for segment, clip, track, cosine in zip(*columns, strict=True)
        ]

    def sample(self) -> tuple[pa.RecordBatch, np.ndarray]:
        """Some tracks, all of the clips that chance took: name, split and track (n,), and vectors (n, D) float32."""
        name = sample_name(self.manifest.sample)
        data = self._read(name, self.manifest.sample)
        try:
            return read_sample(data, self.manifest.width)
        except DAMAGED as error:
            raise self._damaged(name, reason(error)) from None

    def _read(self, name: str, digest: str) -> bytes:
        try:
            data = files.read_bytes(files.join(self.path, name), MOST_BYTES)
        except OSError as error:
            raise self._damaged(name, f"can't be read: {error.strerror}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._damaged(name, "does not have the bytes that were written")
        return data

    def _damaged(self, name: str, why: str) -> InputError:
        return InputError(f"{files.join(self.path, name)}: {why}; {self._again}")


def segments_name(packing: str, rotation: str) -> str:
    """Name of the folder with the segments, which depends on how codes are made."""
    kind = hashlib.sha256(f"{FORMAT} {packing} {rotation}".encode()).hexdigest()
    return f"segments-{kind[:16]}"


def index_path(features: str) -> str:
    """Path of the index of a feature directory."""
    return f"{features.rstrip('/')}{INDEX}"


def command(features: str) -> str:
    """The command that makes an index, or brings it up to date."""
    return f"python -m rcnn index --features {features}"


def features_sum(reader: StageReader) -> str:
    """sha256 of the manifest of features, which has the sums of all parts."""
    return files.sha256(files.join(reader.path, MANIFEST))


def open_index(reader: StageReader) -> SearchIndex | str | None:
    """The index of a feature directory; None if there is none, and why it does not count where it is of other ones.

    Raises
    ------
    InputError
        If it is damaged, or no index.
    """
    if files.is_url(reader.path):
        return None
    path = index_path(reader.path)
    file, again = files.join(path, MANIFEST), command(reader.path)
    if not files.is_dir(path):
        return None
    if not files.exists(file):
        return f"{path}: is not complete; {again} completes it"
    try:
        found: Any = read_json(file, Manifest)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: can't be read ({reason(error)}); {again} --overwrite makes it again, and --exact does without"
        ) from None
    if found.features != features_sum(reader):
        return f"{path}: was made from an older version of the features; {again} updates it"
    if found.packing != codes.packing(found.width):
        return f"{path}: was made with another version of faiss; {again} makes it again"
    parts = [each.part for each in found.segments]
    rows = sum(each.rows for each in found.segments)
    if parts != list(reader.parts.values()) or (found.width, found.rows, rows) != (
        reader.width,
        reader.rows,
        reader.rows,
    ):
        raise InputError(f"{file}: does not fit the features that it names; {again} --overwrite makes it again")
    return SearchIndex(path, found, f"{again} --overwrite makes it again, and --exact does without")
