"""File extensions of appearance exports; imports nothing heavy."""

from __future__ import annotations

from ..files import base_name

ENDINGS = CSV, JSON, EDL, OTIO, FCPXML, VTT, SRT = ".csv", ".json", ".edl", ".otio", ".fcpxml", ".vtt", ".srt"


def ending_of(path: str) -> str | None:
    """The one of `ENDINGS` that a path or URL ends in, ignoring case; None if there is none."""
    name = base_name(path).lower()
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)
