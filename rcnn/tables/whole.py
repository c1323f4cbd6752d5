"""Checks that a stage directory has the bytes that were written."""

from __future__ import annotations

from ..files import join, sha256
from .manifest import read_manifest
from .parts import differences, parts_there
from .schema import KINDS


def faults(path: str) -> list[str]:
    """The faults of a complete stage directory, one per line; empty if there are none.

    Raises
    ------
    InputError
        If it is not a complete stage directory.
    """
    manifest = read_manifest(path, tuple(KINDS))
    sums = manifest["parts"]
    there = parts_there(path, manifest["stage"])
    lines = [f"{name}: {why}" for name, why in differences(there, sums)]
    for table, names in there.items():
        for name in (f"{table}/{part}" for part in names):
            if name in sums and sha256(join(path, name)) != sums[name]:
                lines.append(f"{name}: has other bytes than were written")
    return lines
