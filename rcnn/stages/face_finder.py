"""The step of detect.py: a few clips in, the faces of each out."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol

import numpy as np

from ..clips.dataset import TRAIN, Clip
from ..config import config
from ..errors import UnreadableError
from ..faces.alignment import align_faces
from ..faces.choice import central_face
from ..faces.detectors import Detector
from ..faces.embedding import Embedder
from ..faces.following import follow_faces, verified
from ..faces.recognised import recognised
from ..faces.tracking import track_faces
from ..faces.types import Faces
from ..faces.vectors import normalise, norms
from ..faces.views import detect_frames
from ..tables.faces import ClipFaces
from ..video.decoder import FrameDecoder
from ..video.shots import Shots
from ..video.types import Frame, Frames, VideoInfo
from .crops import decode_crop, encode_crop

BATCH_FRAMES = 8  # frames in a detection batch on the CPU, one at a time on each core
CUDA_BATCH_FRAMES = 32  # the same on a CUDA device, which takes the batch as a whole
FOLLOWED_BATCHES = 2  # detection batches of frames in memory where the detector runs on some of them only
MORE_LOOKS = 4  # factor of --rate in the second pass over a val or test clip in which no face was found


class FrameSource(Protocol):
    """Source of frames: a `FrameDecoder`, or a proxy for decoders elsewhere. One thread calls it."""

    def read_frames(
        self, path: str, sampling: int = 1, rate: Fraction | int | None = None, start: float = 0.0, end: float = 0.0
    ) -> Frames:
        """See `FrameDecoder.read_frames`."""
        ...


def looks(sampling: int, rate: Fraction | None) -> tuple[tuple[int, Fraction | None], ...]:
    """`sampling` and `rate` of the first pass over a clip, and of the second pass over a val or test clip in which no
    face was found: every frame, or `MORE_LOOKS` times as many."""
    if rate is not None:
        return (1, rate), (1, rate * MORE_LOOKS)
    return ((sampling, None), (1, None)) if sampling > 1 else ((1, None),)


@dataclass(frozen=True)
class FoundFaces:
    """What was found in a clip.

    faces : that were kept
    looks : number of sampled frames
    qualities : (n,) float32, of every chosen face, kept or not
    unreadable : why the clip could not be read, else empty
    info : what the video is; None where it could not be read
    """

    faces: ClipFaces
    looks: int
    qualities: np.ndarray
    unreadable: str = ""
    info: VideoInfo | None = None

    @staticmethod
    def none(clip: Clip, unreadable: str) -> FoundFaces:
        """An empty result, for a clip that could not be read."""
        return FoundFaces(ClipFaces.none(clip), 0, np.zeros(0, np.float32), unreadable)


@dataclass
class _Scan:
    """What has been found in a clip so far: for each chosen face its frame, its crop as JPEG, and whether it is the
    central one."""

    clip: Clip
    looks: int = 0
    unreadable: str = ""
    info: VideoInfo | None = None
    shots: Shots | None = None
    frames: list[int] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)  # index among the sampled frames, from 0
    times: list[float] = field(default_factory=list)
    faces: list[Faces] = field(default_factory=list)  # one for each frame
    followed: list[bool] = field(default_factory=list)  # whether the detector did not run on the face's frame
    central: list[bool] = field(default_factory=list)
    crops: list[bytes] = field(default_factory=list)

    @property
    def is_still(self) -> bool:
        """Whether it is a photograph, in which a second pass finds nothing new."""
        return self.info is not None and self.info.is_still

    def add(self, look: _Look, faces: Faces, central: Sequence[bool], crops: np.ndarray) -> None:
        """The chosen faces of a frame, in pixels of its image, with their crops."""
        frame = look.frame
        self.frames += [frame.number] * len(faces)
        self.turns += [look.turn] * len(faces)
        self.times += [frame.time] * len(faces)
        self.followed += [look.followed] * len(faces)
        height, width = frame.image.shape[:2]
        if (height, width) != (frame.height, frame.width):  # the frame was downscaled when it was decoded
            scale = np.array([width / frame.width, height / frame.height])
            faces = faces.scaled_back(scale, frame.width, frame.height)
        self.faces.append(faces)
        self.central += central
        self.crops += map(encode_crop, crops)

    def fail(self, reason: str) -> None:
        """The clip can't be read; discard what was found."""
        self.unreadable, self.looks = reason, 0
        for column in (self.frames, self.turns, self.times, self.faces, self.followed, self.central, self.crops):
            column.clear()

    def keep(self, rows: np.ndarray) -> None:
        """Discard the other faces."""
        self.faces = [Faces.joined(self.faces).take(rows)]
        for name in ("frames", "turns", "times", "followed", "central", "crops"):
            column = getattr(self, name)
            setattr(self, name, [column[row] for row in rows])


