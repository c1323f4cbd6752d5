"""Which clips a run began with, which files they are, and of what size and time, so that a change since is noticed.

Each clip has a sha256 of these, and the digest of a list is the sum of them modulo 2^256: the order does not count, and
the sums of the parts of a job array make that of the whole. It tells accidents, not forgeries. The list itself is kept
beside `progress.json` while a run is under way, to say by name what changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .. import files
from ..clips.dataset import Clip
from ..files.text import printable
from .damage import DAMAGED
from .schema import IDENTITY

LISTING = "listing.parquet"
FILE = (("size", pa.int64()), ("changed", pa.int64()), ("start", pa.float64()), ("end", pa.float64()))
SCHEMA = pa.schema([*IDENTITY, *FILE])
BITS = 256


@dataclass(frozen=True)
class Listing:
    """Clips that a run is of.

    digest : of all of them, hexadecimal
    clips : sorted by name, with sizes and times; none where only the digest is known
    """

    digest: str
    clips: Sequence[Clip] = ()

    @staticmethod
    def of(clips: Sequence[Clip]) -> Listing:
        """The listing of clips that `list_clips` marked."""
        return Listing(_hexadecimal(sum(map(_number, clips))), clips)

    @staticmethod
    def joined(digests: Iterable[str]) -> Listing:
        """The listing of all clips of several lists that have none in common."""
        return Listing(_hexadecimal(sum(int(digest, 16) for digest in digests)))

    def write(self, path: str) -> None:
        """Keep the list in a stage directory."""
        table = self._table()
        files.write_whole(
            files.join(path, LISTING), lambda temporary: pq.write_table(table, temporary, compression="zstd")
        )

    def _table(self) -> pa.Table:
        columns = {field.name: [getattr(clip, field.name) for clip in self.clips] for field in SCHEMA}
        return pa.table(columns, SCHEMA)

    def changes(self, path: str) -> str:
        """In words, what is different from the list that a stage directory keeps; with an example of each kind."""
        try:
            before = pq.read_table(files.open_parquet(files.join(path, LISTING)), partitioning=None)
            before.validate(full=True)
        except DAMAGED:
            return "its list of clips is not the one of then"
        if not before.schema.equals(SCHEMA):
            return "its list of clips is not the one of then"
        return "; ".join(_differences(before, self._table()))

    def without(self, clips: Iterable[Clip]) -> Listing:
        """The listing of the others, where these are among them; only the digest is known."""
        return Listing(_hexadecimal(int(self.digest, 16) - sum(map(_number, clips))))


def _number(clip: Clip) -> int:
    text = "\0".join((clip.name, clip.split, *(str(getattr(clip, name)) for name, _ in FILE)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _hexadecimal(total: int) -> str:
    return f"{total % (1 << BITS):0{BITS // 4}x}"


def _differences(before: pa.Table, now: pa.Table) -> Iterator[str]:
    old, new = ({name: row for row, name in enumerate(table["name"].to_pylist())} for table in (before, now))
    yield from _words(sorted(new.keys() - old.keys()), "is new", "are new")
    yield from _words(sorted(old.keys() - new.keys()), "is gone", "are gone")
    both = sorted(old.keys() & new.keys())
    then, today = (table.take([rows[name] for name in both]) for table, rows in ((before, old), (now, new)))
    yield from _words(_unlike(both, then, today, *(name for name, _ in FILE)), "was replaced", "were replaced")
    yield from _words(_unlike(both, then, today, "split"), "is of another split", "are of another split")


def _unlike(names: list[str], one: pa.Table, other: pa.Table, *columns: str) -> list[str]:
    """Names of the rows that differ in a column."""
    differ = np.zeros(len(names), bool)
    for column in columns:
        differ |= one[column].to_numpy() != other[column].to_numpy()
    return [names[row] for row in np.flatnonzero(differ)]


def _words(names: list[str], of_one: str, of_many: str) -> Iterator[str]:
    if len(names) == 1:
        yield f"{printable(names[0])!r} {of_one}"
    elif names:
        yield f"{len(names)} clips {of_many}, {printable(names[0])!r} for one"
