"""The file of a clip, and how a browser can show it. Names of clips are looked up, never used as a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .. import files
from ..report.media import PLAYED, container, head_of
from .tracks import SeenClip

GONE = "the file is gone"
FAR = "the file is in an object store, and can't be played"
STILL = "it is a photograph"
TYPES = {"mp4": "video/mp4", "matroska": "video/webm", "ogg": "video/ogg"}


class Places:
    """The files of clips.

    Parameters
    ----------
    clips : of the run
    paths : of their files, as the data set says
    """

    def __init__(self, clips: tuple[SeenClip, ...], paths: Mapping[str, str]) -> None:
        self._clips = {clip.name: clip for clip in clips}
        self._paths = paths

    def clip(self, name: str) -> SeenClip | None:
        """A clip of the run; None if it has none with that name."""
        return self._clips.get(name)

    def path(self, name: str) -> str | None:
        """The file of a clip, if it exists now and is an ordinary file on this disk."""
        path = self._paths.get(name) if name in self._clips else None
        return path if path is not None and not files.is_url(path) and head_of(files.plain(path)) else None

    def why_not(self, name: str) -> str:
        """Why the file of a clip can't be shown; empty if it can."""
        path = self._paths.get(name, "")
        if files.is_url(path):
            return FAR
        return "" if self.path(name) is not None else GONE

    def kind(self, name: str) -> str:
        """The media type of a clip's file; empty for a file that is in no container that browsers know."""
        path = self.path(name)
        return "" if path is None else TYPES.get(container(head_of(files.plain(path))), "")

    def plays(self, name: str) -> dict[str, Any]:
        """How a browser plays a clip: `plays`, an address or None; and `why` not, or empty."""
        clip, why = self._clips[name], self.why_not(name)
        if why or clip.is_still:
            return {"plays": None, "why": why or STILL}
        path = self.path(name)
        assert path is not None
        way = "video" if clip.codec in PLAYED.get(container(head_of(files.plain(path))), ()) else "play"
        return {"plays": f"/{way}/{quote(name, safe='')}", "why": ""}
