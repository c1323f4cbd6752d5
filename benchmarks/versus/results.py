"""Results, saved to a file after each run, and the rows of the table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Run:
    """One run of a contender.

    seconds, cpu_seconds : from start to vectors
    mb : 10^6 bytes, peak of all its processes
    looks, faces : numbers of sampled frames and faces
    found_too, more, cosine : see benchmarks/peers.py; of ours about 1, 0, 1
    answer_seconds : from start to ranking; None without a ranking
    right : share of the people whose first clip shows them; None without a ranking
    """

    seconds: float
    cpu_seconds: float
    mb: float
    looks: int
    faces: int
    found_too: float
    more: int
    cosine: float
    answer_seconds: float | None
    right: float | None


class Results:
    """Runs by key, in a JSON file.

    Parameters
    ----------
    path : of the file
    overwrite : whether to start over
    """

    def __init__(self, path: Path, overwrite: bool = False) -> None:
        self.path = path
        self.runs: dict[str, Run] = {}
        if path.exists() and not overwrite:
            content = json.loads(path.read_text(encoding="utf-8"))
            self.runs = {key: Run(**values) for key, values in content.items()}

    def add(self, key: str, run: Run) -> None:
        """Save a run atomically."""
        self.runs[key] = run
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({key: asdict(each) for key, each in self.runs.items()}, indent=1), encoding="utf-8")
        os.replace(part, self.path)


def row(name: str, runs: Mapping[int, Run], base: Mapping[int, Run]) -> dict[str, Any]:
    """A row of the table: medians over the turns, and medians of per-turn ratios to ours.

    Parameters
    ----------
    runs, base : of the contender and of ours, by turn
    """

    def middle(field: str) -> float | None:
        values = [getattr(run, field) for run in runs.values()]
        return None if None in values else median(values)

    def shown(field: str, form: str) -> str | None:
        value = middle(field)
        return None if value is None else format(value, form)

    def ratio(field: str) -> str | None:
        pairs = [(getattr(runs[turn], field), getattr(base[turn], field)) for turn in runs.keys() & base.keys()]
        ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
        return f"{median(ratios):.2f}" if ratios else None

    return {
        "contender": name,
        "turns": len(runs),
        "seconds": shown("seconds", ".1f"),
        "ratio": ratio("seconds"),
        "CPU s": shown("cpu_seconds", ".1f"),
        "CPU ratio": ratio("cpu_seconds"),
        "MB": shown("mb", ".0f"),
        "MB ratio": ratio("mb"),
        "looks": shown("looks", ".0f"),
        "faces": shown("faces", ".0f"),
        "found too": shown("found_too", ".1%"),
        "more": shown("more", ".0f"),
        "cosine": shown("cosine", ".4f"),
        "to answers": shown("answer_seconds", ".1f"),
        "answers ratio": ratio("answer_seconds"),
        "first right": shown("right", ".0%"),
    }


def turns_of(order: Sequence[str], turns: int) -> list[tuple[int, str]]:
    """Turn and contender of each run: forwards in even turns, backwards in odd ones; ours is always first in a turn."""
    first, *others = order
    runs: list[tuple[int, str]] = []
    for turn in range(turns):
        runs += [(turn, first), *((turn, name) for name in (reversed(others) if turn % 2 else others))]
    return runs
