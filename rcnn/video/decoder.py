"""Decodes in a separate process, so that a crash or a hang costs one clip and not the run."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from ..config import config
from ..errors import InputError, UnreadableError
from ..files import fetched
from ..workers.awake import AwakeClock
from ..workers.life import beat
from .messages import END, FRAME, INFO, MEMORY, PROGRESS, READY, TAKEN, read_frame, read_info, send
from .types import FrameItems, Frames

KILLED_AFTER = 5.0  # seconds within which a decoder must end by itself
LOOK_SECONDS = 1.0  # between checks of the clock while nothing arrives
START_SECONDS = 120.0  # within which it must start: Python and its libraries may be on a slow disk
# One thread per core in each library of each decoder would need more address space than batch systems may allow
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class FrameDecoder:
    """Reads clips, one at a time, with a process that is restarted when necessary.

    Not thread-safe.

    Parameters
    ----------
    stall_seconds : longest time without a frame and without progress towards one
    """

    def __init__(self, stall_seconds: float = config.DECODE.STALL_SECONDS) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._film = ExitStack()  # the film whose pieces are being read: it is fetched once
        self._film_path = self._film_file = ""
        self.stall_seconds = stall_seconds
        self._buffer = b""

    def read_frames(
        self, path: str, sampling: int = 1, rate: Fraction | int | None = None, start: float = 0.0, end: float = 0.0
    ) -> Frames:
        """See `frames.read_frames`. A frame's memory is reused once the next one is requested.

        Raises
        ------
        UnreadableError
            Also if the clip crashes the decoder or takes too long, or can't be fetched from its store.
        StoreError
            If the store does not answer.
        InputError
            If no decoder can be started.
        """
        looks = {"sampling": sampling, "rate": "" if rate is None else str(Fraction(rate))}
        return Frames(self._frames(path, {**looks, "start": start, "end": end}))

    def plan_cuts(self, path: str, longest: float) -> list[float]:
        """See `planning.plan_cuts`, and `read_frames` for errors."""
        (end,) = self._answers(path, {"longest": longest})
        return end["cuts"]

    def _frames(self, path: str, request: dict[str, Any]) -> FrameItems:
        with closing(self._answers(path, request)) as answers:
            for message in answers:
                if message["kind"] == FRAME:
                    yield read_frame(message, self._memory)
                    self._send(TAKEN)
                elif message["kind"] == INFO:
                    yield read_info(message)
        return read_info(message["info"])

    def _answers(self, path: str, request: dict[str, Any]) -> Generator[dict[str, Any]]:
        """The answers of the process to a request about a file, except its progress; the last message is END."""
        is_piece = bool(request.get("start") or request.get("end"))
        with ExitStack() as stack:
            file = self._fetch(path, self._film if is_piece else stack)
            self._start()
            finished = False
            try:
                self._send({"path": file, **request})
                while not finished:
                    message = self._line(self.stall_seconds)
                    finished = message["kind"] == END
                    if finished and message["error"]:
                        raise UnreadableError(message["error"])
                    if message["kind"] != PROGRESS:
                        yield message
            finally:
                if not finished:
                    self.close()

    def _fetch(self, path: str, owner: ExitStack) -> str:
        """The path of a file on disk, valid until `owner` ends it; the film of the previous piece is kept."""
        if owner is self._film:
            if path == self._film_path:
                return self._film_file
            self._forget()
        try:
            file = owner.enter_context(fetched(path, beat))
        except FileNotFoundError:
            raise UnreadableError("is not a file") from None
        except OSError as error:
            raise UnreadableError(str(error)) from None
        if owner is self._film:
            self._film_path, self._film_file = path, file
        return file

    def _forget(self) -> None:
        self._film.close()
        self._film_path = self._film_file = ""

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                with contextlib.suppress(BrokenPipeError):  # unsent data
                    pipe.close()
            self._process = None

    def __del__(self) -> None:
        self.close()
        self._forget()

    def _start(self) -> None:
        if self._process is not None:
            return
        self._buffer = b""
        try:
            self._launch()
        except OSError as error:  # also if memory for the frames is refused
            self.close()
            raise InputError(f"a decoder process can't be started: {error.strerror or error}; {REMEDY}") from None

    def _launch(self) -> None:
        descriptor = os.memfd_create("frames")
        try:
            os.ftruncate(descriptor, MEMORY)
            self._memory = mmap.mmap(descriptor, MEMORY)
            with tempfile.TemporaryFile() as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "rcnn.video.serving", str(descriptor)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=[descriptor],
                    start_new_session=True,  # Ctrl-C is for the run, which then ends its decoders
                    env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(_import_path())},
                )
                try:
                    assert self._line(START_SECONDS)["kind"] == READY
                except UnreadableError as error:
                    errors.seek(0)
                    said = errors.read().decode(errors="replace").strip().splitlines()
                    raise OSError(said[-1][:200] if said else str(error)) from None
        finally:
            os.close(descriptor)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """Into the process, and out of it."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _send(self, message: dict[str, Any]) -> None:
        try:
            send(self._pipes()[0], message)
        except BrokenPipeError:
            raise UnreadableError(self._death()) from None

    def _line(self, seconds: float) -> dict[str, Any]:
        clock = AwakeClock()
        descriptor = self._pipes()[1].fileno()
        while b"\n" not in self._buffer:
            left = seconds - clock.read()
            if left <= 0:
                raise UnreadableError(f"decoding takes too long: nothing came for {seconds:.0f} s")
            if not select.select([descriptor], [], [], min(left, LOOK_SECONDS))[0]:
                continue
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise UnreadableError(self._death())
            self._buffer += data
        beat()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def _death(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(KILLED_AFTER)
        except subprocess.TimeoutExpired:
            return "the decoder broke off"
        return f"the decoder died of it (signal {-code})" if code < 0 else f"the decoder died of it (exit code {code})"


REMEDY = "give it more address space (ulimit -v, at least 2 GiB for each decoder) or use fewer --workers"


def _import_path() -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    return [root, *filter(None, [os.environ.get("PYTHONPATH")])]
