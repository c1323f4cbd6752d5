"""The step of detect.py: a few clips in, the faces of each out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np

from ..clips.dataset import TRAIN, Clip
from ..config import config
from ..errors import UnreadableError
from ..faces.alignment import align_faces
from ..faces.choice import central_face
from ..faces.detectors import Detector
from ..faces.embedding import Embedder
from ..faces.tracking import track_faces
from ..faces.types import Faces
from ..faces.vectors import norms
from ..video.decoder import FrameDecoder

BATCH_FRAMES = 8  # frames that are detected together on the CPU, one by one on each core
CUDA_BATCH_FRAMES = 32  # and on a CUDA device, all at once


class FrameSource(Protocol):
    """Where frames come from: a `FrameDecoder`, or what stands for decoders elsewhere. One thread calls it."""

    def read_frames(self, path: str, sampling: int) -> Iterator[tuple[int, np.ndarray]]:
        """See `FrameDecoder.read_frames`."""
        ...


@dataclass
class FoundFaces:
    """The faces of one clip that were looked at, and those that were kept.

    frames : how many frames were looked at
    qualities : (n,) float32, of every chosen face, kept or not
    rows : of the faces that were kept, without name, split and label
    unreadable : why the clip could not be read, else empty
    """

    frames: int = 0
    qualities: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    rows: list[dict[str, Any]] = field(default_factory=list)
    unreadable: str = ""


@dataclass(frozen=True)
class _Chosen:
    """A face of a frame that is looked at, and whether it is the central one."""

    row: dict[str, Any]
    crop: np.ndarray
    central: bool


@dataclass(frozen=True)
class FaceFinder:
    """Finds the central face of each sampled frame, where there is one, or all of them, and rates them.

    embedder : the norm of whose embeddings is the quality; None for the detector's score as quality
    sampling : frame f, counted from 1, is looked at when f % sampling == 0
    threshold : smallest quality of a face that is kept
    size : height, width of the crops in pixels
    batch : frames that are detected together
    every : whether all faces of a frame count, and are numbered by tracks, or the central one alone
    source : makes what a thread takes its frames from
    """

    detector: Detector
    embedder: Embedder | None
    sampling: int
    threshold: float
    size: tuple[int, int] = (112, 112)
    batch: int = BATCH_FRAMES
    every: bool = False
    source: Callable[[], FrameSource] = FrameDecoder
    decoders: threading.local = field(default_factory=threading.local)  # one a thread

    def __call__(self, clips: Sequence[Clip]) -> list[FoundFaces]:
        """The faces of each clip. Batches run across clips, so what a clip gives depends on these clips alone.

        A val or test clip in which no face is detected is looked at once more, at every frame.
        """
        results = [FoundFaces() for _ in clips]
        chosen = self._scan(clips, results, self.sampling)
        if self.sampling > 1:
            again = [
                index
                for index, (clip, result) in enumerate(zip(clips, results, strict=True))
                if clip.split != TRAIN and not result.unreadable and not chosen[index]
            ]
            second = [FoundFaces() for _ in again]
            faces = self._scan([clips[index] for index in again], second, 1)
            for index, result, found in zip(again, second, faces, strict=True):
                results[index], chosen[index] = result, found
        self._rate(results, chosen)
        return results

    def _scan(self, clips: Sequence[Clip], results: Sequence[FoundFaces], sampling: int) -> list[list[_Chosen]]:
        chosen: list[list[_Chosen]] = [[] for _ in clips]
        images = np.empty((self.batch, config.FRAME.HEIGHT, config.FRAME.WIDTH, 3), np.uint8)
        batch: list[tuple[int, int]] = []  # index of the clip and number of the frame

        def flush() -> None:
            frames = images[: len(batch)]
            found = self.detector.detect(frames, batch_size=self.batch)
            for (index, number), image, faces in zip(batch, frames, found, strict=True):
                if len(faces):
                    chosen[index] += self._choose(number, image, faces)
            batch.clear()

        for index, number, image in self._frames(clips, results, sampling):
            images[len(batch)] = image
            batch.append((index, number))
            if len(batch) == self.batch:
                flush()
        if batch:
            flush()
        for faces, result in zip(chosen, results, strict=True):
            if result.unreadable:  # after some frames
                faces.clear()
                result.frames = 0
        return chosen

    def _frames(
        self, clips: Sequence[Clip], results: Sequence[FoundFaces], sampling: int
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Index of the clip, number of the frame and the frame, clip after clip; marks clips that can't be read."""
        if not hasattr(self.decoders, "own"):
            self.decoders.own = self.source()
        for index, (clip, result) in enumerate(zip(clips, results, strict=True)):
            if clip.fault:
                result.unreadable = clip.fault
                continue
            try:
                for number, image in self.decoders.own.read_frames(clip.path, sampling):
                    result.frames += 1
                    yield index, number, image
            except UnreadableError as error:
                result.unreadable = str(error)

    def _choose(self, number: int, image: np.ndarray, faces: Faces) -> list[_Chosen]:
        central = central_face(faces, image.shape[1], image.shape[0])
        wanted = [central]
        if self.every:
            wanted = sorted({central, *range(min(len(faces), config.TRACK.FACES_A_FRAME))})  # best scores first
        crops = align_faces(image, faces.landmarks[wanted], self.size)
        return [
            _Chosen(
                {
                    "frame": number,
                    "score": faces.scores[index],
                    "box": faces.boxes[index],
                    "landmarks": faces.landmarks[index].reshape(-1),
                },
                crop,
                index == central,
            )
            for index, crop in zip(wanted, crops, strict=True)
        ]

    def _rate(self, results: Sequence[FoundFaces], chosen: Sequence[Sequence[_Chosen]]) -> None:
        crops = [face.crop for faces in chosen for face in faces]
        if not crops:
            return
        embeddings = None if self.embedder is None else self.embedder.embed(crops)
        if embeddings is None:
            qualities = np.array([face.row["score"] for faces in chosen for face in faces], np.float32)
        else:
            qualities = norms(embeddings)
        start = 0
        for result, faces in zip(results, chosen, strict=True):
            mine = slice(start, start + len(faces))
            start = mine.stop
            result.qualities = qualities[mine]
            tracks = self._tracks(faces, None if embeddings is None else embeddings[mine])
            result.rows = [
                {**face.row, "quality": quality, "crop": _jpeg(face.crop), "track": track}
                for face, quality, track in zip(faces, result.qualities, tracks, strict=True)
                if quality >= self.threshold
            ]

    def _tracks(self, faces: Sequence[_Chosen], embeddings: np.ndarray | None) -> np.ndarray:
        """(n,) number of each face's track in its clip; all 0 where only central faces were chosen."""
        if not self.every or not faces:
            return np.zeros(len(faces), np.int32)
        frames = np.array([face.row["frame"] for face in faces])
        boxes = np.stack([face.row["box"] for face in faces])
        return track_faces(frames, boxes, np.array([face.central for face in faces]), embeddings)


def _jpeg(crop: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, config.CROP.JPEG_QUALITY])[1].tobytes()
