"""What the name of a file of appearances ends in; nothing heavy is loaded."""

from __future__ import annotations

from ..files import base_name

ENDINGS = CSV, JSON, EDL, OTIO, FCPXML, VTT, SRT = ".csv", ".json", ".edl", ".otio", ".fcpxml", ".vtt", ".srt"


def ending_of(path: str) -> str | None:
    """Which of `ENDINGS` a path or URL ends in, in any case of letters; None for another."""
    name = base_name(path).lower()
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)
