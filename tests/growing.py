"""A stage that grows, over clips that are not files: what becomes of a clip depends on what it is known by alone."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rcnn.clips.dataset import Clip
from rcnn.errors import Stopped
from rcnn.tables import FACES_SCHEMA, Listing, StageWriter
from rcnn.tables.faces import ClipFaces

MARKS = ("name", "split", "size")  # of the table of clips


def clip_of(name: str, size: int, split: str = "test") -> Clip:
    return Clip(name, "", split, size)


@dataclass
class Work:
    """What a run did.

    done : names of the clips that it looked at
    kept : what it said of those that it did not look at
    """

    done: list[str] = field(default_factory=list)
    kept: str = ""


def row_of(clip: Clip) -> dict[str, Any]:
    count = clip.size % 4
    state = "unreadable" if clip.size % 5 == 4 else "ok" if count else "no face"
    count = count if state == "ok" else 0
    return {
        "name": clip.name, "split": clip.split, "state": state, "reason": f"size {clip.size}",
        "frames": 9, "faces": count, "size": clip.size, "rejected": [clip.size] * (clip.size % 3),
    }  # fmt: skip


def faces_of(clip: Clip) -> ClipFaces:
    count = row_of(clip)["faces"]
    crops = [hashlib.sha256(f"{clip.name} {clip.size} {clip.split} {face}".encode()).digest() for face in range(count)]
    numbers = np.arange(count, dtype=np.float32)
    return ClipFaces(
        clip,
        np.arange(1, count + 1, dtype=np.int32),
        numbers.astype(np.float64),
        numbers / 10,
        numbers + clip.size,
        np.zeros((count, 4), np.float32),
        np.zeros((count, 5, 2), np.float32),
        crops,
        np.zeros(count, np.int32),
    )


def run(path: Path | str, clips: Sequence[Clip], *, stop_after: int | None = None, **options: Any) -> Work:
    """The whole stage, or as far as a signal after some clips that were looked at lets it come."""
    clips = sorted(clips, key=lambda clip: clip.name)
    work = Work()
    listing = Listing.of(clips)
    with StageWriter(str(path), "detect", FACES_SCHEMA, listing=listing, **options) as writer:
        kept = writer.kept([(clip.name, clip.split, clip.size) for clip in clips], MARKS)
        work.kept = str(kept)

        def copy(until: str | None = None) -> None:
            for some, rows in kept.until(until):
                writer.add_clips(some)
                for batch in rows:
                    writer.add_rows(batch)
                writer.save()

        for clip, known in zip(clips, kept.known, strict=True):
            if known or clip.name <= writer.last_clip:
                continue
            copy(clip.name)
            if len(work.done) == stop_after:
                raise Stopped(15)
            writer.add_clips([row_of(clip)])
            writer.add_rows(faces_of(clip).record(FACES_SCHEMA))
            work.done.append(clip.name)
            writer.save()
        copy()
    return work


def tables(path: Path) -> dict[str, bytes]:
    """Every file of an output but its manifest."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != "manifest.json"
    }


class Killed(BaseException):
    """The process is gone: nothing that it still tries on the disk happens."""


class Death:
    """Ends whatever is done on the disk below a folder before the n-th operation that changes something there."""

    EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "open")

    def __init__(self) -> None:
        self.root = ""
        self.left = -1  # operations; negative for none that ends it
        self.count = 0
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.root or event not in self.EVENTS:
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & 0o3):
            return  # for reading
        path = str(arguments[0])
        if path.endswith("/lock") or not (path.startswith(self.root) or not path.startswith("/")):
            return  # a lock is let go by the system
        self.count += 1
        if 0 <= self.left < self.count:
            raise Killed

    def arm(self, root: Path, after: int) -> None:
        self.root, self.left, self.count = str(root), after, 0

    def disarm(self) -> int:
        """Lets live again; gives how many operations there were."""
        self.root = ""
        return self.count
