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
from ..tables.schema import INDEX
from .find_set import SKIPPED_FILE
from .sheets import RECORD, remove_sheets

PAGES = (".html", ".htm")
MARK = b"media-src 'self' file:; style-src 'unsafe-inline'"  # near the beginning of every page of ours
HEAD_BYTES = 2048
RANKED = ("submission.txt", "report.html")  # made by a classifier that goes
WHO = ("who.csv", "who.json")
LOGS, LOG_ENDING = "log", ".log"
MOST_BYTES = 256 << 20  # of a file that is searched for names


@dataclass
class Traces:
    """Removes them, and says what was done, in lines.

    root : of the run
    apart : folders in it that are left alone
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
            if os.path.relpath(path, self.root) in RANKED or (name.lower().endswith(PAGES) and _is_ours(path)):
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
        """Make files of appearances anew, leave out lines of logs that name the person, and say what else does.

        Only what find and run.sh call so is changed: other files may be somebody's own.

        Parameters
        ----------
        table : of appearances; None where there is none
        """
        for path in list(self._walk()):
            place = os.path.relpath(path, self.root)
            if place in WHO:
                if table is None:
                    files.discard(path)
                else:
                    write_file(table, path, frozenset(VERDICTS[:2]))
                self.lines.append(f"{path}: {'removed' if table is None else 'rebuilt'}")
            elif place == SKIPPED_FILE or (os.path.dirname(place) == LOGS and place.endswith(LOG_ENDING)):
                self.clean_text(path)
            elif self.names_somebody(path):
                again = f", or make it again of {table}" if table and ending_of(path) else ""
                self.lines.append(f"{path}: names the person, and may be your own; remove it{again}")

    def names_somebody(self, path: str) -> bool:
        """Whether a file holds one of the names, or is called so."""
        if self._named is None or os.path.getsize(path) > MOST_BYTES:
            return False
        if self._named.search(os.fsencode(os.path.relpath(path, self.root))):
            return True
        with open(path, "rb") as file:
            return self._named.search(file.read()) is not None

    def clean_text(self, path: str) -> None:
        """Leave out the lines of a text that hold one of the names."""
        if self.names_somebody(path):
            with open(path, "rb") as file:
                lines = file.read().splitlines(keepends=True)
            write_bytes(path, b"".join(line for line in lines if not self._named or not self._named.search(line)))

    def _walk(self) -> Iterator[str]:
        """The files of the run that are not links, but for those apart."""
        apart = {os.path.realpath(path) for path in self.apart}
        folders = [self.root]
        while folders:
            here = folders.pop()
            for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
                if entry.is_symlink() or os.path.realpath(entry.path) in apart:
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.is_file():
                    yield entry.path


def _is_ours(path: str) -> bool:
    """Whether a page is one of `rcnn.report`."""
    with open(path, "rb") as file:
        return MARK in file.read(HEAD_BYTES)
