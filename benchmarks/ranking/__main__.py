"""Rankings on films of real people: makes the films, finds faces, measures methods, prints tables.

    python -m benchmarks.ranking --output output/ranking                       # the people for choosing
    python -m benchmarks.ranking --output output/ranking --side end --prepare  # films and faces alone, nothing scored
    python -m benchmarks.ranking --output output/ranking --side end            # to be looked at once

What is done is kept, and the same command goes on.
"""

from __future__ import annotations

from pathlib import Path

from rcnn.commands.arguments import Parser, numbers
from rcnn.errors import run_script

from .draws import MODELS, all_draws
from .measure import EVERYBODY, MAIN, measure
from .methods import BEFORE, GROUPS
from .people import CHOOSING, DRAWS, KINDS, SIDES
from .render import LEVELS
from .report import paired, read_results, table


def main() -> None:
    parser = Parser(__doc__.partition("\n")[0], "python -m benchmarks.ranking --output output/ranking")
    add = parser.add_argument
    add("--shared", type=Path, default=Path("../shared"), metavar="DIR", help="holds faces and realvideo")
    add("--output", type=Path, default=Path("output/ranking"), metavar="DIR", help="data sets and all that is made")
    add("--side", choices=SIDES, default=CHOOSING, help="people for choosing, or those for the end")
    add("--models", choices=MODELS, default="published", help="detector and embedding model")
    add("--draws", type=numbers, default=tuple(map(float, range(DRAWS))), metavar="N,N,...", help="which draws")
    add("--level", action="append", choices=LEVELS, help="only this; may be given again")
    add("--methods", choices=GROUPS, default="first", help="which lines")
    add("--prepare", action="store_true", help="films and faces alone")
    args = parser.parse_args()
    numbers_of = [int(number) for number in args.draws]
    draws = [draw for draw in all_draws(args.shared, args.output, args.side) if draw.number in numbers_of]
    for draw in draws:
        draw.make()
        draw.find_faces(args.models)
        print(f"{args.side}, draw {draw.number}: films and faces are there", flush=True)
    if args.prepare:
        return
    for level in args.level or LEVELS:
        for draw in draws:
            for name, figures in measure(draw, draws, args.models, level, GROUPS[args.methods]).items():
                words = "  ".join(f"{key} {value:g}" for key, value in figures.items())
                print(f"{level}, draw {draw.number}: {name}: {words}", flush=True)
    for figure in (MAIN, *KINDS, EVERYBODY):
        values = read_results(args.output, args.side, args.models, figure, numbers_of)
        print(f"\n{figure}\n")
        print("\n".join(table(values)))
        print()
        print("\n".join(paired(values, [(name, BEFORE.name) for name in values if name != BEFORE.name])))


if __name__ == "__main__":
    run_script(main)
