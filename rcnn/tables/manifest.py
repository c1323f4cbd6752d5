"""The manifest of a stage directory, which says how it was made and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from .. import files
from ..errors import InputError
from ..files.json import read_json, reason
from ..files.schema import Count, Digest, Name, checked
from .accounts import Accounts
from .next_steps import first, misplaced
from .schema import FORMAT, KINDS, MANIFEST

Step = Annotated[str, Meta(pattern=r"\A-?[0-9]{1,10}\Z")]  # of a histogram
Rate = Annotated[float, Meta(ge=1e-6, lt=1 << 16)]  # sampled frames per second
Pixels = Annotated[int, Meta(gt=0, lt=1 << 16)]


class Source(Struct):
    """A directory that a stage was made from, and the sha256 of its manifest."""

    path: Name
    manifest: str


class Arguments(Struct):
    """The arguments of a run that other commands use; the manifest has all of them."""

    dataset: Name | None = None
    stage: Name | None = None
    model: Name | None = None
    detector: Name | None = None
    inputs: list[Name] | None = None
    split: tuple[Count, Count] | None = None
    sampling: Count | None = None
    rate: Rate | None = None
    aug: Count | None = None
    image_size: tuple[Pixels, Pixels] | None = None
    quality_threshold: float | None = None
    vectors_of: str | None = None
    recipe: Name | None = None


class Counts(Struct):
    """Counts that not every stage has, and other commands read."""

    faces_seen: Count = 0
    faces_used: Count = 0
    nobody: Count = 0
    classes: Count = 0
    people: Count | None = None
    strangers: Count | None = None
    width: Count = 0
    quality_step: float | None = None
    quality_histogram: dict[Step, Count] | None = None
    quality_quantiles: dict[str, float] | None = None


class Manifest(Struct):
    """The fields of every manifest, except those that no reader needs."""

    arguments: Arguments
    models: dict[Name, str]
    sources: list[Source]
    counts: Counts
    parts: dict[Name, Digest]
    seconds: float
    listing: Digest | None = None
    licences: dict[Name, str] | None = None
    recognised: dict[Name, str] | None = None


def read_manifest(path: str, stages: Sequence[str]) -> dict[str, Any]:
    """The manifest of a complete stage directory; its `stage` is one of `stages`, keys of `KINDS`.

    Raises
    ------
    InputError
        If the directory does not exist, is not complete, is of another stage or a later format, or the manifest is
        damaged.
    """
    scripts = " or ".join(KINDS[stage].script for stage in stages)
    file = files.join(path, MANIFEST)
    if not files.is_dir(path):
        missing = f"there is no such directory; run {first(stages, path)}"
        raise InputError(f"{path}: {misplaced(path, stages) or missing}")
    try:
        manifest = read_json(file)
    except FileNotFoundError:
        again = f"has no {MANIFEST}, so it is not complete; run {first(stages, path)}"
        raise InputError(f"{path}: {misplaced(path, stages) or again}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: can't be read ({reason(error)}); run {scripts} again") from None
    stage = manifest.get("stage") if isinstance(manifest, dict) else None
    if not isinstance(stage, str) or stage not in stages:
        raise InputError(f"{path}: was written by stage {str(stage)[:40]!r}, expected the output of {scripts}")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{path}: has format {str(manifest.get('format'))[:40]!r}, this program reads {FORMAT}; run {scripts} again"
        )
    Accounts.of(manifest.get("counts"), file)  # which gives a clearer message
    if not isinstance(manifest.get("parts"), dict):
        raise InputError(f"{path}: its manifest lists no parts; run {KINDS[stage].script} again")
    try:
        checked(manifest, Manifest)
    except ValueError as error:
        raise InputError(f"{file}: is damaged ({reason(error)}); run {KINDS[stage].script} again") from None
    return manifest
