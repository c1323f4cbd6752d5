"""What runs on the nodes of a Ray cluster: workers, and decoders that hand them frames through the object store."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import ray
from ray.exceptions import RayError

from ..errors import InputError, UnreadableError
from ..video.decoder import FrameDecoder
from ..video.types import Frame, FrameItems, Frames, VideoInfo
from .jobs import Job
from .ledger import CLIP_DEATHS
from .pipeline import limit_cores
from .worker import attempt

CHUNK_FRAMES = 8  # that travel together at most: a message a frame costs more than it copies
CHUNK_BYTES = 10 << 20  # of frames, from which on no further one travels with them
CHUNKS_AHEAD = 2  # of a clip, decoded and not asked for yet: bounds the object store at 66 MB a clip in hand
RETRY_SECONDS = 1.0  # after a decoder died, until the next is asked


def enter(folder: str) -> None:
    """Go where the driver works, so that relative paths mean the same.

    Raises
    ------
    InputError
        If this node has no such folder.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"--ray: node {socket.gethostname()}: {folder}: {error.strerror}; checkout, models and data set must lie "
            f"at the same paths on every node"
        ) from None


def is_node_lost(error: RayError) -> bool:
    """Whether Ray says that it was the machine that went, not the process on it."""
    text = str(error)
    return "node has died" in text or "node was" in text or "node died" in text


class WorkerActor:
    """Builds a step and works at units, several at a time."""

    def build(self, folder: str, job: Job, gpu: int, cpus: int, source: Decoders | None) -> tuple[str, Any]:
        """FAILED and an error, or else the node that this is."""
        limit_cores(cpus)

        def make(_: Any) -> str:
            enter(folder)
            self._step = job.build(gpu, source)
            return str(ray.get_runtime_context().get_node_id())

        return attempt(make, None)

    def work(self, items: Sequence[Any]) -> tuple[str, Any]:
        """See `rcnn.workers.worker.attempt`."""
        return attempt(self._step, items)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some frames of a clip that travel together.

    info : see `Frames.info`; None where the clip can't be read
    end : why the clip can't be read, or can't be read on, empty after its last frame; None where it goes on
    """

    info: VideoInfo | None
    frames: list[Frame]
    end: str | None


class DecodeActor:
    """Decodes clips, one at a time, in a process of its own, so that a bad clip does not end this one."""

    def __init__(self, folder: str) -> None:
        limit_cores(1)
        enter(folder)
        self._decoder = FrameDecoder()

    def frames(self, path: str, sampling: int, rate: Fraction | int | None, skip: int) -> Iterator[Chunk]:
        """The clip in chunks, of which the last one has an end.

        Parameters
        ----------
        skip : frames that the caller has already
        """
        info: VideoInfo | None = None
        chunk: list[Frame] = []
        end = ""
        try:
            frames = self._decoder.read_frames(path, sampling, rate)
            info = frames.info
            for frame in frames:
                if skip:
                    skip -= 1
                    continue
                chunk.append(replace(frame, image=frame.image.copy()))  # its memory is used again
                if len(chunk) == CHUNK_FRAMES or sum(frame.image.nbytes for frame in chunk) >= CHUNK_BYTES:
                    yield Chunk(info, chunk, None)
                    chunk = []
            info = frames.info
        except UnreadableError as error:
            end = str(error)
        yield Chunk(info, chunk, end)

    def node(self) -> str:
        """The node that this is."""
        return str(ray.get_runtime_context().get_node_id())


class Decoders:
    """The source of a worker's frames: gives each of its threads a `RemoteFrames`. Travels to the worker."""

    def __init__(self, actors: Sequence[Any], first: int) -> None:
        self._actors = [*actors[first:], *actors[:first]]  # workers prefer different ones

    def __call__(self) -> RemoteFrames:
        if not hasattr(self, "_busy"):
            self._busy, self._lock = [0] * len(self._actors), threading.Lock()
        return RemoteFrames(self)

    def borrow(self) -> int:
        """Number of the decoder from which this worker awaits the fewest clips."""
        with self._lock:
            index = self._busy.index(min(self._busy))
            self._busy[index] += 1
            return index

    def give_back(self, index: int) -> None:
        with self._lock:
            self._busy[index] -= 1

    def stream(self, index: int, *arguments: Any) -> Any:
        frames = self._actors[index].frames
        return frames.options(num_returns="streaming", _generator_backpressure_num_objects=CHUNKS_AHEAD).remote(
            *arguments
        )


class RemoteFrames:
    """Frames from decoders elsewhere; see `rcnn.stages.face_finder.FrameSource`."""

    def __init__(self, decoders: Decoders) -> None:
        self._decoders = decoders

    def read_frames(self, path: str, sampling: int = 1, rate: Fraction | int | None = None) -> Frames:
        """See `FrameDecoder.read_frames`. Where a decoder dies, Ray starts it again, and the clip goes on."""
        return Frames(self._items(path, sampling, rate))

    def _items(self, path: str, sampling: int, rate: Fraction | int | None) -> FrameItems:
        taken = deaths = 0
        info: VideoInfo | None = None
        while True:
            index = self._decoders.borrow()
            try:
                for reference in self._decoders.stream(index, path, sampling, rate, taken):
                    chunk: Chunk = ray.get(reference)
                    if info is None and chunk.info is not None:
                        info = chunk.info
                        yield info
                    for frame in chunk.frames:
                        taken += 1
                        yield frame
                    if chunk.end:
                        raise UnreadableError(chunk.end)
                    if chunk.end is not None and chunk.info is not None:
                        return chunk.info
            except RayError as error:
                deaths += not is_node_lost(error)
                if deaths >= CLIP_DEATHS:
                    raise UnreadableError(f"killed its decoder {CLIP_DEATHS} times") from None
            finally:
                self._decoders.give_back(index)
            time.sleep(RETRY_SECONDS)
