"""The file of a clip, and whether browsers can play it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Sequence
from urllib.parse import quote

from .. import files
from ..clips.dataset import FOLDERS
from ..errors import InputError
from .found import Media

HEAD = 16  # bytes of a file that identify its container
MP4, MATROSKA, OGG = "mp4", "matroska", "ogg"
PLAYED = {  # codecs, as FFmpeg names them, that browsers play in a container
    MP4: ("h264", "vp9", "av1"),
    MATROSKA: ("vp8", "vp9", "av1"),
    OGG: ("theora", "vp8"),
}


def container(head: bytes) -> str:
    """The container identified by the first bytes of a file; empty if unknown."""
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12, 4.3; mov has it, too
        return MP4
    if head.startswith(b"\x1a\x45\xdf\xa3"):  # RFC 8794, 11.2.1: webm and its parent
        return MATROSKA
    return OGG if head.startswith(b"OggS") else ""  # RFC 3533, 6


class Finder:
    """Finds the files of clips on this disk.

    Parameters
    ----------
    datasets : directories of data sets that may be opened
    page : path of the page, from which addresses start; addresses are left out where it lies in an object store
    """

    def __init__(self, datasets: Sequence[str], page: str) -> None:
        self._page = None if files.is_url(page) else os.path.dirname(os.path.abspath(files.plain(page)))
        self._datasets = [files.plain(path) for path in datasets if not files.is_url(path)]
        self._folders: dict[str, list[str]] = {}

    def find(self, clip: str, split: str, source: str, codec: str) -> Media:
        """The user's own file, if the table has its absolute path and it is a video; else the clip in the data set.

        Parameters
        ----------
        clip, split : of the data set
        source : the user's own file
        codec : of the clip, as FFmpeg names it
        """
        # a source may be a photograph from which the clip was made; a clip is only in its folder
        own = [source] if os.path.isabs(source) and head_of(source) and container(head_of(source)) else []
        there = [os.path.join(folder, clip) for folder in self._of(split)] if os.path.basename(clip) == clip else []
        for path in (*own, *there):
            head = head_of(path)
            if head:
                plays = self._page is not None and codec in PLAYED.get(container(head), ())
                return Media(self._address(path) if plays else "", shlex.quote(path))
        return Media()

    def _of(self, split: str) -> list[str]:
        """The folders of a split."""
        if split not in FOLDERS:
            return []
        if split not in self._folders:
            self._folders[split] = []
            for dataset in self._datasets:
                try:
                    self._folders[split] += files.folders(dataset, FOLDERS[split])
                except (InputError, OSError):
                    continue
        return self._folders[split]

    def _address(self, path: str) -> str:
        assert self._page is not None
        way = os.path.relpath(os.path.abspath(path), self._page).replace(os.sep, "/")
        # a name with a colon would be taken for a scheme
        return quote(way if way.startswith("../") else f"./{way}", errors="surrogateescape")


def head_of(path: str) -> bytes:
    """The first bytes of an ordinary file; none of anything else."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            return b""
        with open(path, "rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError):
        return b""
