"""An output that grows: rows of unchanged clips, merged with rows of clips that are processed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pyarrow as pa

from ..tables import UNREADABLE
from ..tables.kept import Kept

Item = TypeVar("Item")
Result = TypeVar("Result")

# Reasons for an unreadable clip that may be the fault of the machine, a mount or a store, not of the file.
# If no decoder can be started or the store does not answer, the run ends, so that is never a clip's reason.
# Outputs of earlier versions have "is no file".
OF_THE_MACHINE = re.compile(
    r"can't be (read|fetched): |is (no|not a) file$|decoding takes too long: |the decoder (died of it|broke off)"
    r"|(killed|hung) its (decoder|worker) "
)


def failed_for_the_machine(state: str, reason: str) -> bool:
    """Whether an unchanged clip is processed again, by its row in the table of clips."""
    return state == UNREADABLE and OF_THE_MACHINE.match(reason) is not None


@dataclass(frozen=True)
class Copied:
    """Clips that are kept.

    clips : rows of the table of clips
    rows : theirs in the stage's table, to be consumed before the next step
    """

    clips: pa.RecordBatch
    rows: Iterator[pa.RecordBatch]

    @property
    def last(self) -> str:
        """Name of the last clip."""
        name: str = self.clips.column("name")[-1].as_py()
        return name


@dataclass(frozen=True)
class Found(Generic[Item, Result]):
    """Clips that were processed, and the result for each."""

    items: Sequence[Item]
    results: Sequence[Result]


def in_order(
    kept: Kept, found: Iterable[tuple[Sequence[Item], Sequence[Result]]], name_of: Callable[[Item], str]
) -> Iterator[Copied | Found[Item, Result]]:
    """Steps of a run, each with clips that follow those of the previous step."""
    for items, results in found:
        start = 0
        for place, item in enumerate(items):
            for clips, rows in kept.until(name_of(item)):
                if place > start:
                    yield Found(items[start:place], results[start:place])
                    start = place
                yield Copied(clips, rows)
        yield Found(items[start:], results[start:])
    for clips, rows in kept.until():
        yield Copied(clips, rows)
