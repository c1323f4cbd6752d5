"""Whether a stage directory has the bytes that were written."""

from __future__ import annotations

from ..errors import InputError
from ..files import join, relative, sha256
from .reader import StageReader
from .schema import KINDS


def faults(path: str) -> list[str]:
    """What is wrong with a complete stage directory, a line each; empty where nothing is.

    Raises
    ------
    InputError
        If it is no complete stage directory.
    """
    reader = StageReader(path, tuple(KINDS))
    parts = reader.manifest.get("parts")
    if not isinstance(parts, dict):
        raise InputError(f"{path}: its manifest lists no parts; run {KINDS[reader.stage].script} again")
    found = {relative(part, path) for part in reader.parts}
    lines = [f"{name}: is in no manifest" for name in sorted(found - parts.keys())]
    for name, digest in sorted(parts.items()):
        if name not in found:
            lines.append(f"{name}: is missing")
        elif sha256(join(path, name)) != digest:
            lines.append(f"{name}: has other bytes than were written")
    return lines
