"""Jobs for the tests, in a module that workers can import."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from patience import wait_for

from rcnn.errors import InputError


@dataclass(frozen=True)
class Doubling:
    """Doubles numbers; notes each attempt in `folder`, dies of some numbers, takes its time.

    kills : numbers that kill the worker, how many times at most
    meets : numbers that wait until so many workers have begun
    hangs : numbers at which a thread hangs in native code, how many times at most
    locks : the same, where native code keeps Python's lock, so that the whole worker hangs
    """

    folder: str
    kills: tuple[tuple[int, int], ...] = ()
    seconds: float = 0.0
    start: str = ""  # "fail" or "die"
    meets: tuple[tuple[int, int], ...] = ()
    hangs: tuple[tuple[int, int], ...] = ()
    locks: tuple[tuple[int, int], ...] = ()

    def build(self, gpu, source=None):
        if self.start == "fail":
            raise InputError("model: is broken; fix it")
        if self.start == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        (Path(self.folder) / f"pid-{os.getpid()}").touch()
        return self

    def __call__(self, items):
        results = []
        for item in items:
            place = Path(self.folder) / f"item-{item}"
            with open(place, "a") as file:
                file.write(f"{os.getpid()}\n")
            tries = len(place.read_text().splitlines())
            if tries <= dict(self.kills).get(item, 0):
                os.kill(os.getpid(), signal.SIGKILL)
            if tries <= dict(self.hangs).get(item, 0):
                ctypes.CDLL(None).pause()
            if tries <= dict(self.locks).get(item, 0):
                ctypes.PyDLL(None).pause()
            wait_for(lambda item=item: len(list(Path(self.folder).glob("pid-*"))) >= dict(self.meets).get(item, 0))
            if item == -1:
                raise InputError("-1: is not a number; remove it")
            time.sleep(self.seconds)
            results.append(2 * item)
        return results

    def decoders(self):
        from rcnn.video.actors import DecodeActor, Decoders

        return DecodeActor, Decoders

    def lost(self, item, reason):
        return reason


class Measuring:
    """Lengths of strings of bytes."""

    def build(self, gpu, source=None):
        return lambda items: [len(item) for item in items]

    def lost(self, item, reason):
        return reason
