"""Decoders on the nodes of a Ray cluster, which pass frames to workers through the object store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import ray
from ray.exceptions import RayError

from ..errors import UnreadableError
from ..workers.ledger import CLIP_DEATHS
from ..workers.pipeline import limit_cores
from ..workers.ray_actors import enter, is_node_lost
from ..workers.ray_decoders import ask
from .decoder import FrameDecoder
from .types import Frame, FrameItems, Frames, VideoInfo

CHUNK_FRAMES = 8  # largest number of frames in a message: one message per frame would cost more than the copy
CHUNK_BYTES = 10 << 20  # of frames, above which no further one is added to a message
CHUNKS_AHEAD = 2  # of a clip, decoded and not requested yet: bounds the object store at 66 MB per active clip
RETRY_SECONDS = 1.0  # between checks for an available decoder


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some frames of a clip in one message.

    info : see `Frames.info`; None if the clip can't be read
    end : why the clip can't be read, or not any further, empty after its last frame; None if it continues
    """

    info: VideoInfo | None
    frames: list[Frame]
    end: str | None


class DecodeActor:
    """Decodes clips, one at a time, in a separate process, so that a bad clip does not end this one."""

    def __init__(self, folder: str) -> None:
        limit_cores(1)
        enter(folder)
        self._decoder = FrameDecoder()

    def frames(
        self, path: str, sampling: int, rate: Fraction | int | None, start: float, end: float, skip: int
    ) -> Iterator[Chunk]:
        """The clip in chunks, of which the last one has an end.

        Parameters
        ----------
        skip : frames that the caller has already
        """
        info: VideoInfo | None = None
        chunk: list[Frame] = []
        reason = ""
        try:
            frames = self._decoder.read_frames(path, sampling, rate, start, end)
            info = frames.info
            for frame in frames:
                if skip:
                    skip -= 1
                    continue
                chunk.append(replace(frame, image=frame.image.copy()))  # its memory is reused
                if len(chunk) == CHUNK_FRAMES or sum(frame.image.nbytes for frame in chunk) >= CHUNK_BYTES:
                    yield Chunk(info, chunk, None)
                    chunk = []
            info = frames.info
        except UnreadableError as error:
            reason = str(error)
        yield Chunk(info, chunk, reason)

    def node(self) -> str:
        """The node that this is."""
        return str(ray.get_runtime_context().get_node_id())


class Decoders:
    """The source of a worker's frames: makes a `RemoteFrames` for each of its threads. It is sent to the worker."""

    def __init__(self, actors: Sequence[Any], first: int) -> None:
        self._actors = [*actors[first:], *actors[:first]]  # workers prefer different ones

    def __call__(self) -> RemoteFrames:
        if not hasattr(self, "_busy"):
            self._busy, self._lock = [0] * len(self._actors), threading.Lock()
            self._gone: dict[int, Any] = {}  # failed decoders, and the requests to them since
        return RemoteFrames(self)

    def borrow(self) -> int:
        """Number of the decoder with the fewest pending clips of this worker; waits until one is available."""
        while True:
            with self._lock:
                self._look()
                there = [index for index in range(len(self._actors)) if index not in self._gone]
                if there:
                    index = min(there, key=self._busy.__getitem__)
                    self._busy[index] += 1
                    return index
            time.sleep(RETRY_SECONDS)

    def _look(self) -> None:
        for index, asked in list(self._gone.items()):
            if not ray.wait([asked], timeout=0)[0]:
                continue
            try:
                ray.get(asked)
                del self._gone[index]  # Ray has started it again
            except RayError:
                self._gone[index] = ask(self._actors[index])

    def failed(self, index: int) -> None:
        """A decoder failed; it gets no work until it answers again."""
        with self._lock:
            self._gone.setdefault(index, ask(self._actors[index]))

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

    def read_frames(
        self, path: str, sampling: int = 1, rate: Fraction | int | None = None, start: float = 0.0, end: float = 0.0
    ) -> Frames:
        """See `FrameDecoder.read_frames`. If a decoder dies, Ray restarts it, and the clip continues."""
        return Frames(self._items(path, sampling, rate, start, end))

    def _items(self, *request: Any) -> FrameItems:
        taken = deaths = 0
        info: VideoInfo | None = None
        while True:
            index = self._decoders.borrow()
            try:
                for reference in self._decoders.stream(index, *request, taken):
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
                self._decoders.failed(index)
                deaths += not is_node_lost(error)
                if deaths >= CLIP_DEATHS:
                    raise UnreadableError(f"killed its decoder {CLIP_DEATHS} times") from None
            finally:
                self._decoders.give_back(index)
