"""The faces of a clip, to and from the table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from ..clips.dataset import Clip
from .reader import StageReader
from .schema import POINT_NUMBERS, VECTOR, clip_starts, is_tracked, vector_array, vectors

BATCH_ROWS = 1024  # faces in a batch
CROP = "crop"  # column
MAX_CROP_BYTES = 1 << 20  # of a stored crop


@dataclass(frozen=True)
class ClipFaces:
    """The columns of a clip's faces, in the order of the frames.

    clip : their clip; without a path if read from a table
    frames : (n,) int32, number of the frame, counted from 1
    times : (n,) float64, time of the frame, seconds of the source file, even if the clip is a piece of it
    scores : (n,) float32, probability of a face
    qualities : (n,) float32, norm of the quality model's embedding, or the score
    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels of the upright frame of the video
    landmarks : (n, 5, 2) float32, x, y in the same pixels
    crops : n aligned faces as JPEG
    tracks : (n,) int32, number of the face's track in the clip; all 0 if there are no tracks
    vectors : (n, D) float16 of length 1, embeddings of the crops by the quality model; None if they are not stored or
        not requested
    """

    clip: Clip
    frames: np.ndarray
    times: np.ndarray
    scores: np.ndarray
    qualities: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray
    crops: Sequence[bytes]
    tracks: np.ndarray
    vectors: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, indices: np.ndarray) -> ClipFaces:
        """Some of the faces, in the order of `indices` (k,) int."""
        return ClipFaces(
            self.clip,
            self.frames[indices],
            self.times[indices],
            self.scores[indices],
            self.qualities[indices],
            self.boxes[indices],
            self.landmarks[indices],
            [self.crops[index] for index in indices],
            self.tracks[indices],
            None if self.vectors is None else self.vectors[indices],
        )

    @staticmethod
    def none(clip: Clip) -> ClipFaces:
        """No face of a clip."""
        points = np.zeros((0, POINT_NUMBERS // 2, 2), np.float32)
        empty = np.zeros(0, np.float32)
        whole = np.zeros(0, np.int32)
        return ClipFaces(clip, whole, np.zeros(0), empty, empty, np.zeros((0, 4), np.float32), points, [], whole)

    @staticmethod
    def joined(parts: Sequence[ClipFaces]) -> ClipFaces:
        """The faces of several pieces of one clip, at least one, concatenated."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        return ClipFaces(
            first.clip,
            np.concatenate([part.frames for part in parts]),
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.qualities for part in parts]),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
            [crop for part in parts for crop in part.crops],
            np.concatenate([part.tracks for part in parts]),
            None if first.vectors is None else np.concatenate([part.vectors for part in parts]),
        )

    def record(self, schema: pa.Schema) -> pa.RecordBatch:
        """The same as rows of the table of faces, with tracks and vectors where the schema has them."""
        count = len(self)
        columns = {
            "name": pa.array([self.clip.name] * count, pa.string()),
            "split": pa.array([self.clip.split] * count, pa.string()),
            "frame": pa.array(self.frames, pa.int32()),
            "time": pa.array(self.times, pa.float64()),
            "score": pa.array(self.scores, pa.float32()),
            "quality": pa.array(self.qualities, pa.float32()),
            "box": vector_array(self.boxes),
            "landmarks": vector_array(self.landmarks.reshape(count, POINT_NUMBERS)),
            "crop": pa.array(self.crops, pa.binary()),
            "track": pa.array(self.tracks, pa.int32()),
        }
        if self.vectors is not None:
            columns[VECTOR] = vector_array(self.vectors, np.float16)
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def read_faces(
    reader: StageReader, crops: bool = True, clips: Collection[str] | None = None, vectors: bool = False
) -> Iterator[ClipFaces]:
    """The faces of a detect directory, clip after clip; clips without a face are left out.

    Parameters
    ----------
    crops : whether to read the crops, which are nearly all of the bytes; else they are empty
    clips : names of the wanted ones; None for all
    vectors : whether to read the vectors, which the directory must have

    Raises
    ------
    InputError
        As `StageReader.batches`.
    """
    pieces: list[ClipFaces] = []
    wanted = {CROP: crops, VECTOR: vectors}
    columns = [name for name in reader.schema.names if wanted.get(name, True)]
    for batch in reader.batches(columns, BATCH_ROWS) if clips is None else reader.rows_of(clips, columns):
        for piece in _pieces(batch):
            if pieces and piece.clip.name != pieces[0].clip.name:
                yield ClipFaces.joined(pieces)
                pieces = []
            pieces.append(piece)
    if pieces:
        yield ClipFaces.joined(pieces)


def _pieces(batch: pa.RecordBatch) -> Iterator[ClipFaces]:
    """The rows of a batch by clip; the first and the last clip may continue in other batches."""
    names = batch.column("name").to_pylist()
    frames, times = batch.column("frame").to_numpy(), batch.column("time").to_numpy()
    scores, qualities = batch.column("score").to_numpy(), batch.column("quality").to_numpy()
    boxes, landmarks = vectors(batch.column("box")), vectors(batch.column("landmarks")).reshape(len(names), -1, 2)
    crops = batch.column(CROP).to_pylist() if CROP in batch.schema.names else [b""] * len(names)
    kept = vectors(batch.column(VECTOR)) if VECTOR in batch.schema.names else None
    tracks = batch.column("track").to_numpy() if is_tracked(batch.schema) else np.zeros(len(names), np.int32)
    splits = batch.column("split").to_pylist()
    for start, end in pairwise([*clip_starts(names), len(names)]):
        rows = slice(start, end)
        yield ClipFaces(
            Clip(names[start], "", splits[start]),
            frames[rows],
            times[rows],
            scores[rows],
            qualities[rows],
            boxes[rows],
            landmarks[rows],
            crops[rows],
            tracks[rows],
            None if kept is None else kept[rows],
        )
