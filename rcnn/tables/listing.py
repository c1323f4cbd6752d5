"""The clips that a run started with, with the paths, sizes and times of their files, so that changes are noticed.

Each clip has a sha256 of these, and the digest of a list is the sum of them modulo 2^256: the order does not matter,
and the sums of the parts of a job array add up to that of the whole. It detects accidents, not forgeries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..clips.dataset import Clip, source_of

FILE = ("size", "changed", "start", "end")  # of a clip
BITS = 256


@dataclass(frozen=True)
class Listing:
    """The clips of a run.

    digest : of all of them, hexadecimal
    clips : sorted by name, with sizes and times; none where only the digest is known
    """

    digest: str
    clips: Sequence[Clip] = ()

    @staticmethod
    def of(clips: Sequence[Clip], root: str = "") -> Listing:
        """The listing of clips that `list_clips` marked.

        Parameters
        ----------
        root : directory of the data set, which may be moved with its clips; without it paths are used as they are
        """
        return Listing(_hexadecimal(sum(_number(clip, root) for clip in clips)), clips)

    @staticmethod
    def joined(digests: Iterable[str]) -> Listing:
        """The listing of all clips of several disjoint lists."""
        return Listing(_hexadecimal(sum(int(digest, 16) for digest in digests)))

    def without(self, clips: Iterable[Clip]) -> Listing:
        """The listing without some of its clips; only its digest is known.

        Parameters
        ----------
        clips : whose paths are their `source` in a table of clips
        """
        return Listing(_hexadecimal(int(self.digest, 16) - sum(_number(clip, "") for clip in clips)))


def _number(clip: Clip, root: str) -> int:
    source = source_of(clip, root) if root else clip.path
    text = "\0".join((clip.name, clip.split, source, *(str(getattr(clip, name)) for name in FILE)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _hexadecimal(total: int) -> str:
    return f"{total % (1 << BITS):0{BITS // 4}x}"
