"""What runs on the nodes of a Ray cluster: workers, and decoders that hand them frames through the object store."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError

from ..errors import InputError, UnreadableError
from .jobs import DecodingJob, Job, about
from .ledger import CLIP_DEATHS
from .pipeline import limit_cores
from .worker import attempt

CHUNK_FRAMES = 8  # that travel together, 10 MB: a message a frame costs more than it copies
CHUNKS_AHEAD = 2  # of a clip, decoded and not asked for yet: bounds the object store at 31 MB a clip in hand
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
        """FAILED and an error, or else the node that this is and what the step says of itself."""
        limit_cores(cpus)

        def make(_: Any) -> tuple[str, Any]:
            enter(folder)
            self._step = job.build(gpu, source)
            return str(ray.get_runtime_context().get_node_id()), about(self._step)

        return attempt(make, None)

    def work(self, items: Sequence[Any]) -> tuple[str, Any]:
        """See `rcnn.workers.worker.attempt`."""
        return attempt(self._step, items)


class DecodeActor:
    """Decodes clips, one at a time, with the source of frames that a job names."""

    def __init__(self, folder: str, job: DecodingJob) -> None:
        limit_cores(1)
        enter(folder)
        self._decoder = job.frames()

    def frames(self, path: str, sampling: int, skip: int) -> Iterator[tuple[list[int], list[np.ndarray], str | None]]:
        """Chunks of numbers and frames; with the last why the clip can't be read, or "".

        Parameters
        ----------
        skip : frames that the caller has already
        """
        numbers: list[int] = []
        images: list[np.ndarray] = []
        end = ""
        try:
            for number, image in self._decoder.read_frames(path, sampling):
                if skip:
                    skip -= 1
                    continue
                numbers.append(number)
                images.append(image.copy())  # its memory is used again
                if len(images) == CHUNK_FRAMES:
                    yield numbers, images, None
                    numbers, images = [], []
        except UnreadableError as error:
            end = str(error)
        yield numbers, images, end

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

    def read_frames(self, path: str, sampling: int) -> Iterator[tuple[int, np.ndarray]]:
        """See `FrameDecoder.read_frames`. Where a decoder dies, Ray starts it again, and the clip goes on."""
        taken = deaths = 0
        while True:
            index = self._decoders.borrow()
            try:
                for reference in self._decoders.stream(index, path, sampling, taken):
                    numbers, images, end = ray.get(reference)
                    for number, image in zip(numbers, images, strict=True):
                        taken += 1
                        yield number, image
                    if end:
                        raise UnreadableError(end)
                    if end is not None:
                        return
            except RayError as error:
                deaths += not is_node_lost(error)
                if deaths >= CLIP_DEATHS:
                    raise UnreadableError(f"killed its decoder {CLIP_DEATHS} times") from None
            finally:
                self._decoders.give_back(index)
            time.sleep(RETRY_SECONDS)
