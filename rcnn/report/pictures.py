"""Small pictures of faces, from the crops that detect.py stored."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables import StageReader
from ..tables.faces import MAX_CROP_BYTES
from ..video.picture import picture_size

SIDE = 96  # pixels of a thumbnail
JPEG_QUALITY = 75
SMALL_SIDE = 64  # of one on a page of very many people
KNOWN_FACES = 3  # of each person, from training clips
MAX_CROP_SIDE = 1024  # pixels; crops have 112
ROWS = 1024  # faces a batch
INSTANTS = 1000  # a second, in which two times are the same: frames are further apart

Place = tuple[str, int, float]  # clip, track, and seconds of a face


@dataclass
class Crops:
    """The best crops, as they are stored.

    by_clip : (quality, JPEG) of the best face of each clip
    by_label : (quality, JPEG) of the best faces of each label, each from a clip of its own, best first
    """

    by_clip: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    by_label: dict[int, list[tuple[float, bytes]]] = field(default_factory=dict)


def best_crops(
    readers: Sequence[StageReader], clips: Collection[str], labels: Mapping[str, int] | None = None
) -> Crops:
    """The crops of the highest quality, in one pass over the faces.

    Parameters
    ----------
    readers : of detect directories
    clips : names of clips of each of which the best face is wanted
    labels : of clips; the best `KNOWN_FACES` faces of each label are wanted, of main tracks where there are tracks
    """
    found, labels = Crops(), labels or {}
    if not clips and not labels:
        return found
    names = pa.array(sorted({*clips, *labels}), pa.string())
    best: dict[int, dict[str, tuple[float, bytes]]] = {}
    for reader in readers:
        columns = ["name", "quality", "crop", *(["track"] if reader.tracked else [])]
        for batch in reader.batches(columns, ROWS):
            for row in batch.filter(pc.is_in(batch.column("name"), names)).to_pylist():
                face = (row["quality"], row["crop"])
                if row["name"] in clips:
                    found.by_clip[row["name"]] = max(found.by_clip.get(row["name"], face), face)
                # other people in their clips get no picture
                if row["name"] in labels and not row.get("track"):
                    _keep(best.setdefault(labels[row["name"]], {}), row["name"], face)
    found.by_label = {label: sorted(faces.values(), reverse=True) for label, faces in best.items()}
    return found


def track_crops(readers: Sequence[StageReader], wanted: Collection[Place]) -> dict[Place, bytes]:
    """The crops at some places: of the given track at the given time, never of another person in the frame.

    A detect directory without tracks has one per clip, number 0.
    """
    clips = {clip for clip, _, _ in wanted}
    sought = {(clip, track, _instant(time)): (clip, track, time) for clip, track, time in wanted}
    found: dict[Place, bytes] = {}
    for reader in readers:
        columns = ["name", "time", "crop", *(["track"] if reader.tracked else [])]
        for batch in reader.rows_of(clips, columns):
            for row in batch.to_pylist():
                place = sought.get((row["name"], row.get("track", 0), _instant(row["time"])))
                if place is not None:
                    found.setdefault(place, row["crop"])
    return found


def _instant(seconds: float) -> int:
    return round(seconds * INSTANTS)


def _keep(faces: dict[str, tuple[float, bytes]], clip: str, face: tuple[float, bytes]) -> None:
    faces[clip] = max(faces.get(clip, face), face)
    if len(faces) > KNOWN_FACES:
        del faces[heapq.nsmallest(1, faces, key=lambda name: faces[name])[0]]


def thumbnail(data: bytes, side: int = SIDE) -> bytes | None:
    """A stored crop made smaller: JPEG, `side` pixels high. None if it is not a picture, or claims to be a large
    one."""
    if not data or len(data) > MAX_CROP_BYTES:
        return None
    size = picture_size(data)  # before OpenCV takes memory for it
    if size is None or not 0 < min(size) <= max(size) <= MAX_CROP_SIDE:
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else encode(image, side)


def encode(image: np.ndarray, side: int = SIDE) -> bytes:
    """(H, W, 3) uint8, BGR, as a JPEG `side` pixels high."""
    width = max(1, round(image.shape[1] * side / image.shape[0]))
    small = cv2.resize(image, (width, side), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
