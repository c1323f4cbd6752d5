"""The manifest of a stage directory, which says how it was made and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import files
from ..errors import InputError
from ..files.json import read_json
from .schema import FORMAT, KINDS, MANIFEST


def read_manifest(path: str, stages: Sequence[str]) -> dict[str, Any]:
    """The manifest of a complete stage directory; its `stage` is one of `stages`, keys of `KINDS`.

    Raises
    ------
    InputError
        If the directory is not there, not complete, of another stage or of a later format.
    """
    scripts = " or ".join(KINDS[stage].script for stage in stages)
    file = files.join(path, MANIFEST)
    if not files.is_dir(path):
        raise InputError(f"{path}: there is no such directory; run {scripts} first")
    try:
        manifest = read_json(file)
    except FileNotFoundError:
        raise InputError(f"{path}: has no {MANIFEST}, so it is not complete; run {scripts} again") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: can't be read ({error}); run {scripts} again") from None
    stage = manifest.get("stage") if isinstance(manifest, dict) else None
    if not isinstance(stage, str) or stage not in stages:
        raise InputError(f"{path}: was written by stage {str(stage)[:40]!r}, wanted is the output of {scripts}")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{path}: has format {str(manifest.get('format'))[:40]!r}, this program reads {FORMAT}; run {scripts} again"
        )
    return manifest


def part_sums(manifest: dict[str, Any], path: str, stage: str) -> dict[str, str]:
    """sha256 of each part by `TABLE/PART`; raises InputError where a manifest lists none."""
    sums = manifest.get("parts")
    if not isinstance(sums, dict):
        raise InputError(f"{path}: its manifest lists no parts; run {KINDS[stage].script} again")
    return sums
