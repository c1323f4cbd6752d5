"""The people who were forgotten in a data set: `gt_v2/suppressed.csv`, `salt,digest`, a row for each of their names.

Their photographs may still lie in the folder of people, and must not bring them back. No name can be read from the
list, but whoever has a name can test whether it is there. A name that has a label is in use again, so its row does not
count.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..errors import InputError
from ..files.text import printable, read_rows, table_bytes
from .given import person_name
from .layout import LISTS, STAGING

SUPPRESSED_FILE = f"{LISTS}/suppressed.csv"
HEADER = ("salt", "digest")
NAMED = 10  # people in a message
WANTED = "it recognises the people who were forgotten; remove it if all of them may come back"
SALT_BYTES = 16
# scrypt, RFC 7914, with the cost that its section 2 recommends for interactive use: 16 MiB and tens of milliseconds a
# name, so that a list of all names of a country takes long to try
COST, BLOCK, PARALLEL, DIGEST_BYTES = 1 << 14, 8, 1, 32


@dataclass(frozen=True)
class Suppressed:
    """The names of forgotten people.

    salt : of all rows, hexadecimal; empty if there is no row
    digests : of the names, hexadecimal
    """

    salt: str = ""
    digests: frozenset[str] = frozenset()

    @staticmethod
    def read(root: str) -> Suppressed:
        """The list of a data set; empty if it has none.

        Raises
        ------
        InputError
            If it can't be read.
        """
        path = files.join(root, SUPPRESSED_FILE)
        if not files.is_file(path):
            return Suppressed()
        rows = [tuple(row) for _, row in read_rows(path, HEADER, WANTED)]
        if not _is_valid(rows):
            raise InputError(f"{path}: is damaged; {WANTED}")
        return Suppressed(rows[0][0], frozenset(digest for _, digest in rows)) if rows else Suppressed()

    def has(self, name: str) -> bool:
        """Whether a name is that of a forgotten person."""
        return bool(self.digests) and _digest(self.salt, name) in self.digests

    def among(self, people: Iterable[str], labelled: Iterable[str]) -> list[str]:
        """The forgotten among some people, sorted.

        Parameters
        ----------
        labelled : names with a label, as stored in lists
        """
        known = set(labelled) if self.digests else set()
        return sorted(person for person in people if person_name(person) not in known and self.has(person))

    def write(self, root: str) -> None:
        """Write the list into a data set, if it is not empty."""
        if self.digests:
            rows = ((self.salt, digest) for digest in sorted(self.digests))
            files.write_bytes(files.join(root, SUPPRESSED_FILE), table_bytes(HEADER, rows))


def suppress(root: str, names: Iterable[str]) -> None:
    """Add names to the list of a data set; those it has already stay."""
    was = Suppressed.read(root)
    salt = was.salt or secrets.token_hex(SALT_BYTES)
    Suppressed(salt, was.digests | {_digest(salt, name) for name in names}).write(root)


def read_kept(output: Path) -> Suppressed:
    """The list of a data set that is about to be replaced, even if a run ended while it published."""
    was = Suppressed.read(str(output))
    return was if was.digests else Suppressed.read(os.path.join(output, STAGING))


def forgotten_line(people: Sequence[str], folder: str, run: str, last: str) -> str:
    """That forgotten people are left out, where their files lie, and how to take them back.

    Parameters
    ----------
    people : their names
    folder : of people, which contains their files
    run : folder of a run, for the command
    last : what to run after the command
    """
    names = ", ".join(map(printable, people[:NAMED]))
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    add = f"python -m rcnn people add {shlex.quote(people[0])} PHOTOGRAPH --run {run}"
    return (
        f"left out, because they were forgotten: {names}{more}; remove their files from {printable(folder)}, or take "
        f"them back, each with {printable(add)}, then {last}"
    )


def _digest(salt: str, name: str) -> str:
    data = person_name(name).encode()
    made = hashlib.scrypt(data, salt=bytes.fromhex(salt), n=COST, r=BLOCK, p=PARALLEL, dklen=DIGEST_BYTES)
    return made.hex()


def _is_valid(rows: Iterable[tuple[str, ...]]) -> bool:
    salts = set()
    for salt, digest in rows:
        salts.add(salt)
        try:
            sizes = len(bytes.fromhex(salt)), len(bytes.fromhex(digest))
        except ValueError:
            return False
        if sizes != (SALT_BYTES, DIGEST_BYTES):
            return False
    return len(salts) <= 1
