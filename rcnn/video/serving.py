"""The process that decodes for a `FrameDecoder`: `python -m rcnn.video.serving MEMORY`, see `messages`."""

from __future__ import annotations

import json
import mmap
import os
import resource
import sys
import time
from fractions import Fraction
from typing import IO, Any

import cv2
import numpy as np

from ..errors import UnreadableError
from .frames import TOO_MUCH, read_frames
from .messages import END, INFO, MEMORY, PROGRESS, READY, SLOTS, frame_message, info_message, send, slot_image
from .planning import plan_cuts

MEMORY_BYTES = 8 << 30  # of address space: a clip that says it is a million pixels wide asks for more
AHEAD_BYTES = 48 << 20  # of frames that are decoded ahead, whatever their number: 8 of 1920x1080
HEARTBEAT = 1.0  # seconds without a frame after which a decoder sends PROGRESS


class Server:
    """Answers requests.

    Parameters
    ----------
    requests, answers : pipes to the process that asks
    memory : SLOTS slots, see `messages`
    limit : bytes of address space of this process
    """

    def __init__(self, requests: IO[bytes], answers: IO[bytes], memory: mmap.mmap, limit: int) -> None:
        self._requests, self._answers, self._memory, self._limit = requests, answers, memory, limit
        self._slot = 0  # where the next frame goes
        self._ahead: list[int] = []  # bytes of the frames that were not taken yet
        self._spoke = 0.0

    def run(self) -> None:
        """Answer requests until there are no more."""
        self._say({"kind": READY})
        while line := self._requests.readline():
            self._answer(json.loads(line))

    def _answer(self, request: dict[str, Any]) -> None:
        self._slot = 0
        self._spoke = time.monotonic()
        end: dict[str, Any] = {"kind": END, "error": ""}
        try:
            if "longest" in request:
                end["cuts"] = plan_cuts(request["path"], request["longest"], self._progress)
            else:
                end["info"] = self._decode(request)
        except UnreadableError as caught:
            error = str(caught)
            if error == TOO_MUCH and self._limit < MEMORY_BYTES:
                error += f"; the environment allows {self._limit / (1 << 30):.1f} GiB of address space (ulimit -v)"
            end["error"] = error
        while self._ahead:
            self._await_taken()
        self._say(end)

    def _decode(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send the frames of a clip; returns what could be read of it."""
        rate = Fraction(request["rate"]) if request["rate"] else None
        piece = request["start"], request["end"]
        frames = read_frames(request["path"], request["sampling"], rate, *piece, self._place, self._progress)
        self._say(info_message(INFO, frames.info))
        for frame in frames:
            self._ahead.append(frame.image.nbytes)
            self._say(frame_message(frame, self._slot))
            self._slot = (self._slot + 1) % SLOTS
        return info_message(INFO, frames.info)

    def _say(self, message: dict[str, Any]) -> None:
        send(self._answers, message)
        self._spoke = time.monotonic()

    def _progress(self) -> None:
        if time.monotonic() - self._spoke > HEARTBEAT:
            self._say({"kind": PROGRESS})

    def _place(self, shape: tuple[int, ...]) -> np.ndarray:
        """The next slot, once it is free."""
        size = shape[0] * shape[1] * shape[2]
        while self._ahead and (len(self._ahead) == SLOTS or sum(self._ahead) + size > AHEAD_BYTES):
            self._await_taken()
        return slot_image(self._memory, self._slot, shape)

    def _await_taken(self) -> None:
        if not self._requests.readline():
            raise SystemExit  # the client is gone
        del self._ahead[0]


def _limited() -> int:
    """Limit the resources of this process; returns the bytes of address space that it may use."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return limit


def main() -> None:
    limit = _limited()
    cv2.setNumThreads(1)  # there is a decoder for each core
    memory = mmap.mmap(int(sys.argv[1]), MEMORY)
    answers = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # libraries that print must not do it among the answers; errors were heard up to here
        os.dup2(silence, descriptor)
    Server(sys.stdin.buffer, answers, memory, limit).run()


if __name__ == "__main__":
    main()