@dataclass
class _Look:
    """A sampled frame.

    turn : index among the sampled frames of the clip, from 0
    is_key : whether the detector runs on it in any case
    faces : those in it; None until they are known
    followed : whether they are known from the frames before and after it
    chosen : whether those that count have been given to the scan
    """

    scan: _Scan
    turn: int
    frame: Frame
    is_key: bool
    faces: Faces | None = None
    followed: bool = False
    chosen: bool = False


def _follow(looks: Sequence[_Look]) -> None:
    """Set the faces of the frames between a key and the next one, if both show the same faces."""
    first, *between, last = looks
    if not between or first.scan is not last.scan or first.frame.image.shape != last.frame.image.shape:
        return
    assert first.faces is not None and last.faces is not None
    moved = follow_faces(first.faces, last.faces, len(between))
    if moved is not None:
        for look, faces in zip(between, moved, strict=True):
            look.faces, look.followed = faces, True


@dataclass(frozen=True)
class ClipFaceFinder:
    """Finds the central face of each sampled frame, if it has one, or all faces, and rates them.

    Crops are cut from the decoded frame, not from the detector's input, and are rated after JPEG compression, so that
    embedding a stored crop gives the same vector.

    embedder : the norm of its embeddings is the quality; None to use the detector's score
    sampling : frame f, counted from 1, is sampled when f % sampling == 0
    rate : sampled frames per second, instead of `sampling`; None for `sampling`
    vectors : whether to store the embedder's vectors with the faces
    detect_every : the detector runs on one of so many sampled frames, and on those between two that do not show the
        same faces; more than 1 needs an embedder, which verifies the faces in between
    threshold : smallest quality of a face that is kept
    size : height, width of the crops in pixels
    batch : frames in a detection batch
    every : whether to keep all faces of a frame, numbered by tracks, or only the central one
    source : makes a thread's source of frames
    """

    detector: Detector
    embedder: Embedder | None
    sampling: int
    threshold: float
    size: tuple[int, int] = (112, 112)
    batch: int = BATCH_FRAMES
    every: bool = False
    source: Callable[[], FrameSource] = FrameDecoder
    rate: Fraction | None = None
    vectors: bool = False
    detect_every: int = 1
    decoders: threading.local = field(default_factory=threading.local)  # one per thread

    @property
    def about(self) -> tuple[int, dict[str, str]]:
        """Length of the vectors stored with the faces, 0 for none, and the detected kinds of the models; see
        `rcnn.workers.crew.Crew.start`."""
        width = self.embedder.width(self.size) if self.vectors and self.embedder is not None else 0
        return width, recognised(self.detector, self.embedder)

    def __call__(self, clips: Sequence[Clip]) -> list[FoundFaces]:
        """The faces of each clip. Batches span clips, so the result for a clip depends on these clips alone.

        A val or test clip in which no face is detected gets a second pass, see `looks`; a photograph does not.
        """
        first, *more = looks(self.sampling, self.rate)
        scans = self._scan(clips, *first)
        for second in more:
            again = [
                index
                for index, scan in enumerate(scans)
                if scan.clip.split != TRAIN and not scan.unreadable and not scan.frames and not scan.is_still
            ]
            for index, scan in zip(again, self._scan([clips[index] for index in again], *second), strict=True):
                scans[index] = scan
        return self._rate(scans)

    def _scan(self, clips: Sequence[Clip], sampling: int, rate: Fraction | None) -> list[_Scan]:
        scans = [_Scan(clip, shots=Shots() if self.every else None) for clip in clips]
        waiting: list[_Look] = []
        room = self.batch if self.detect_every == 1 else FOLLOWED_BATCHES * self.batch
        for scan in scans:
            for frame in self._frames(scan, sampling, rate):
                if scan.shots is not None:
                    scan.shots.add(frame.image)
                own = replace(frame, image=frame.image.copy())  # its memory is reused
                turn = scan.looks - 1
                waiting.append(_Look(scan, turn, own, turn % self.detect_every == 0))
                if len(waiting) >= room and waiting[-1].is_key:
                    waiting = self._find(waiting)
            if waiting:
                waiting[-1].is_key = True  # no later frame shows where its faces go
        self._find(waiting)
        return scans

    def _find(self, looks: list[_Look]) -> list[_Look]:
        """Find and choose the faces of frames of which the last is a key; returns what the next frames need of them."""
        self._detect([look for look in looks if look.is_key and look.faces is None])
        keys = [index for index, look in enumerate(looks) if look.is_key]
        for first, last in itertools.pairwise(keys):
            _follow(looks[first : last + 1])
        self._detect([look for look in looks if look.faces is None])
        for look in looks:
            if look.faces is not None and len(look.faces) and not look.chosen and not look.scan.unreadable:
                self._choose(look, look.faces)
            look.chosen = True
        return looks[-1:] if self.detect_every > 1 else []

    def _detect(self, looks: Sequence[_Look]) -> None:
        found = detect_frames(self.detector, [look.frame.image for look in looks], self.batch)
        for look, faces in zip(looks, found, strict=True):
            look.faces = faces

    def _frames(self, scan: _Scan, sampling: int, rate: Fraction | None) -> Iterator[Frame]:
        """The sampled frames; a clip that can't be read to its end fails."""
        clip = scan.clip
        if clip.fault:
            scan.fail(clip.fault)
            return
        if not hasattr(self.decoders, "own"):
            self.decoders.own = self.source()
        try:
            frames = self.decoders.own.read_frames(clip.path, sampling, rate, clip.start, clip.end)
            for frame in frames:
                scan.looks += 1
                yield frame
            scan.info = frames.info
        except UnreadableError as error:
            scan.fail(str(error))

    def _choose(self, look: _Look, faces: Faces) -> None:
        height, width = look.frame.image.shape[:2]
        central = central_face(faces, width, height)
        wanted = [central]
        if self.every:
            wanted = sorted({central, *range(min(len(faces), config.TRACK.FACES_A_FRAME))})  # best scores first
        crops = align_faces(look.frame.image, faces.landmarks[wanted], self.size)
        look.scan.add(look, faces.take(np.array(wanted)), [index == central for index in wanted], crops)

    def _rate(self, scans: Sequence[_Scan]) -> list[FoundFaces]:
        embeddings = None
        if self.embedder is not None and any(scan.crops for scan in scans):
            crops = [decode_crop(crop, scan.clip.name) for scan in scans for crop in scan.crops]
            embeddings = self.embedder.embed(crops)
        found = []
        start = 0
        for scan in scans:
            mine = slice(start, start + len(scan.crops))
            start = mine.stop
            found.append(self._found(scan, None if embeddings is None else embeddings[mine]))
        return found

    def _found(self, scan: _Scan, embeddings: np.ndarray | None) -> FoundFaces:
        """The result for a clip; `embeddings` (n, D) of its crops, None if the quality is the score."""
        if scan.unreadable:
            return FoundFaces.none(scan.clip, scan.unreadable)
        if not scan.frames:
            empty = np.zeros(0, np.float32)
            return FoundFaces(ClipFaces.none(scan.clip), scan.looks, empty, info=scan.info)
        if embeddings is not None and any(scan.followed):
            good = np.flatnonzero(verified(normalise(embeddings), np.array(scan.turns), np.array(scan.followed)))
            scan.keep(good)
            embeddings = embeddings[good]
        faces = Faces.joined(scan.faces)
        frames = np.array(scan.frames, np.int32)
        qualities = faces.scores if embeddings is None else norms(embeddings)
        tracks = np.zeros(len(frames), np.int32)
        if scan.shots is not None:
            shots = scan.shots.numbers()[scan.turns]
            tracks = track_faces(frames, faces.boxes, np.array(scan.central), embeddings, shots)
        kept = np.flatnonzero(qualities >= self.threshold)
        faces = faces.take(kept)
        return FoundFaces(
            ClipFaces(
                scan.clip,
                frames[kept],
                np.array(scan.times)[kept],
                faces.scores,
                qualities[kept],
                faces.boxes,
                faces.landmarks,
                [scan.crops[index] for index in kept],
                tracks[kept],
                normalise(embeddings[kept]).astype(np.float16) if self.vectors and embeddings is not None else None,
            ),
            scan.looks,
            qualities,
            info=scan.info,
        )
