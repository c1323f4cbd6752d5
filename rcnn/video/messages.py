"""The protocol between a decoder process and its client: JSON lines over pipes.

The decoder starts with READY. A request for frames is answered with INFO, then a FRAME for each sampled frame and a
PROGRESS now and then, then END; one for cuts with PROGRESS and END only. A frame is in a slot of shared memory; every
FRAME is answered by TAKEN, and its slot is then reused.
"""

from __future__ import annotations

import json
import mmap
from dataclasses import asdict
from fractions import Fraction
from typing import IO, Any

import numpy as np

from ..config import config
from .types import Frame, VideoInfo

READY, INFO, FRAME, PROGRESS, END = "ready", "info", "frame", "progress", "end"
TAKEN: dict[str, Any] = {}
SLOTS = 16  # frames decoded ahead: more than in a detection batch
SLOT_BYTES = config.FRAME.LONGEST**2 * 3  # of address space; pages that no frame was put into take no memory
MEMORY = SLOTS * SLOT_BYTES


def send(pipe: IO[bytes], message: dict[str, Any]) -> None:
    """Send a message and flush."""
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


def slot_image(memory: mmap.mmap, slot: int, shape: tuple[int, ...]) -> np.ndarray:
    """An array (h, w, 3) uint8 in the memory of a slot."""
    height, width, channels = shape
    size = height * width * channels
    return np.frombuffer(memory, np.uint8, size, slot * SLOT_BYTES).reshape(shape)


def info_message(kind: str, info: VideoInfo) -> dict[str, Any]:
    return {"kind": kind, **asdict(info), "rate": str(info.rate)}


def read_info(message: dict[str, Any]) -> VideoInfo:
    """The inverse of `info_message`."""
    fields = {name: value for name, value in message.items() if name != "kind"}
    return VideoInfo(**{**fields, "rate": Fraction(fields["rate"])})


def frame_message(frame: Frame, slot: int) -> dict[str, Any]:
    return {
        "kind": FRAME, "number": frame.number, "time": frame.time, "slot": slot, "shape": frame.image.shape,
        "width": frame.width, "height": frame.height,
    }  # fmt: skip


def read_frame(message: dict[str, Any], memory: mmap.mmap) -> Frame:
    """The inverse of `frame_message`; its image lies in the shared memory."""
    image = slot_image(memory, message["slot"], tuple(message["shape"]))
    return Frame(message["number"], message["time"], image, message["width"], message["height"])
