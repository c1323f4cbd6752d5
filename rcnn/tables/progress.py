"""The progress of a run, `progress.json`: its header, and where it can resume."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from .. import files
from ..errors import InputError
from ..files.json import read_json, reason
from ..files.schema import Count, Digest
from .manifest import Step
from .schema import PROGRESS

Part = Annotated[str, Meta(pattern=r"\Apart-[0-9]{5,10}\.parquet\Z")]


class SavedTable(Struct):
    """A table that grows.

    sums : sha256 of its full parts, by name
    rows, bytes : of the part that is not full
    digest : sha256 of that part; empty if it has no row
    last : greatest name
    total : rows of all parts
    """

    sums: dict[Part, Digest]
    rows: Count
    bytes: Count
    digest: str
    last: str
    total: Count


class Progress(Struct):
    """What a run needs to resume.

    header : its inputs and arguments at the start
    rows, clips : its two tables
    states : numbers of clips
    state : of the stage itself
    before : sha256 of the manifests of `DIR/before/` that it copies rows from, see `rcnn.tables.before`
    """

    header: dict[str, Any]
    rows: SavedTable
    clips: SavedTable
    states: dict[str, Count]
    state: dict[str, Count | dict[Step, Count]]
    before: list[Digest] = []


def read_progress(path: str) -> Progress | None:
    """The progress of a stage directory; None if there is none.

    Raises
    ------
    InputError
        If it can't be read or is not valid.
    """
    file = files.join(path, PROGRESS)
    try:
        return read_json(file, Progress)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: can't be read ({reason(error)}); give --overwrite to start again") from None
