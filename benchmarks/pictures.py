"""Draws the plots of docs/scale-details.md and docs/ranking.md.

python -m benchmarks.pictures --ranking output/ranking
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcnn.commands.arguments import Parser
from rcnn.errors import run_script

from .ranking.measure import MAIN
from .ranking.methods import SHOWN
from .ranking.people import DRAWS, END
from .ranking.render import LEVELS
from .ranking.report import read_results
from .scheduling import Setting, simulate

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"
WORKERS = (1, 2, 8, 64, 512, 1024)
SIZE = (10, 4.4)  # inches, of 72 units each
COLOURS = ("#8a8f98", "#d08c2e", "#3f86d6", "#2f9e62", "#b45ac1")
TEXT = "#7a7f87"  # readable on white and on dark backgrounds: contrast of 4 to 1 on both
GROUP_WIDTH = 0.8  # of the space of a group of bars
HEADROOM = 1.08  # of the axis, for the numbers above the bars
STYLE: Any = {
    "axes.edgecolor": TEXT, "axes.grid": True, "axes.grid.axis": "y", "axes.axisbelow": True,
    "axes.spines.left": False, "axes.spines.right": False, "axes.spines.top": False, "font.size": 12,
    "figure.constrained_layout.use": True, "grid.alpha": 0.3, "grid.color": TEXT,
    "legend.frameon": False, "legend.labelcolor": TEXT, "savefig.transparent": True,
    "svg.fonttype": "none", "svg.hashsalt": "rcnn", "text.color": TEXT,
    "xtick.bottom": False, "xtick.labelcolor": TEXT, "ytick.labelcolor": TEXT, "ytick.left": False,
}  # fmt: skip


def bars(groups: Mapping[str, Sequence[tuple[float, float]]], keys: Sequence[str], top: float) -> Figure:
    """Groups of bars with values and error bars; `keys` name a group's bars, `top` is the end of the axis."""
    figure = Figure(SIZE)
    axes = figure.subplots()
    width = GROUP_WIDTH / len(keys)
    values = np.array(list(groups.values()))  # (groups, keys, 2)
    for number, key in enumerate(keys):
        places = np.arange(len(groups)) + (number - (len(keys) - 1) / 2) * width
        heights, spreads = values[:, number].T
        bar = axes.bar(
            places, heights, width * 0.95, yerr=spreads if spreads.any() else None, color=COLOURS[number], label=key,
            ecolor=TEXT, capsize=3,
        )  # fmt: skip
        axes.bar_label(bar, fmt="%.0f", padding=2, fontsize=10)
    axes.set_xticks(range(len(groups)), groups)
    _finish(axes, top * HEADROOM, len(keys))
    return figure


def lines(places: Sequence[str], series: Mapping[str, Sequence[float]], top: float, unit: str) -> Figure:
    """One line per series over equidistant categories; `top` is the end of the axis, with `unit` in its labels."""
    figure = Figure(SIZE)
    axes = figure.subplots()
    for (name, values), colour in zip(series.items(), COLOURS, strict=False):
        axes.plot(places, values, color=colour, linewidth=2.5, label=name, clip_on=False)
    axes.yaxis.set_major_formatter(f"{{x:g}}{unit}")
    _finish(axes, top, len(series))
    return figure


def _finish(axes: Axes, top: float, keys: int) -> None:
    axes.set_ylim(0, top)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=keys, handlelength=1)


def write(figure: Figure, path: Path, title: str) -> None:
    """Write an SVG; with STYLE, equal figures give equal bytes."""
    figure.savefig(path, format="svg", metadata={"Title": title, "Date": None, "Creator": None})


def order() -> Figure:
    """Cost of ordered results, by number of workers."""
    cases: dict[str, dict[str, Any]] = {
        "1 group ahead": {"ahead": 1}, "2": {"ahead": 2}, "4": {"ahead": 4}, "no order": {"ordered": False},
    }  # fmt: skip
    series = {
        name: [100 * simulate(Setting(workers, max(200, 60 * workers), **changes)).busy for workers in WORKERS]
        for name, changes in cases.items()
    }
    return lines([str(number) for number in WORKERS], series, 100, "%")


def slow_machines() -> Figure:
    """Run time by number of slow workers and groups ahead."""
    cases = {"none slow": 0.0, "1 of 64, 5 times": 1 / 64, "a tenth, 5 times": 0.1}
    groups = {
        name: [(simulate(Setting(64, 3840, ahead, slow=slow)).seconds, 0.0) for ahead in (2, 4, 16)]
        for name, slow in cases.items()
    }
    return bars(groups, ["2 groups ahead", "4", "16"], 2200)


def rankings(folder: Path) -> Figure:
    """MAP@100 of the people reserved for the final evaluation, by level and method."""
    values = read_results(folder, END, "published", MAIN, range(DRAWS))
    shown = [method.name for method in SHOWN]
    groups = {level: [(mean(of), stdev(of)) for of in (values[name][level] for name in shown)] for level in LEVELS}
    return bars(groups, shown, 100)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python -m benchmarks.pictures --ranking output/ranking")
    parser.add_argument("--ranking", type=Path, metavar="DIR", help="output of benchmarks.ranking --side end")
    args = parser.parse_args()
    with rc_context(STYLE):
        write(order(), IMAGES / "scale-order.svg", "Work in the workers' time by their number")
        write(slow_machines(), IMAGES / "scale-slow.svg", "Seconds of a run with slow workers")
        if args.ranking:
            write(rankings(args.ranking), IMAGES / "ranking-test.svg", "MAP@100 of the people held for the end")


if __name__ == "__main__":
    run_script(main)
