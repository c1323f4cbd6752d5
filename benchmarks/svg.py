"""Small plots as SVG, for pages of docs/: readable on light and dark ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 320, 50, 34, 40
COLOURS = ("#8a8f98", "#d08c2e", "#3f86d6", "#2f9e62", "#b45ac1")
STYLE = "text{font:12px sans-serif;fill:#555}line{stroke:#8884}@media(prefers-color-scheme:dark){text{fill:#bbb}}"


def _frame(title: str, marks: Sequence[float], unit: str, keys: Sequence[str], body: str) -> str:
    """Axis with `marks` between 0 and 1 of the height, a legend, and what is drawn."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
    ]
    for mark in marks:
        y = _y(mark / max(marks))
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{mark:g}{unit}</text>')
    x = LEFT
    for index, key in enumerate(keys):
        parts.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{COLOURS[index]}"/>')
        parts.append(f'<text x="{x + 17}" y="18">{escape(key)}</text>')
        x += 32 + 7 * len(key)
    return "".join([*parts, body, "</svg>\n"])


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def bars(title: str, groups: Mapping[str, Sequence[tuple[float, float]]], keys: Sequence[str], top: float) -> str:
    """Groups of bars, each of a value and a spread up and down; `keys` name the bars of a group."""
    room = (WIDTH - LEFT - 10) / len(groups)
    width = room * 0.8 / len(keys)
    parts = []
    for place, (name, values) in enumerate(groups.items()):
        start = LEFT + room * (place + 0.1)
        for index, (value, spread) in enumerate(values):
            x, y = start + index * width, _y(value / top)
            size = f'width="{width - 2:.1f}" height="{_y(0) - y:.1f}"'
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{COLOURS[index]}"/>')
            low, high = _y((value - spread) / top), _y((value + spread) / top)
            middle = x + width / 2 - 1
            parts.append(
                f'<path d="M{middle:.1f} {low:.1f}V{high:.1f}" stroke="#222" stroke-width="1.5" stroke-opacity=".6"/>'
            )
            parts.append(f'<text x="{middle:.1f}" y="{high - 4:.1f}" text-anchor="middle">{value:.0f}</text>')
        parts.append(f'<text x="{start + room * 0.4:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{escape(name)}</text>')
    return _frame(title, [top * part / 4 for part in range(5)], "", keys, "".join(parts))


def lines(title: str, places: Sequence[str], series: Mapping[str, Sequence[float]], top: float, unit: str) -> str:
    """A line a series over places that are evenly apart."""
    step = (WIDTH - LEFT - 60) / max(len(places) - 1, 1)
    parts = []
    for index, values in enumerate(series.values()):
        path = "L".join(f"{LEFT + 20 + at * step:.1f} {_y(value / top):.1f}" for at, value in enumerate(values))
        parts.append(f'<path d="M{path}" fill="none" stroke="{COLOURS[index]}" stroke-width="2.5"/>')
    for at, name in enumerate(places):
        parts.append(
            f'<text x="{LEFT + 20 + at * step:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{escape(name)}</text>'
        )
    return _frame(title, [top * part / 4 for part in range(5)], unit, list(series), "".join(parts))
