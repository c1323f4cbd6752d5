"""The site: `make docs` builds it into docs/_build, without a network and with every warning an error.

Pages are the Markdown files here, which read as well where the code is hosted. Two are made when the site is built, of
the code: what each command takes, and what `from rcnn import ...` gives.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

project = "rcnn"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Finding people in video"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
myst_heading_anchors = 4
autodoc_typehints = "signature"
highlight_language = "text"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
suppress_warnings = ["ref.python"]  # a word like `width` may be of two classes
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
# Pages of the repository that lie beside docs/, and where they stand in the site.
BESIDE = {
    "CONTRIBUTING.md": "project/contributing",
    "CHANGELOG.md": "project/changes",
    "model/README.md": "project/models",
}
SECTIONS = {
    "Tutorials": ("quick-start", "find", "own-data", "official-features", "own-models", "cluster"),
    "How to": (
        "install", "people", "groups", "review", "models", "models-details", "training", "storage", "troubleshooting",
        "faq",
    ),
    "Reference": ("reference/commands", "reference/python", "python", "formats", "files", "appearances"),
    "Explanation": (
        "how-it-works", "verdicts", "ranking", "ranking-appendix", "performance", "scale", "scale-details",
        "reliability", "reliability-details", "privacy", "house",
    ),
    "Project": tuple(BESIDE.values()),
}  # fmt: skip


def commands_page() -> str:
    """A section a command: what `--help` prints."""
    from rcnn import __main__ as program

    parts = ["# Commands", "", "What `--help` prints, of every command."]
    for name in program.COMMANDS:
        text = io.StringIO()
        sys.argv = ["rcnn", name, "--help"]
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            program.main()
        parts += ["", f"## {name}", "", "```text", text.getvalue().strip(), "```"]
    return "\n".join(parts) + "\n"


PYTHON_PAGE = """# Python

What `from rcnn import ...` gives. [Use from Python](../python.md) shows it at work.

```{eval-rst}
.. automodule:: rcnn.api
   :members:
   :imported-members:
```
"""


def in_site(text: str, folder: Path, page: Path) -> str:
    """The text of a file of `folder`, as the source `page` of the site: links lead to pages, or are none.

    Only files of docs/ and those `BESIDE` it have a page.
    """

    def moved(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3] or ""
        path = (folder / target).resolve()
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        if name in BESIDE:
            path = HERE / f"{BESIDE[name]}.md"
        elif not path.is_relative_to(HERE) or not path.is_file():
            return words
        words = "" if words.endswith(".md") else words  # the site says the page's title instead
        return f"[{words}]({os.path.relpath(path, page.parent)}{anchor})"

    return LINK.sub(moved, text)


def make_pages(app: Any) -> None:
    """Write the pages that are made, where they are not there as they are to be."""
    pages = {"reference/commands": commands_page(), "reference/python": PYTHON_PAGE}
    for name, page in BESIDE.items():
        source = ROOT / name
        pages[page] = in_site(source.read_text(), source.parent, HERE / f"{page}.md")
    for name, text in pages.items():
        path = HERE / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def read_page(app: Any, name: str, source: list[str]) -> None:
    """Links of a page as `in_site` has them; the first page gets the sections of the site."""
    page = HERE / f"{name}.md"
    if name not in BESIDE.values():
        source[0] = in_site(source[0], page.parent, page)
    if name == root_doc:
        source[0] += "\n" + "\n".join(
            "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```", ""])
            for title, pages in SECTIONS.items()
        )


FIELD = re.compile(r"^\w+(, \w+)* : ")


def name_fields(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Put a heading over the fields of a dataclass, which stand in its docstring without one."""
    first = next((row for row, line in enumerate(lines) if FIELD.match(line)), None)
    if what == "class" and first is not None and not any(line.startswith("---") for line in lines):
        rest = [
            part
            for line in lines[first:]
            for part in ([line.partition(" : ")[0], f"    {line.partition(' : ')[2]}"] if FIELD.match(line) else [line])
        ]
        lines[first:] = ["Attributes", "----------", *rest]


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", name_fields, priority=400)  # before napoleon
    app.connect("builder-inited", make_pages)
    app.connect("source-read", read_page)
