"""Result tables for docs/ranking.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from .draws import folder_name
from .render import LEVELS

Values = Mapping[str, Mapping[str, Sequence[float]]]  # by method and level, one per draw


def read_results(folder: Path, side: str, models: str, figure: str, draws: Sequence[int]) -> Values:
    """A figure for all draws, of the methods measured in all draws and levels."""
    found: dict[str, dict[str, list[float]]] = {}
    for level in LEVELS:
        for number in draws:
            path = folder / "results" / side / models / f"{number}-{folder_name(level)}.json"
            for method, figures in (json.loads(path.read_text()) if path.exists() else {}).items():
                if figure in figures:
                    found.setdefault(method, {}).setdefault(level, []).append(figures[figure])
    return {
        method: levels
        for method, levels in found.items()
        if levels.keys() == set(LEVELS) and all(len(values) == len(draws) for values in levels.values())
    }


def spread(values: Sequence[float], sign: str = "") -> str:
    """Mean and standard deviation."""
    return f"{mean(values):{sign}.1f} ± {stdev(values) if len(values) > 1 else 0:.1f}"


def differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Differences per draw.

    Raises
    ------
    ValueError
        If the numbers of draws differ.
    """
    return [a - b for a, b in zip(one, other, strict=True)]


def table(values: Values, methods: Sequence[str] | None = None) -> Iterator[str]:
    """Lines of Markdown: one row per method, one column per level."""
    yield f"| | {' | '.join(LEVELS)} |"
    yield f"| --- |{' ---: |' * len(LEVELS)}"
    for method in methods or values:
        if method in values:
            yield f"| {method} | {' | '.join(spread(values[method][level]) for level in LEVELS)} |"


def paired(values: Values, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Lines of Markdown: paired differences per draw, with their minimum."""
    yield f"| | {' | '.join(LEVELS)} |"
    yield f"| --- |{' ---: |' * len(LEVELS)}"
    for one, other in pairs:
        if one in values and other in values:
            cells = []
            for level in LEVELS:
                found = differences(values[one][level], values[other][level])
                cells.append(f"{spread(found, '+')}, least {min(found):+.1f}")
            yield f"| {one} less {other} | {' | '.join(cells)} |"
