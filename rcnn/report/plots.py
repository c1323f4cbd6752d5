"""Plots as SVG that lies in the page: bars and lines, with a table of the same numbers for who can't see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .markup import Markup, element, join

WIDTH, HEIGHT = 400, 220  # of the drawing, in its own units; text is 12 of them high
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 38  # margins, which hold the axes
TICKS = 5  # of an axis, about
TABLE_ROWS = 25  # of the table, at most: a longer one is thinned out


@dataclass(frozen=True)
class Line:
    """A line of a plot: (x, y) points; `kind` 0, 1 chooses how it is drawn, by dashes and by colour."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: int = 0


@dataclass(frozen=True)
class Axis:
    """An axis: what it shows with its unit, and its range."""

    name: str
    low: float
    high: float


def bar_plot(
    title: str, edges: Sequence[float], counts: Sequence[int], x: str, y: str, mark: tuple[str, float] | None = None
) -> Markup:
    """A histogram.

    Parameters
    ----------
    edges : of the bars, one more than there are counts
    mark : name and place of a vertical line
    """
    frame = _Frame(Axis(x, edges[0], edges[-1]), Axis(y, 0, _above(max(counts, default=0))))
    bars = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, right, top = frame.x(low), frame.x(high), frame.y(count)
        bars.append(
            element("rect", x=f"{left + 0.5:.1f}", y=f"{top:.1f}", width=f"{max(right - left - 1, 0.5):.1f}",
                    height=f"{frame.y(0) - top:.1f}", class_="bar")
        )  # fmt: skip
    marks = _mark(frame, *mark) if mark else Markup()
    rows = [(f"{low:g} to {high:g}", str(count)) for low, high, count in zip(edges, edges[1:], counts, strict=False)]
    return _figure(title, frame, join(*bars, marks), (x, y), rows, Markup())


def line_plot(title: str, lines: Sequence[Line], x: str, y: Axis) -> Markup:
    """Lines over a common x."""
    places = [point[0] for line in lines for point in line.points]
    frame = _Frame(Axis(x, min(places), max(places)), y)
    drawn = []
    for line in lines:
        points = " ".join(f"{frame.x(px):.1f},{frame.y(py):.1f}" for px, py in line.points)
        drawn.append(element("polyline", points=points, class_=f"line kind{line.kind}"))
        if len(line.points) == 1:
            drawn.append(element("circle", cx=f"{frame.x(places[0]):.1f}", cy=f"{frame.y(line.points[0][1]):.1f}", r=3))
    xs = sorted(set(places))
    values = [dict(line.points) for line in lines]
    rows = [
        (f"{place:g}", *(f"{known[place]:.4g}" if place in known else "" for known in values))
        for place in xs[:: math.ceil(len(xs) / TABLE_ROWS)]
    ]
    return _figure(title, frame, join(*drawn), (x, *(line.name for line in lines)), rows, _legend(lines))


class _Frame:
    """From values to places in the drawing."""

    def __init__(self, horizontal: Axis, vertical: Axis) -> None:
        self.horizontal, self.vertical = horizontal, vertical

    def x(self, value: float) -> float:
        return LEFT + _share(value, self.horizontal) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - _share(value, self.vertical) * (HEIGHT - TOP - BOTTOM)

    def draw(self) -> Markup:
        parts = []
        for value in _ticks(self.vertical):
            y = f"{self.y(value):.1f}"
            parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
            parts.append(element("text", f"{value:g}", x=LEFT - 6, y=y, dy="0.35em", text_anchor="end"))
        for value in _ticks(self.horizontal):
            x = f"{self.x(value):.1f}"
            parts.append(element("text", f"{value:g}", x=x, y=HEIGHT - BOTTOM + 16, text_anchor="middle"))
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(element("text", self.horizontal.name, x=middle, y=HEIGHT - 5, text_anchor="middle"))
        base = f"{self.y(self.vertical.low):.1f}"
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=base, y2=base, class_="axis"))
        return join(*parts)


def _share(value: float, axis: Axis) -> float:
    return (value - axis.low) / (axis.high - axis.low) if axis.high > axis.low else 0.5


def _ticks(axis: Axis) -> list[float]:
    """Round values on an axis."""
    span = axis.high - axis.low
    if span <= 0:
        return [axis.low]
    power = 10 ** math.floor(math.log10(span / TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= span * 0.99)
    first = math.ceil(axis.low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(axis.high / step + 1e-9) + 1)]


def _above(value: float) -> float:
    """A round number that is not below `value`; 1 at least."""
    if value <= 1:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 2, 3, 4, 5, 6, 8, 10) if power * factor >= value)


def _mark(frame: _Frame, name: str, value: float) -> Markup:
    if not frame.horizontal.low <= value <= frame.horizontal.high:
        return Markup()
    x = frame.x(value)
    right = x > WIDTH / 2  # the name goes to the side with more room
    return join(
        element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=TOP - 8, y2=HEIGHT - BOTTOM, class_="mark"),
        element("text", name, x=f"{x + (-5 if right else 5):.1f}", y=TOP, class_="mark-name",
                text_anchor="end" if right else "start"),
    )  # fmt: skip


def _legend(lines: Sequence[Line]) -> Markup:
    items = []
    for line in lines:
        sample = element("polyline", points="0,5 28,5", class_=f"line kind{line.kind}")
        items.append(
            element("li", element("svg", sample, viewBox="0 0 28 10", class_="sample", aria_hidden="true"), line.name)
        )
    return element("ul", *items, class_="legend") if len(lines) > 1 else Markup()


def _figure(
    title: str, frame: _Frame, drawing: Markup, columns: Sequence[str], rows: Sequence[Sequence[str]], legend: Markup
) -> Markup:
    picture = element(
        "svg", join(frame.draw(), drawing), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
        aria_label=f"{title}. The table below has the numbers.",
    )  # fmt: skip
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    # a caption for the vertical axis stands over the plot: turned text is hard to read
    axis = element("p", frame.vertical.name, class_="axis-name")
    table = element("table", element("thead", head), element("tbody", *body))
    numbers = element("details", element("summary", "Numbers"), element("div", table, class_="scroll", tabindex=0,
                      role="region", aria_label=f"Numbers of: {title}"))  # fmt: skip
    return element("figure", element("figcaption", title), axis, picture, legend, numbers)
