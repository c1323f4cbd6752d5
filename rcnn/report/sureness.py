"""The basis of the verdicts of a table of appearances, from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..files.schema import Count, Name, checked

Share = Annotated[float, Meta(ge=0, le=1)]
RECORD = "operating_point"  # key in the manifest


class Bin(Struct):
    """Comparisons with probabilities that are close together.

    predicted : mean of the probabilities
    observed : share that was the person
    count : comparisons
    """

    predicted: Share
    observed: Share
    count: Count


class Record(Struct):
    """The part of an operating point that a page shows."""

    words: Name = ""
    bins: list[Bin] = []


@dataclass(frozen=True)
class Sureness:
    """The certainty of the verdicts.

    words : a sentence about where the thresholds come from; may be empty
    bins : probabilities against what was true, the lowest first; none if nothing was measured
    """

    words: str = ""
    bins: Sequence[Bin] = ()


def read_sureness(manifest: dict[str, Any]) -> Sureness:
    """That of an appearances directory.

    Raises
    ------
    ValueError
        If its record has other types; says where.
    """
    found = manifest.get(RECORD, manifest["counts"].get(RECORD))
    record = checked({} if found is None else found, Record)
    return Sureness(record.words, sorted((bin for bin in record.bins if bin.count), key=lambda b: b.predicted))
