"""What detect.py saves and what ranking loses with fewer sampled frames, and fewer on which the detector runs.

    python benchmarks/following.py --output output/ranking      # where benchmarks.ranking has made its films

Films and measure are those of `benchmarks.ranking`, the people for choosing. What is done is kept.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.ranking.draws import MODELS, TEACH, Draw, all_draws, folder_name
from benchmarks.ranking.measure import MAIN, measure
from benchmarks.ranking.methods import BEST_NOW
from benchmarks.ranking.people import CHOOSING
from benchmarks.ranking.render import LEVELS
from rcnn.commands.arguments import Parser, numbers
from rcnn.errors import run_script
from rcnn.stages.detect import detect
from rcnn.stages.recipes import BEST
from rcnn.stages.settings import DetectSettings
from rcnn.tables import MANIFEST, StageReader

WAYS = ((8, 1), (8, 4), (4, 1), (4, 2), (2, 1))  # sampled frames a second, --detect-every
COST = "cost.json"


def main() -> None:
    parser = Parser(__doc__.partition("\n")[0], "python benchmarks/following.py --output output/ranking")
    add = parser.add_argument
    add("--shared", type=Path, default=Path("../shared"), metavar="DIR", help="holds faces and realvideo")
    add("--output", type=Path, default=Path("output/ranking"), metavar="DIR", help="that of benchmarks.ranking")
    add("--side", default=CHOOSING, help="people for choosing, or those for the end")
    add("--draws", type=numbers, default=(0,), metavar="N,N,...", help="which draws")
    add("--level", action="append", choices=LEVELS, help="only this; may be given again")
    args = parser.parse_args()
    print("| level | frames/s | detector on one of | CPU s | ratio | faces | MAP@100 | points lost |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for level in args.level or LEVELS[:2]:
        first: tuple[float, float] | None = None
        for rate, every in WAYS:
            cost, faces, value = _figures(args, level, rate, every)
            first = first or (cost, value)
            print(
                f"| {level} | {rate} | {every} | {cost:.1f} | {first[0] / cost:.2f} | {faces:,} | {value:.1f} | "
                f"{first[1] - value:.1f} |",
                flush=True,
            )


def _figures(args: Namespace, level: str, rate: int, every: int) -> tuple[float, int, float]:
    """Processor seconds and faces of all draws, and their mean MAP@100 in per cent."""
    folder = args.output / "following" / f"{rate}-{every}"
    cost, faces, values = 0.0, 0, []
    for number in map(int, args.draws):
        (own,) = (draw for draw in all_draws(args.shared, args.output, args.side) if draw.number == number)
        draw = replace(own, folder=folder)
        _link(own, draw, level)
        cost += _find(draw, level, rate, every)
        faces += StageReader(str(draw.faces("published", level)), ("detect",)).manifest["counts"]["rows"]
        with contextlib.redirect_stdout(io.StringIO()):
            values.append(measure(draw, [draw], "published", level, [BEST_NOW])[BEST_NOW.name][MAIN])
    return cost, faces, float(np.mean(values))


def _link(own: Draw, draw: Draw, level: str) -> None:
    """The films, the lists and what teaches are those of the draw itself."""
    for part in (TEACH, folder_name(level), f"published/{TEACH}"):
        place = draw.place / part
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to((own.place / part).resolve())


def _find(draw: Draw, level: str, rate: int, every: int) -> float:
    """Run detect.py, unless it has; returns its processor seconds."""
    target = draw.faces("published", level)
    record = target.parent / f"{target.name}-{COST}"
    if not (target / MANIFEST).exists() or not record.exists():
        before = _seconds()
        with contextlib.redirect_stdout(io.StringIO()):
            detect(_settings(draw, level, target, rate, every))
        record.write_text(json.dumps(_seconds() - before))
    return float(json.loads(record.read_text()))


def _settings(draw: Draw, level: str, target: Path, rate: int, every: int) -> DetectSettings:
    pair = MODELS["published"]
    return DetectSettings(
        pair.embedding,
        pair.detector,
        str(target),
        str(draw.place / folder_name(level)),
        "test",
        gpu=-1,
        workers=1,
        rate=float(rate),
        detect_every=every,
        quality_threshold=0.0,
        recipe=BEST,
        overwrite=True,
    )


def _seconds() -> float:
    """Processor seconds of this process and of the ended ones that it started."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    run_script(main)
