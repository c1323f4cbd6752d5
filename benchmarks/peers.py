"""Speed compared with other current libraries: the same real videos, networks, sampled frames and cores.

    python benchmarks/peers.py
    python benchmarks/peers.py --share 0.02 --sizes 640x360 --only uniface --work /tmp/peers

Every contender is a process in its own environment (`make peers` creates them) and runs alone, from files to the
vectors of all faces of 8 frames a second; then it ranks the clips for a photograph of each person. Turns alternate
forwards and backwards through the contenders of a group, ours first; figures are medians, `ratio` the median of the
turns' ratios to ours. Results are stored in DIR/results.json, and the same command resumes from there; --overwrite
starts over.

`seconds` are of whole processes from start to written vectors, `to answers` to the ranking: for ours a run of
`python -m rcnn find`. `CPU s` are user and system time, `MB` (10^6 bytes) as in benchmarks/speed.py. `found too` is the
share of our faces that a contender also finds in the same frame (IoU over 0.5), `more` its number of additional faces,
`cosine` the mean cosine of the vectors of common faces, `first right` the share of the people whose first clip shows
them. Our 8-bit variant is calibrated in advance, which is not counted.

The default share of the collection, with two sizes and two turns, takes about a quarter of an hour on two idle cores;
time grows with the share: --share 1 takes about four hours. Scaling the videos in the first run is not counted.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from timing.arithmetic import ceiling
from timing.measure import ROOT
from timing.setup import GIGA, print_table
from versus import ours
from versus.agreement import FoundFaces, agree, right_first
from versus.contenders import Contender, Group, chosen, groups, python_of
from versus.machine import machine
from versus.peer import run_loop, with_mean
from versus.results import Results, Run, row, turns_of
from versus.work import Work, prepare, read_videos

from rcnn.commands.arguments import Parser, positive
from rcnn.errors import InputError, run_script

SHARE = 0.06  # of the seconds of the collection
RATE = 8  # sampled frames per second
SIZES = "640x360,1920x1080"
MEAN = 127.5  # and deviation of the embedding's input, as in the others' loops
CARD = f'colour = "rgb"\nmean = {MEAN}\nstd = {MEAN}\n'
STEADY = 0.1  # accepted relative change of the matrix product rate during a size


def size(text: str) -> tuple[int, int]:
    """Width and height of `WxH`, even numbers."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)) or int(width) % 2 or int(height) % 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size of even numbers like 640x360")
    return int(width), int(height)


def sizes(text: str) -> list[tuple[int, int]]:
    """Comma-separated sizes."""
    return [size(each) for each in text.split(",")]


def share(text: str) -> float:
    """A number above 0 and at most 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not over 0 and at most 1")
    return value


def names(text: str) -> list[str]:
    """Semicolon-separated names, because names contain commas."""
    return [name.strip() for name in text.split(";") if name.strip()]


@dataclass(frozen=True)
class Comparison:
    """A comparison at one frame size.

    folder : output folder of this size
    key : prefix of its results' keys
    """

    results: Results
    groups: Mapping[str, Group]
    environments: Path
    folder: Path
    key: str

    def run(self, contender: Contender, reference: Contender, work: Work, turn: int) -> None:
        """Measure one contender once, unless it is already measured."""
        key = self.key_of(contender, turn)
        if key in self.results.runs:
            return
        group = self.groups[contender.group]
        place = self.folder / contender.name.replace(", ", "-").lower()
        kept = self.folder / f"{reference.name.replace(', ', '-').lower()}-{self.key.replace('/', '-')}.npz"
        place.mkdir(exist_ok=True)
        if contender.loop:
            interpreter = python_of(contender, self.environments)
            if interpreter is None:
                return
            done = run_loop(contender, interpreter, group, work, place)
            seconds = done.usage.seconds - done.said["search_seconds"]
            usages, faces, looks = [done.usage], done.faces, done.said["looks"]
            answer_seconds, answers = done.usage.seconds, done.said["answers"]
        else:
            usages = ours.to_vectors(contender, group, work, RATE, place)
            seconds, looks = sum(usage.seconds for usage in usages), work.looks
            faces = ours.found_faces(place, work, group)
            answer_seconds, answers = None, None
            if contender.answers:
                usage, answers = ours.to_answers(group, work, RATE, place / "answers")
                answer_seconds = usage.seconds
            if contender == reference:
                faces.save(kept)
        agreement = agree(FoundFaces.read(kept), faces)
        run = Run(
            seconds, sum(usage.cpu_seconds for usage in usages), max(usage.peak_mb for usage in usages), looks,
            len(faces.boxes), agreement.share, agreement.more, agreement.cosine, answer_seconds,
            None if answers is None else right_first(answers, work.people),
        )  # fmt: skip
        self.results.add(key, run)

    def key_of(self, contender: Contender, turn: int) -> str:
        """Key of a run in the results."""
        return f"{self.key}/{contender.name}/{turn}"

    def runs_of(self, contender: Contender, turns: int) -> dict[int, Run]:
        """Results of a contender, by turn."""
        keys = {turn: self.key_of(contender, turn) for turn in range(turns)}
        return {turn: self.results.runs[key] for turn, key in keys.items() if key in self.results.runs}


def with_card(group: Group, folder: Path) -> Group:
    """The group with an embedding for crops as in the others' loops: a copy with a card."""
    if not group.embedding.endswith(".onnx"):
        return group
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / Path(group.embedding).name
    shutil.copyfile(group.embedding, copy)
    copy.with_suffix(".toml").write_text(CARD, encoding="utf-8")
    with_mean(str(copy), MEAN)
    return Group(group.name, group.detector, str(copy.resolve()), group.nms, group.parts)


