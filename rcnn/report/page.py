"""Renders a report as one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from .. import files
from ..errors import InputError
from ..files.text import printable
from ..tables import OK
from .data import Report
from .groups import GroupsView
from .overview import overview_plots

SCRIPTS = ("script.js", "player.js")
STYLES = ("colours.css", "style.css", "cards.css", "clips.css", "print.css")
BREAKS = re.compile(r"(?<=[_/\\-])(?=.)|(?<=.)(?=\.[^./]*$)", re.DOTALL)


def write_page(path: str, report: Report) -> int:
    """Write the page; returns its size in bytes.

    Raises
    ------
    InputError
        If the file can't be written.
    """
    return _write(path, render(report))


def write_groups_page(path: str, view: GroupsView) -> int:
    """Write a page of groups; returns its size in bytes, and raises as `write_page`."""
    return _write(path, _fill("groups.html", title=view.title, plays=True, view=view))


def _write(path: str, page: str) -> int:
    data = page.encode("utf-8", "replace")
    try:
        files.make_dir(files.parent(path))
        files.write_bytes(path, data)
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror or error}; give --report another file") from None
    return len(data)


def render(report: Report) -> str:
    """The page as text."""
    return _fill("page.html", title=report.title, plays=report.dated, report=report, plots=overview_plots(report))


def _fill(template: str, **values: object) -> str:
    """A template with what it shows, styles and scripts."""
    script, style = (_text(*names) for names in (SCRIPTS, STYLES))
    return environment().get_template(template).render(
        **values,
        style=style,
        script=script,
        # the browser runs no other script, should a name ever get past the escaping
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip


@cache
def _text(*names: str) -> str:
    """Files of this package, concatenated."""
    folder = resources.files(__package__)
    return "\n".join((folder / name).read_text("utf-8") for name in names)


@cache
def environment() -> Environment:
    """The templates. All that they show is escaped and free of control characters, unless it went through `safe`."""
    found = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(broken=broken, data_url=data_url)
    found.globals.update(OK=OK)
    return found


def shown(value: object) -> object:
    """The output of a template's expression: markup as it is, other text with replacement characters for invisible
    ones."""
    if hasattr(value, "__html__"):
        return value
    text = value if type(value) is str else str(value)
    return text if text.isprintable() else printable(text)


def broken(name: str) -> Markup:
    """A file name or a path that may break after a stroke, an underscore or a hyphen, and before the ending."""
    # what escaping puts in has no place to break
    return Markup(BREAKS.sub("<wbr>", str(escape(shown(name)))))


def data_url(jpeg: bytes) -> str:
    """The data URL of an image in the page itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
