"""Names and sources as single-line text, file names and URLs."""

from __future__ import annotations

import os
import re
import unicodedata
from urllib.parse import quote

from ...files.text import printable

MOST_BYTES = 120  # of a file name; most systems allow 255
FORBIDDEN = re.compile(r'[/\\:*?"<>|\0]')  # in file names on some system


def one_line(text: str) -> str:
    """The text with runs of white space collapsed to a space, and unprintable characters replaced."""
    return printable(" ".join(text.split()))


def file_stem(text: str) -> str:
    """The text as a file name without extension, valid on every system."""
    stem = FORBIDDEN.sub("_", one_line(text)).encode()[:MOST_BYTES].decode(errors="ignore").strip(" .")
    return stem or "_"


def source_name(source: str) -> str:
    """The name of a source without its folder, on one line."""
    return one_line(source.rstrip("/").rpartition("/")[2]) or "source"


def media_url(source: str) -> str:
    """The URL of a source; a relative URL for a relative path."""
    if "://" in source:
        return one_line(source)
    return f"file://{quote(source)}" if os.path.isabs(source) else quote(source)


class Unique:
    """Appends numbers to repeated names, ignoring case: a, A-2, a-3."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def __call__(self, stem: str, most: int | None = None) -> str:
        """The name itself the first time, later with a number; at most `most` characters including the number."""
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
