"""Rankings on films of real people: creates the films, detects faces, measures methods, prints tables.

    python -m benchmarks.ranking --output output/ranking                       # people reserved for tuning
    python -m benchmarks.ranking --output output/ranking --side end --prepare  # films and faces only, nothing scored
    python -m benchmarks.ranking --output output/ranking --side end --methods end     # evaluate once
    python -m benchmarks.ranking --output output/ranking --side end --tables   # existing results, formatted for the
    docs

Finished work is kept, and the same command resumes.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rcnn.commands.arguments import Parser, numbers
from rcnn.errors import run_script

from .draws import MODELS, Draw, all_draws
from .measure import EVERYBODY, MAIN, measure
from .methods import BEFORE, BEST_NOW, CENTROIDS, GROUPS, SEED_LINE
from .people import CHOOSING, DRAWS, KINDS, SIDES
from .render import LEVELS
from .report import paired, read_results, table

PAIRS = tuple((BEST_NOW.name, other.name) for other in (SEED_LINE, CENTROIDS, BEFORE))


def main() -> None:
    parser = Parser(__doc__.partition("\n")[0], "python -m benchmarks.ranking --output output/ranking")
    add = parser.add_argument
    add("--shared", type=Path, default=Path("../shared"), metavar="DIR", help="folder with faces and realvideo")
    add("--output", type=Path, default=Path("output/ranking"), metavar="DIR", help="for data sets and all output")
    add("--side", choices=SIDES, default=CHOOSING, help="people reserved for tuning, or for the final evaluation")
    add("--models", choices=MODELS, default="published", help="detector and embedding model")
    add("--draws", type=numbers, default=tuple(range(DRAWS)), metavar="N,N,...", help="which draws")
    add("--level", action="append", choices=LEVELS, help="only this level; repeatable")
    add("--methods", choices=GROUPS, default="first", help="group of methods")
    add("--prepare", action="store_true", help="only create films and faces")
    add("--tables", action="store_true", help="only print existing results")
    args = parser.parse_args()
    numbers_of = [int(number) for number in args.draws]
    if not args.tables:
        draws = [draw for draw in all_draws(args.shared, args.output, args.side) if draw.number in numbers_of]
        _measure(draws, args)
    if not args.prepare:
        _print(args.output, args.side, args.models, numbers_of)


def _measure(draws: Sequence[Draw], args: Namespace) -> None:
    for draw in draws:
        draw.make()
        draw.find_faces(args.models)
        print(f"{args.side}, draw {draw.number}: films and faces are there", flush=True)
    for level in () if args.prepare else args.level or LEVELS:
        for draw in draws:
            for name, figures in measure(draw, draws, args.models, level, GROUPS[args.methods]).items():
                words = "  ".join(f"{key} {value:g}" for key, value in figures.items())
                print(f"{level}, draw {draw.number}: {name}: {words}", flush=True)


def _print(output: Path, side: str, models: str, draws: Sequence[int]) -> None:
    for figure in (MAIN, *KINDS, EVERYBODY):
        values = read_results(output, side, models, figure, draws)
        print(f"\n{figure}: MAP@100 in per cent\n")
        print("\n".join(table(values)))
        if figure == MAIN:
            others = [name for name in values if name != BEFORE.name]
            pairs = [*PAIRS, *((name, BEFORE.name) for name in others)]
            print(f"\n{figure}: pairs of the same draw\n")
            print("\n".join(paired(values, list(dict.fromkeys(pairs)))))


if __name__ == "__main__":
    run_script(main)
