"""Text never becomes markup, and plots show what they are given."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.report.markup import Markup, element, join, picture, text
from rcnn.report.plots import Axis, Line, _above, _ticks, bar_plot, line_plot


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list]] = []
        self.data = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.data += data


def parse(markup: str) -> Seen:
    seen = Seen()
    seen.feed(markup)
    seen.close()
    return seen


@given(st.text(), st.text())
def test_any_text_stays_text(name, attribute):
    seen = parse(element("p", name, title=attribute))
    assert [tag for tag, _ in seen.tags] == ["p"]
    assert seen.data == "".join(c if c.isprintable() or c in "\u200c\u200d" else "\ufffd" for c in name)
    assert len(seen.tags[0][1]) == 1


def test_markup_is_not_escaped_twice():
    assert element("p", element("b", "<&>")) == "<p><b>&lt;&amp;&gt;</b></p>"
    assert join("<", Markup("<br>")) == "&lt;<br>"
    assert text("a\u202eb\nc") == "a\ufffdb\ufffdc"


def test_attributes_may_be_left_out():
    assert element("input", class_=None, hidden=True, data_ap=0.5, id="x") == '<input hidden data-ap="0.5" id="x">'


def test_pictures_lie_in_the_page():
    assert picture(b"\xff\xd8", 'a"b') == ('<img src="data:image/jpeg;base64,/9g=" alt="a&quot;b" decoding="async">')


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_on_the_axis(low, span):
    ticks = _ticks(Axis("x", low, low + span))
    assert len(ticks) <= 12
    assert all(low - span * 0.01 <= tick <= low + span * 1.01 for tick in ticks)


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (7, 8), (99, 100), (101, 200), (4500, 5000)])
def test_axes_end_at_round_numbers(value, top):
    assert _above(value) == top


def test_bars_have_the_height_of_their_counts():
    seen = parse(bar_plot("<t>", [0, 1, 2], [10, 5], "x", "y", ("limit", 1.5)))
    heights = [float(dict(attrs)["height"]) for tag, attrs in seen.tags if tag == "rect"]
    assert heights[0] == pytest.approx(2 * heights[1], rel=0.01)
    assert "limit" in seen.data and "<t>" in seen.data
    assert [tag for tag, _ in seen.tags].count("tr") == 3  # the numbers, for who can't see the plot


def test_a_mark_off_the_plot_is_left_out():
    assert "limit" not in parse(bar_plot("t", [0, 1], [1], "x", "y", ("limit", 2.0))).data


@pytest.mark.parametrize("points", [[(1, 0.5)], [(1, 0.0), (2, 1.0)], [(x, 0.5) for x in range(1, 101)]])
def test_lines_go_through_their_points(points):
    seen = parse(line_plot("t", [Line("a", points), Line("b", points, 1)], "x", Axis("y", 0, 1)))
    drawn = [dict(attrs)["points"] for tag, attrs in seen.tags if tag == "polyline" and "samp" not in str(attrs)]
    assert len(drawn[0].split()) == len(points)
    assert [tag for tag, _ in seen.tags].count("tr") <= 26
