"""Draws the plots of docs/scale.md and docs/ranking.md.

python -m benchmarks.pictures --ranking output/ranking
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev

from rcnn.commands.arguments import Parser
from rcnn.errors import run_script

from .scheduling import Setting, simulate
from .svg import bars, lines

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"
WORKERS = (1, 2, 8, 64, 512, 1024)


def order() -> str:
    """What the order of the results costs, by workers."""
    series = {
        name: [100 * simulate(Setting(workers, max(200, 60 * workers), **changes)).busy for workers in WORKERS]
        for name, changes in {
            "1 group ahead": {"ahead": 1}, "2": {"ahead": 2}, "4": {"ahead": 4}, "no order": {"ordered": False},
        }.items()
    }  # fmt: skip
    return lines("Work in the workers' time by their number", [str(number) for number in WORKERS], series, 100, "%")


def slow_machines() -> str:
    """Seconds of a run, by slow workers and by groups ahead."""
    cases = {"none slow": 0.0, "1 of 64, 5 times": 1 / 64, "a tenth, 5 times": 0.1}
    groups = {
        name: [(simulate(Setting(64, 3840, ahead, slow=slow)).seconds, 0.0) for ahead in (2, 4, 16)]
        for name, slow in cases.items()
    }
    return bars("Seconds of a run with slow workers", groups, ["2 groups ahead", "4", "16"], 1200)


def rankings(folder: Path) -> str:
    """MAP@100 on test, by level and amount."""
    record: dict[str, dict[str, list[float]]] = {}
    for level in ("clean", "degraded", "hard"):
        record.update(json.loads((folder / f"test-{level}.json").read_text()))
    groups = {name: [(mean(values), stdev(values)) for values in methods.values()] for name, methods in record.items()}
    return bars("MAP@100 on test", groups, list(next(iter(record.values()))), 100)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python -m benchmarks.pictures --ranking output/ranking")
    parser.add_argument("--ranking", type=Path, metavar="DIR", help="what benchmarks.ranking --test left")
    args = parser.parse_args()
    plots = {"scale-order.svg": order(), "scale-slow.svg": slow_machines()}
    if args.ranking:
        plots["ranking-test.svg"] = rankings(args.ranking)
    for name, plot in plots.items():
        (IMAGES / name).write_text(plot)


if __name__ == "__main__":
    run_script(main)
