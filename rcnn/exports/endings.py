"""File extensions of appearance exports; imports nothing heavy."""

from __future__ import annotations

import re

from .. import files
from ..errors import InputError

ENDINGS = CSV, JSON, EDL, OTIO, FCPXML, VTT, SRT = ".csv", ".json", ".edl", ".otio", ".fcpxml", ".vtt", ".srt"

FILE_TYPE = re.compile(r".\.(?!v?\d+$)[a-z0-9]{1,6}$", re.IGNORECASE)  # not `out.v2`, `out.2`


def ending_of(path: str) -> str | None:
    """The one of `ENDINGS` that a path or URL ends in, ignoring case; None if there is none."""
    name = files.base_name(path).lower()
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)


def check_ending(path: str) -> None:
    """Refuse an output that is named like a file of another format, which would become a folder.

    Raises
    ------
    InputError
        If the name has such an ending and no folder has this name.
    """
    if ending_of(path) is None and FILE_TYPE.search(files.base_name(path)) and not files.is_dir(path):
        raise InputError(
            f"--output {path}: ends in none of {' '.join(ENDINGS)}; give a file one of these endings, or the folder of "
            "a table a name without an ending"
        )
