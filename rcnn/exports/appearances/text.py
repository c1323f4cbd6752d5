"""Names and sources as text of one line, as names of files, and as URLs."""

from __future__ import annotations

import os
import re
import unicodedata
from urllib.parse import quote

from ...files.text import printable

MOST_BYTES = 120  # of a name of a file; most systems take 255
FORBIDDEN = re.compile(r'[/\\:*?"<>|\0]')  # in a name of a file, somewhere


def one_line(text: str) -> str:
    """The text with a space for each run of white space, and a replacement mark for what can't be seen."""
    return printable(" ".join(text.split()))


def file_stem(text: str) -> str:
    """The text as the name of a file without its ending, on every system."""
    stem = FORBIDDEN.sub("_", one_line(text)).encode()[:MOST_BYTES].decode(errors="ignore").strip(" .")
    return stem or "_"


def source_name(source: str) -> str:
    """The name of a source without its folder, on one line."""
    return one_line(source.rstrip("/").rpartition("/")[2]) or "source"


def media_url(source: str) -> str:
    """The URL of a source; of a path that is not whole, a relative one."""
    if "://" in source:
        return one_line(source)
    return f"file://{quote(source)}" if os.path.isabs(source) else quote(source)


class Unique:
    """Numbers names that came before, in any case of letters: a, A-2, a-3."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def __call__(self, stem: str, most: int | None = None) -> str:
        """The name itself the first time; with a number it has at most so many characters, too."""
        name, number = stem, self._taken.get(_key(stem), 1)
        while _key(name) in self._taken:
            number += 1
            tail = f"-{number}" if most is None else str(number)
            name = f"{stem if most is None else stem[: most - len(tail)]}{tail}"
        self._taken[_key(stem)] = number
        self._taken.setdefault(_key(name), 1)
        return name


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
