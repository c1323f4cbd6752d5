"""What a run has beside its tables that may show or name a person: pages, sheets, indexes, logs and other files."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from .. import files
from ..exports.appearances import write_file
from ..exports.endings import ending_of
from ..files import write_bytes
from ..scores.verdicts import VERDICTS
from .sheets import RECORD, remove_sheets

PAGES = (".html", ".htm")
TEXTS = (".txt", ".log")  # of which the lines that name somebody go
INDEX = ".index"  # behind the name of features
RESULTS = ("submission.txt", "who.csv", "who.json")
MOST_BYTES = 256 << 20  # of a file that is searched for names


@dataclass
class Traces:
    """Removes them, and says what was done, in lines.

    root : of the run
    apart : folders in it that are no business of this
    names : that may not stand in a text: of the person, their clips and files
    """

    root: str
    apart: Collection[str]
    names: Sequence[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        words = sorted({name for name in self.names if name}, key=len, reverse=True)
        forms = dict.fromkeys(form for word in words for form in (word, json.dumps(word)[1:-1], html.escape(word)))
        inner = "|".join(map(re.escape, forms))
        self._named = re.compile(rf"(?<!\w)(?:{inner})(?!\w)".encode()) if words else None

    def remove_pages(self) -> None:
        """Pages, sheets and indexes: all, because none says whom it shows. The ranking is of a classifier that goes."""
        for path in list(self._walk()):
            name = os.path.basename(path)
            if name.lower().endswith(PAGES) or (name == RESULTS[0] and os.path.dirname(path) == self.root):
                files.discard(path)
                self.lines.append(f"{path}: removed")
            elif name == RECORD:
                remove_sheets(os.path.dirname(path))
                files.discard(path)
                self.lines.append(f"{os.path.dirname(path)}: its sheets are removed; preview makes them again")
        for name in sorted(os.listdir(self.root)):
            if name.endswith(INDEX) and os.path.isdir(os.path.join(self.root, name)):
                files.remove_tree(os.path.join(self.root, name))
                self.lines.append(f"{os.path.join(self.root, name)}: the index is removed; make it again")

    def clean(self, table: str | None) -> None:
        """Files of appearances are made anew of the table, lines that name the person leave logs; what is left is said.

        Parameters
        ----------
        table : of appearances; None where there is none
        """
        for path in list(self._walk()):
            if not self.names_somebody(path):
                continue
            if ending_of(path) is not None:
                self._make_anew(path, table)
            elif path.lower().endswith(TEXTS):
                self.clean_text(path)
            if os.path.exists(path) and self.names_somebody(path):
                self.lines.append(f"{path}: still names the person; look at it yourself")

    def names_somebody(self, path: str) -> bool:
        """Whether a file holds one of the names, or is called so."""
        if self._named is None or os.path.getsize(path) > MOST_BYTES:
            return False
        if self._named.search(os.fsencode(os.path.relpath(path, self.root))):
            return True
        with open(path, "rb") as file:
            return self._named.search(file.read()) is not None

    def _make_anew(self, path: str, table: str | None) -> None:
        """A file of appearances; one of several that were written into a folder is removed."""
        files.discard(path)
        if table is None or os.path.dirname(path) != self.root:
            self.lines.append(f"{path}: removed")
        else:
            write_file(table, path, frozenset(VERDICTS[:2]))
            self.lines.append(f"{path}: made anew")

    def clean_text(self, path: str) -> None:
        """Leave out the lines of a text that hold one of the names."""
        assert self._named is not None
        with open(path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        write_bytes(path, b"".join(line for line in lines if not self._named.search(line)))

    def _walk(self) -> Iterator[str]:
        """The files of the run that are no links, but for those apart."""
        folders = [self.root]
        while folders:
            here = folders.pop()
            for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
                if entry.is_symlink() or entry.path in self.apart:
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.is_file():
                    yield entry.path
