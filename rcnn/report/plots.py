"""Positions of bars, lines and ticks of a plot; `templates/plots.html` draws them as SVG, with a table of the
numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

TICKS = 5  # of an axis, about
TABLE_ROWS = 25  # of the table, at most: a longer one is thinned out
GAP = 1.0  # between bars
LEAST_WIDTH = 0.5  # of a bar


@dataclass(frozen=True)
class Area:
    """A drawing and, in it, the edges of the area between the axes; in units of which a line of text is 12 high."""

    width: int = 400
    height: int = 220
    left: int = 46
    right: int = 388
    top: int = 14
    base: int = 182

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


AREA = Area()


@dataclass(frozen=True)
class Axis:
    """An axis: what it shows with its unit, and its range."""

    name: str
    low: float
    high: float

    def share(self, value: float) -> float:
        """Position of a value on the axis, 0..1."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5

    def ticks(self) -> list[float]:
        """Round values on the axis."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        power = 10 ** math.floor(math.log10(span / TICKS))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= span * 0.99)
        first = math.ceil(self.low / step - 1e-9)
        return [round(number * step, 10) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Line:
    """A line through points (x, y), which are values, and in a `Plot` units of the area.

    kind : 0 or 1, for the dashes and the colour
    marked : whether each point has a dot
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: int = 0
    marked: bool = False


@dataclass(frozen=True)
class Bar:
    """A bar: its upper left corner and its size, in units of the area."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Tick:
    """Text at a place on an axis, in units of the area."""

    place: float
    text: str


@dataclass(frozen=True)
class Plot:
    """What is drawn.

    horizontal, vertical : names of the axes
    columns, rows : of the table that has the same numbers
    mark : a vertical line with a name; None if there is none or it is outside the plot
    """

    title: str
    horizontal: str
    vertical: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = ()
    lines: Sequence[Line] = ()
    mark: Tick | None = None
    area: Area = AREA


def bar_plot(
    title: str, edges: Sequence[float], counts: Sequence[int], x: str, y: str, mark: tuple[str, float] | None = None
) -> Plot:
    """A histogram.

    Parameters
    ----------
    edges : of the bars, one more than there are counts
    mark : name and place of a vertical line
    """
    horizontal, vertical = Axis(x, edges[0], edges[-1]), Axis(y, 0, round_above(max(counts, default=0)))
    bars, rows = [], []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, right, top = _x(horizontal, low), _x(horizontal, high), _y(vertical, count)
        bars.append(Bar(left + GAP / 2, top, max(right - left - GAP, LEAST_WIDTH), AREA.base - top))
        rows.append((f"{low:g} to {high:g}", str(count)))
    shown = mark is not None and horizontal.low <= mark[1] <= horizontal.high
    return Plot(
        title, x, y, _x_ticks(horizontal), _y_ticks(vertical), (x, y), rows, bars,
        mark=Tick(_x(horizontal, mark[1]), mark[0]) if mark is not None and shown else None,
    )  # fmt: skip


def line_plot(title: str, lines: Sequence[Line], x: str, vertical: Axis) -> Plot:
    """Lines over a common x."""
    places = sorted({place for line in lines for place, _ in line.points})
    horizontal = Axis(x, places[0], places[-1])
    drawn = [
        replace(line, points=[(_x(horizontal, place), _y(vertical, value)) for place, value in line.points])
        for line in lines
    ]
    values = [dict(line.points) for line in lines]
    rows = [
        (f"{place:g}", *(f"{known[place]:.4g}" if place in known else "" for known in values))
        for place in places[:: math.ceil(len(places) / TABLE_ROWS)]
    ]
    columns = (x, *(line.name for line in lines))
    return Plot(title, x, vertical.name, _x_ticks(horizontal), _y_ticks(vertical), columns, rows, lines=drawn)


def round_above(value: float) -> float:
    """A round number that is not below `value`; 1 at least."""
    if value <= 1:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 2, 3, 4, 5, 6, 8, 10) if power * factor >= value)


def _x(axis: Axis, value: float) -> float:
    return AREA.left + axis.share(value) * (AREA.right - AREA.left)


def _y(axis: Axis, value: float) -> float:
    return AREA.base - axis.share(value) * (AREA.base - AREA.top)


def _x_ticks(axis: Axis) -> list[Tick]:
    return [Tick(_x(axis, value), f"{value:g}") for value in axis.ticks()]


def _y_ticks(axis: Axis) -> list[Tick]:
    return [Tick(_y(axis, value), f"{value:g}") for value in axis.ticks()]
