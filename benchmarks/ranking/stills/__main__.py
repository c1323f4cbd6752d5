"""Rankings on clips of photographs: creates the data sets, measures options on val, and recipes on test.

python -m benchmarks.ranking.stills --output output/stills            # options, on val
python -m benchmarks.ranking.stills --output output/stills --test     # seed and best, on test: evaluate once
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from statistics import mean, stdev

from rcnn.commands.arguments import Parser, numbers
from rcnn.errors import run_script
from rcnn.workers.pipeline import cores

from .clips import LEVELS
from .faces import read_faces
from .levers import measure
from .lines import LINES
from .recipes import find_faces, run
from .sets import SEEDS, make_set

ALL_SEEDS = tuple(map(float, range(SEEDS)))
AMOUNTS = {"many": False, "few": True}


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python -m benchmarks.ranking.stills --output output/stills")
    add = parser.add_argument
    add("--faces", type=Path, default=Path("../shared/faces"), metavar="DIR", help="PERSON/*.jpg")
    add("--output", type=Path, default=Path("output/stills"), metavar="DIR", help="for data sets and all output")
    add("--seeds", type=numbers, default=ALL_SEEDS, metavar="S,S,...", help="seeds of people, splits and cameras")
    add("--test", action="store_true", help="the recipes on test, instead of the options on val")
    add("--level", action="append", choices=LEVELS, help="only this level; repeatable")
    args = parser.parse_args()
    record: dict[str, dict[str, list[float]]] = {}
    for level in args.level or LEVELS:
        for seed in map(int, args.seeds):
            data, output = args.output / "data" / f"{level}-{seed}", args.output / "out" / f"{level}-{seed}"
            make_set(args.faces, data, level, seed, cores())
            with contextlib.redirect_stdout(io.StringIO()):  # output of the stages
                find_faces(data, output)
            for amount, few in AMOUNTS.items():
                place = record.setdefault(f"{level} {amount}", {})
                if args.test:
                    with contextlib.redirect_stdout(io.StringIO()):
                        results = run(data, output, few)
                else:
                    table = read_faces(args.faces, output, level, seed)
                    results = {name: measure(table, levers, few) for name, levers in LINES.items()}
                for name, value in results.items():
                    place.setdefault(name, []).append(value)
                print(level, seed, amount, " ".join(f"{value:.2f}" for value in results.values()), flush=True)
        of_level = {name: results for name, results in record.items() if name.startswith(level)}
        (args.output / f"{'test' if args.test else 'val'}-{level}.json").write_text(json.dumps(of_level, indent=1))
    _print(record)


def _print(record: dict[str, dict[str, list[float]]]) -> None:
    """Mean and standard deviation over the seeds, in percent."""
    names = list(next(iter(record.values())))
    print("| |", " | ".join(record), "|")
    print("| --- |", " | ".join(["---:"] * len(record)), "|")
    for name in names:
        cells = [_cell(column[name]) for column in record.values()]
        print(f"| {name} |", " | ".join(cells), "|")


def _cell(values: list[float]) -> str:
    return f"{mean(values):.1f} ± {stdev(values) if len(values) > 1 else 0:.1f}"


if __name__ == "__main__":
    run_script(main)
