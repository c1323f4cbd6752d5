"""The files of the page, part of the package; the colours are the report's. All are read at the start, so no address is
a path."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from .. import report

FOLDER = "static"
COLOURS = "colours.css"  # of the report
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


def read_page() -> dict[str, tuple[bytes, str]]:
    """Bytes and media type of each file, by its name in the folder."""
    colours = (files(report).joinpath(COLOURS).read_bytes(), KINDS[".css"])
    return {**dict(_read(files(__package__).joinpath(FOLDER), "")), COLOURS: colours}


def _read(folder: Traversable, before: str) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for item in folder.iterdir() if folder.is_dir() else ():
        name = f"{before}{item.name}"
        if item.is_dir():
            found += _read(item, f"{name}/")
        elif (kind := KINDS.get(name[name.rfind(".") :])) is not None:
            found.append((name, (item.read_bytes(), kind)))
    return found
