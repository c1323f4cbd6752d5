"""What a run has besides its tables that may show or name a person: pages, sheets, indexes, logs and other files."""

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
MARK = b"media-src 'self' file:; style-src 'unsafe-inline'"  # near the start of each of our pages
HEAD_BYTES = 2048
RANKED = ("submission.txt", "report.html")  # made by a classifier that is removed
WHO = ("who.csv", "who.json")
LOGS, LOG_ENDING = "log", ".log"
MOST_BYTES = 256 << 20  # of a file to search for names


@dataclass
class Traces:
    """Removes them, and reports what was done, as lines.

    root : of the run
    apart : folders in it that are left alone
    names : that no text may contain: of the person, their clips and files
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
        """Remove all pages, sheets and indexes, because none says whom it shows, and the ranking of a removed
        classifier."""
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
        """Rebuild files of appearances, remove log lines that name the person, and report other files that do.

        Only files with the names used by find and run.sh are changed: others may be the user's own.

        Parameters
        ----------
        table : of appearances; None for none
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
                self.lines.append(f"{path}: names the person, and may be your own file; remove it{again}")

    def names_somebody(self, path: str) -> bool:
        """Whether a file contains one of the names, or has it as its name."""
        if self._named is None or os.path.getsize(path) > MOST_BYTES:
            return False
        if self._named.search(os.fsencode(os.path.relpath(path, self.root))):
            return True
        with open(path, "rb") as file:
            return self._named.search(file.read()) is not None

    def clean_text(self, path: str) -> None:
        """Remove the lines of a text that contain one of the names."""
        if self.names_somebody(path):
            with open(path, "rb") as file:
                lines = file.read().splitlines(keepends=True)
            write_bytes(path, b"".join(line for line in lines if not self._named or not self._named.search(line)))

    def _walk(self) -> Iterator[str]:
        """The files of the run that are not links, except those in `apart`."""
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
    """Whether a page was made by `rcnn.report`."""
    with open(path, "rb") as file:
        return MARK in file.read(HEAD_BYTES)
