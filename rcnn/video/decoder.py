"""Decoding in a process of its own, whose death or endless work costs one clip and not the run.

The process is this module, run by `FrameDecoder`: it reads a JSON line for each clip from stdin, puts frames into
shared memory, and writes a JSON line for each frame to stdout. A frame's place is used again when a line has said that
it was taken.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from ..config import config
from ..errors import UnreadableError
from ..files import fetched
from .frames import read_frames

SHAPE = (config.FRAME.HEIGHT, config.FRAME.WIDTH, 3)
FRAME_BYTES = SHAPE[0] * SHAPE[1] * SHAPE[2]
SLOTS = 16  # frames that are decoded ahead, 1.3 MB each: more than are detected together
MEMORY_BYTES = 8 << 30  # of address space: a clip that says it is a million pixels wide asks for more
KILLED_AFTER = 5.0  # seconds that a decoder has to end by itself


class FrameDecoder:
    """Reads clips, one after the other, with a process that it starts again when it has to.

    Not for several threads at once.

    Parameters
    ----------
    stall_seconds : longest time to wait for a frame
    clip_seconds : longest time to wait for all frames of a clip
    """

    def __init__(
        self, stall_seconds: float = config.DECODE.STALL_SECONDS, clip_seconds: float = config.DECODE.CLIP_SECONDS
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.stall_seconds, self.clip_seconds = stall_seconds, clip_seconds
        self._buffer = b""

    def read_frames(self, path: str, sampling: int) -> Iterator[tuple[int, np.ndarray]]:
        """See `frames.read_frames`. A frame lies in memory that is used again once the next one is asked for.

        Raises
        ------
        UnreadableError
            Also if the decoder died of the clip or takes too long, or the clip can't be fetched from its store.
        StoreError
            If the store does not answer.
        """
        with ExitStack() as stack:
            try:
                file = stack.enter_context(fetched(path))
            except FileNotFoundError:
                raise UnreadableError("is no file") from None
            except OSError as error:
                raise UnreadableError(str(error)) from None
            yield from self._decode(file, sampling)

    def _decode(self, path: str, sampling: int) -> Iterator[tuple[int, np.ndarray]]:
        self._start()
        finished = False
        waited = 0.0
        try:
            self._send({"path": path, "sampling": sampling})
            while True:
                begun = time.monotonic()
                line = self._line(min(self.stall_seconds, max(0.0, self.clip_seconds - waited)))
                waited += time.monotonic() - begun
                if "frame" in line:
                    yield line["frame"], slot_frame(self._memory, line["slot"])
                    self._send({})
                    continue
                finished = True
                if line["error"]:
                    raise UnreadableError(line["error"])
                return
        except BrokenPipeError:
            raise UnreadableError(self._death()) from None
        finally:
            if not finished:
                self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(BrokenPipeError):  # what was not sent any more
                    pipe.close()
            self._process = None

    def __del__(self) -> None:
        self.close()

    def _start(self) -> None:
        if self._process is not None:
            return
        descriptor = os.memfd_create("frames")
        try:
            os.ftruncate(descriptor, SLOTS * FRAME_BYTES)
            self._memory = mmap.mmap(descriptor, SLOTS * FRAME_BYTES)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rcnn.video.decoder", str(descriptor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[descriptor],
                start_new_session=True,  # a Ctrl-C is for the run, which then ends its decoders
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
            )
        finally:
            os.close(descriptor)
        self._buffer = b""

    def _send(self, message: dict[str, object]) -> None:
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _line(self, seconds: float) -> dict[str, object]:
        deadline = time.monotonic() + seconds
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise UnreadableError(f"decoding takes too long: nothing came for {seconds:.0f} s")
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise UnreadableError(self._death())
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _death(self) -> str:
        try:
            code = self._process.wait(KILLED_AFTER)
        except subprocess.TimeoutExpired:
            return "the decoder broke off"
        return f"the decoder died of it (signal {-code})" if code < 0 else f"the decoder died of it (exit code {code})"


def _import_path() -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    return [root, *filter(None, [os.environ.get("PYTHONPATH")])]


def slot_frame(memory: mmap.mmap, slot: int) -> np.ndarray:
    """(480, 888, 3) uint8, the memory of a slot."""
    return np.frombuffer(memory, np.uint8, FRAME_BYTES, slot * FRAME_BYTES).reshape(SHAPE)


def serve(requests: IO[bytes], answers: IO[bytes], memory: mmap.mmap) -> None:
    """Answer requests until there are no more."""

    def answer(message: dict[str, object]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    ahead = slot = 0  # frames that were not taken yet; where the next one goes

    def place() -> np.ndarray:
        """The next slot, once it is free."""
        nonlocal ahead
        if ahead == SLOTS:
            if not requests.readline():
                raise SystemExit  # whom the frames were for is gone
            ahead -= 1
        return slot_frame(memory, slot)

    while line := requests.readline():
        request = json.loads(line)
        error = ""
        ahead = slot = 0
        try:
            for number, _ in read_frames(request["path"], request["sampling"], place):
                answer({"frame": number, "slot": slot})
                slot = (slot + 1) % SLOTS
                ahead += 1
        except UnreadableError as caught:
            error = str(caught)
        except MemoryError:
            error = "wants too much memory"
        for _ in range(ahead):
            requests.readline()
        answer({"error": error})


def main() -> None:
    import cv2

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)  # there is a decoder for each core
    memory = mmap.mmap(int(sys.argv[1]), SLOTS * FRAME_BYTES)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print must not do it among the answers
    serve(sys.stdin.buffer, answers, memory)


if __name__ == "__main__":
    main()