def compare(
    args: argparse.Namespace, comparison: Comparison, wanted: tuple[int, int], contenders: list[Contender]
) -> None:
    """Measure all groups at one frame size, and print their tables."""
    for group in comparison.groups.values():
        mine = [each for each in contenders if each.group == group.name]
        if not mine:
            continue
        videos = read_videos(args.videos, args.share / group.parts)
        work = prepare(videos, args.videos, wanted, RATE, comparison.folder)
        seconds = sum(video.seconds for video in videos)
        print(
            f"{group.name}, {args.width_height}: {len(videos)} videos, {seconds:.0f} s, {work.looks} looks", flush=True
        )
        by_name = {each.name: each for each in mine}
        before = ceiling()
        began = time.monotonic()
        failed: dict[str, str] = {}
        for turn, name in turns_of(list(by_name), args.turns):
            print(f"  turn {turn + 1}: {name}", file=sys.stderr, flush=True)
            try:
                comparison.run(by_name[name], mine[0], work, turn)
            except InputError as error:
                if by_name[name] == mine[0]:
                    raise
                print(f"  {error}", file=sys.stderr, flush=True)
                failed[name] = str(error)
        after = ceiling()
        quiet = "" if abs(after / before - 1) < STEADY else "; the machine was NOT QUIET, measure again"
        base = comparison.runs_of(mine[0], args.turns)
        rows = []
        for each in mine:
            runs = comparison.runs_of(each, args.turns)
            why = failed.get(each.name, f"{each.environment} is missing, see make peers")
            rows.append(
                row(each.name, runs, base) if runs else {"contender": each.name, "first right": f"not run: {why}"}
            )
        product = f"{before / GIGA:.0f} GFLOP/s in a matrix product before, {after / GIGA:.0f} after"
        print_table(f"{group.name}, {args.width_height} ({product}; {time.monotonic() - began:.0f} s{quiet})", rows)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/peers.py")
    add = parser.add_argument
    add("--share", default=SHARE, type=share, metavar="S", help="share of the collection's seconds")
    add("--turns", default=2, type=positive, metavar="N", help="runs per contender")
    add("--sizes", default=SIZES, type=sizes, metavar="WxH,...", help="frame sizes")
    add("--only", default="", type=names, metavar="NAME;...", help="contenders; ours of their groups run too")
    add(
        "--shared",
        default=ROOT.parent / "shared",
        type=Path,
        metavar="DIR",
        help="folder with realvideo, models, checkpoints",
    )
    add("--work", default=Path("output/peers"), type=Path, metavar="DIR", help="for scaled videos and results")
    add("--environments", default=ROOT, type=Path, metavar="DIR", help="folder with .venv-insightface and the others")
    add("--overwrite", action="store_true", help="repeat existing measurements")
    args = parser.parse_args()
    args.videos = args.shared / "realvideo"
    if not (args.videos / "manifest.csv").exists():
        raise InputError(f"--shared {args.shared}: has no realvideo/manifest.csv; give the folder that has it")
    contenders = chosen(args.only)
    args.work.mkdir(parents=True, exist_ok=True)
    results = Results(args.work / "results.json", args.overwrite)
    print(machine(), flush=True)
    pairs = {name: with_card(group, args.work / "models") for name, group in groups(args.shared).items()}
    for width, height in args.sizes:
        args.width_height = f"{width}x{height}"
        folder = args.work / args.width_height
        comparison = Comparison(results, pairs, args.environments, folder, f"{args.width_height}/{args.share:g}")
        compare(args, comparison, (width, height), contenders)


if __name__ == "__main__":
    run_script(main)
