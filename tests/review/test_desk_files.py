"""The files of the page: the colours of the report, and nothing that would make a name into markup."""

from __future__ import annotations

import re

import pytest
from reference_models import ROOT

from rcnn.review.page import COLOURS, read_page

STATIC = ROOT / "rcnn/review/static"
MARKUP = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style=")


def test_the_colours_are_those_of_the_report():
    page = read_page()
    assert page[COLOURS][0] == (ROOT / "rcnn/report" / COLOURS).read_bytes()
    assert f'href="/static/{COLOURS}"' in page["index.html"][0].decode()
    assert [name for name, (text, _) in page.items() if b"--back:" in text] == [COLOURS]


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.*")), ids=lambda path: path.name)
def test_nothing_makes_markup_of_text_or_asks_another_machine(path):
    text = path.read_text()
    assert not [word for word in MARKUP if word in text]
    assert set(re.findall(r"https?://[^\s\"']+", text)) <= {"http://www.w3.org/2000/svg"}


def test_every_file_is_used():
    text = "".join(path.read_text() for path in STATIC.glob("*.*"))
    assert [path.name for path in STATIC.glob("*.*") if f"/{path.name}" not in text] == ["index.html"]
