"""Text never becomes markup, whatever strangers called their clips and people; the templates are complete."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

import rcnn.report
from rcnn.report import Coverage, Entry, Epoch, Person, Qualities, Report, StageRow, render
from rcnn.report.found import Media, SeenClip, Sighting, Sightings, Span
from rcnn.report.made import Made, Model
from rcnn.report.page import broken, environment, shown
from rcnn.report.sureness import Bin, Sureness

PACKAGE = Path(rcnn.report.__file__).parent
TEMPLATES = sorted((PACKAGE / "templates").iterdir())


class Seen(HTMLParser):
    """Tags with their attributes, and texts with the tag before them; a `<wbr>` is passed over."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: set[tuple[str, str]] = set()
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag != "wbr":
            self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags:
            self.texts.add((self.tags[-1][0], data))

    @property
    def structure(self) -> list[tuple[str, list[str]]]:
        return [(tag, list(attributes)) for tag, attributes in self.tags]


def report_with(text: str) -> Report:
    """A report that has a text in each place that shows one."""
    coverage = Coverage(text, {"ok": 2, text: 1}, [(text, text, 1)], 9, 8, Qualities(text, {200: 9}, 0.05, 10.0))
    person = Person(
        1, text, 0.5, 2, 1, 2,
        [Entry(text, 1, 0.9, "wrong", text, b"\xff\xd8"), Entry("a.mp4", 2, 0.8, "right")],
        [Entry(text, note=text)], [b"\xff\xd8"], [(text, 2)],
    )  # fmt: skip
    seen = {
        verdict: [
            Sighting(
                3,
                text,
                text,
                f"folder/{text}",
                verdict,
                [Span(1, 2), Span(3, 4)],
                0,
                1.5,
                0.5,
                0.5,
                1,
                mark,
                text,
                b"\xff\xd8",
                media,
            )
            for media in (Media("./a", text), Media("", text), Media())
        ]
        for verdict, mark in (("yes", "right"), ("maybe", "wrong"), ("no", ""))
    }
    counts = dict.fromkeys(seen, 9)
    return Report(
        text, [text], text, {1: 0.5}, [0.5, 0.25], [1.0, 0.5], [coverage], [Epoch(1, 0.5, 1.0, 0.5)],
        [person, Person(2, text), Person(3, text, sightings=Sightings(seen, counts), missed=[Entry(text, note=text)])],
        4, text, [StageRow(text, text, 1, 2, 3.0)], [text],
        [SeenClip(text, 9.0, [*seen["yes"], *seen["maybe"]], [Span(5, 6)])], 2, {3: text}, [text],
        Sureness(text, [Bin(0.5, 0.5, 1)]), Made(text, text, [text], [Model(text, text, [text])]), [text],
    )  # fmt: skip


PLAIN = Seen(render(report_with("x")))


@settings(deadline=None)  # a page has a hundred places for a text
@given(st.text(min_size=1))
def test_any_text_stays_text(text):
    # the slash would end the directory's name, which the plots show without its path
    seen = Seen(render(report_with(text.replace("/", "|"))))
    assert seen.structure == PLAIN.structure
    visible = "".join(c if c.isprintable() or c in "\u200c\u200d" else "\ufffd" for c in text.replace("/", "|"))
    assert {("title", visible), ("h1", visible), ("li", visible), ("bdi", visible), ("td", visible)} <= seen.texts
    attributes = [(tag, name, value) for tag, named in seen.tags for name, value in named.items()]
    assert ("article", "data-name", visible) in attributes
    assert ("img", "alt", f"face in {visible}") in attributes
    assert ("p", "title", visible) in attributes
    assert ("p", "title", f"folder/{visible}") in attributes
    assert ("p", "data-path", visible) in attributes
    assert ("li", "data-clip", visible) in attributes
    assert ("article", "data-file", f"folder/{visible}") in attributes
    assert all(named["href"][:3] in ("./a", "#la", "#pe", "dat") for _, named in seen.tags if "href" in named)


@pytest.mark.parametrize(
    "text", ["<script>x</script>", '"><img src=x onerror="y">', "</title><b>", "{{ 7 * 7 }}", "&lt;"]
)
def test_markup_in_a_name_is_shown_as_it_is(text):
    page = Seen(render(report_with(text)))
    assert page.structure == PLAIN.structure
    assert ("figcaption", f"Quality of the faces, {text.rpartition('/')[2]}") in page.texts
    assert next(named["data-name"] for tag, named in page.tags if tag == "article") == text


@pytest.mark.parametrize("text", ["a\u202eb", "a\nb", "a\x1b[2Jb", "a\x00b", "a\u2066b", "a\ud800b"])
def test_what_can_not_be_seen_gets_a_mark(text):
    page = render(report_with(text))
    assert text not in page
    assert "a\ufffd" in page


def test_names_can_not_turn_around_their_neighbours():
    page = render(report_with("נועה"))
    assert "<bdi>נועה</bdi>" in page
    # headings, a confusion, a fold; file and folder of 9 sightings and a clip; who is in it; who is absent
    assert page.count("<bdi>") == 3 + 1 + 1 + 2 * 10 + 6 + 1


def test_pictures_lie_in_the_page():
    person = Person(None, "p", entries=[Entry('a"b', picture=b"\xff\xd8")], known=[b"\xff\xd8"])
    page = render(Report("t", people=[person], all_people=1))
    assert '<img src="data:image/jpeg;base64,/9g=" alt="face in a&#34;b" decoding="async">' in page
    assert '<img src="data:image/jpeg;base64,/9g=" alt="" decoding="async">' in page


@pytest.mark.parametrize(
    ("clip", "parts"),
    [
        ("IQIYI_VID-1.mp4", ["IQIYI_", "VID-", "1", ".mp4"]),
        ("a.b.mp4", ["a.b", ".mp4"]),
        ("a_.mp4", ["a_", ".mp4"]),
        (".mp4", [".mp4"]),
        ("a_", ["a_"]),
        ("", [""]),
        ("a b/c.d/e.mp4", ["a b/", "c.d/", "e", ".mp4"]),
        ("<b>-'.x.mp4", ["&lt;b&gt;-", "&#39;.x", ".mp4"]),
    ],
)
def test_lines_may_end_inside_a_file_name(clip, parts):
    assert broken(clip).split("<wbr>") == parts


@given(st.text())
def test_parts_of_a_file_name_make_the_file_name(clip):
    assert broken(clip).replace("<wbr>", "") == escape(shown(clip))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_only_files_and_pictures_of_ours_pass_unescaped(template):
    source = template.read_text()
    unescaped = re.findall(r"(\S+)\s*\|\s*safe", source)
    assert set(unescaped) <= {
        "style",
        "script",
        *(f"{name}|data_url" for name in ("face", "entry.picture", "sighting.picture")),
    }
    assert "autoescape" not in source
    # these make markup of their own, past the mark for what can't be seen
    assert not re.search(r"\|\s*(xmlattr|tojson|urlize|forceescape)", source)


def test_a_name_that_a_template_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ report.no_such_thing }}").render(report=Report("t"))
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ nothing }}").render()


def test_templates_are_installed_with_the_package():
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["rcnn.report"]
    data = [
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert len(data) >= 5
    assert [path for path in data if not any(PurePosixPath(path).match(pattern) for pattern in patterns)] == []
