"""Plots show what they are given, each at its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.report.page import environment
from rcnn.report.plots import AREA, TABLE_ROWS, Axis, Line, bar_plot, line_plot, round_above


def drawn(plot) -> str:
    return str(environment().get_template("plots.html").module.figure(plot))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_on_the_axis(low, span):
    ticks = Axis("x", low, low + span).ticks()
    assert len(ticks) <= 12
    assert all(low - span * 0.01 <= tick <= low + span * 1.01 for tick in ticks)


def test_an_axis_of_one_value_has_one_tick_in_the_middle():
    plot = line_plot("t", [Line("a", [(3, 0.5)])], "x", Axis("y", 0, 1))
    assert [(tick.place, tick.text) for tick in plot.x_ticks] == [(AREA.middle, "3")]


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (7, 8), (99, 100), (101, 200), (4500, 5000)])
def test_axes_end_at_round_numbers(value, top):
    assert round_above(value) == top


def test_bars_have_the_height_of_their_counts():
    plot = bar_plot("<t>", [0, 1, 2], [10, 5], "x", "y", ("limit", 1.5))
    tall, short = plot.bars
    assert tall.height == pytest.approx(2 * short.height)
    assert (tall.y, tall.y + tall.height, short.y + short.height) == (AREA.top, AREA.base, AREA.base)
    assert plot.rows == [("0 to 1", "10"), ("1 to 2", "5")]  # the numbers, for who can't see the plot
    markup = drawn(plot)
    assert markup.count("<rect") == 2 and markup.count("<tr>") == 3
    assert "&lt;t&gt;" in markup and "<t>" not in markup


@pytest.mark.parametrize(("place", "anchor"), [(0.5, "start"), (1.5, "end"), (2.5, None), (-0.5, None)])
def test_a_mark_has_its_name_on_the_side_with_room(place, anchor):
    markup = drawn(bar_plot("t", [0, 1, 2], [1, 1], "x", "y", ("limit", place)))
    assert ("limit" in markup) == (anchor is not None)  # a mark off the plot is left out
    assert anchor is None or f'text-anchor="{anchor}">limit<' in markup


@pytest.mark.parametrize("points", [[(1, 0.5)], [(1, 0.0), (2, 1.0)], [(x, 0.5) for x in range(1, 101)]])
def test_lines_go_through_their_points(points):
    plot = line_plot("t", [Line("a", points), Line("b", points, 1)], "x", Axis("y", 0, 1))
    assert [len(line.points) for line in plot.lines] == [len(points)] * 2
    heights = [AREA.base - y for _, y in plot.lines[0].points]
    assert heights == pytest.approx([value * (AREA.base - AREA.top) for _, value in points])
    assert len(plot.rows) <= TABLE_ROWS
    markup = drawn(plot)
    assert markup.count("<polyline") == 4  # two of them in the legend
    assert markup.count("<circle") == (2 if len(points) == 1 else 0)


def test_one_line_needs_no_legend():
    assert "legend" not in drawn(line_plot("t", [Line("a", [(1, 1), (2, 1)])], "x", Axis("y", 0, 1)))
