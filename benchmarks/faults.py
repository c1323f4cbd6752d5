"""Kills every stage at random moments, runs it again until it ends, and compares what it wrote with what an undisturbed
run writes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rcnn.arguments import Parser, number, positive, whole
from rcnn.errors import run_script

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PATIENCE = 10.0  # seconds that a run may take to end after SIGTERM or SIGINT
# a run as the user starts it, but for progress that is saved more often than once a minute
START = """
import runpy, sys
from rcnn.store import writer
writer.SAVE_SECONDS = float(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Stage:
    """A stage: its name, its arguments with {out} for the directory it writes to, and what it reads from {ref}."""

    name: str
    arguments: tuple[str, ...]
    output: str


def stages(dataset: str, classes: int) -> list[Stage]:
    """All stages on one data set, on the CPU."""
    cpu = ("--gpu", "-1")
    result = []
    for part in ("trainval", "test"):
        det, feat = f"det_{part}", f"feat_{part}"
        result += [
            Stage("detect.py", ("--dataset", dataset, "--stage", part, "--output", f"{{out}}/{det}", *cpu), det),
            Stage("feature.py", ("--input", f"{{ref}}/{det}", "--output", f"{{out}}/{feat}", *cpu), feat),
        ]
    train = ("--data", "{ref}/trainval", "--prefix", "{out}/iqiyi", "--num-classes", str(classes))
    return [
        *result,
        Stage("genfeat.py", ("--inputs", "{ref}/feat_trainval", "--output", "{out}/trainval"), "trainval"),
        Stage("train_mlp.py", (*train, *cpu), "iqiyi-0040.params"),
        Stage(
            "predict.py",
            ("--model", "{ref}/iqiyi,40", "--inputs", "{ref}/feat_test", "--output", "{out}/pred", *cpu),
            "pred",
        ),
        Stage("submit.py", ("--inputs", "{ref}/pred", "--output", "{out}/submission.txt"), "submission.txt"),
    ]


def command(stage: Stage, out: Path, ref: Path, save_seconds: float) -> list[str]:
    arguments = [argument.format(out=out, ref=ref) for argument in stage.arguments]
    return [sys.executable, "-c", START, str(save_seconds), str(ROOT / stage.name), *arguments]


def written(path: Path) -> dict[str, bytes]:
    """The bytes that must not differ: Parquet parts, or the file itself."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(part.relative_to(path)): part.read_bytes() for part in sorted(path.rglob("*.parquet"))}


@dataclass
class Tally:
    """What became of a stage: seconds undisturbed; kills; runs that came to their end; what went wrong."""

    seconds: float = 0.0
    kills: int = 0
    ended: int = 0
    faults: list[str] = field(default_factory=list)


def torment(stage: Stage, ref: Path, tries: int, save_seconds: float, rng: random.Random) -> Tally:
    """Run a stage to its end again and again, until it was killed `tries` times."""
    tally = Tally()
    begun = time.monotonic()
    subprocess.run(command(stage, ref, ref, save_seconds), check=True, capture_output=True)
    tally.seconds = time.monotonic() - begun
    expected = written(ref / stage.output)
    while tally.kills < tries:
        with tempfile.TemporaryDirectory() as folder:
            while True:
                process = subprocess.Popen(
                    command(stage, Path(folder), ref, save_seconds), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                )
                try:
                    errors = process.communicate(timeout=rng.uniform(0, tally.seconds))[1]
                except subprocess.TimeoutExpired:
                    number = rng.choice(SIGNALS)
                    process.send_signal(number)
                    tally.kills += 1
                    try:
                        process.communicate(timeout=PATIENCE)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.communicate()
                        tally.faults.append(f"went on for {PATIENCE:.0f} s after {signal.Signals(number).name}")
                    continue
                if process.returncode not in (0, -signal.SIGTERM, -signal.SIGINT):
                    tally.faults.append(errors.decode(errors="replace").strip().splitlines()[-1])
                break
            tally.ended += 1
            if written(Path(folder) / stage.output) != expected:
                tally.faults.append("other bytes than an undisturbed run")
    return tally


def main() -> None:
    parser = Parser(__doc__, "python benchmarks/faults.py --dataset ./data/demo --num-classes 31 --tries 50")
    add = parser.add_argument
    add("--dataset", default="./data/demo", metavar="DIR", help="data set in the iQIYI-VID layout")
    add("--num-classes", default=31, type=positive, metavar="N", help="people in it and one for nobody")
    add("--tries", default=50, type=positive, metavar="N", help="kills of each stage")
    add("--save-seconds", default=0.5, type=number, metavar="S", help="how often progress is saved; 60 outside of here")
    add("--seed", default=0, type=whole, metavar="N", help="of the moments")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    print(f"{'stage':<24}{'undisturbed s':>14}{'kills':>7}{'ended':>7}{'differing':>11}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for stage in stages(args.dataset, args.num_classes):
            tally = torment(stage, Path(folder), args.tries, args.save_seconds, rng)
            name = f"{stage.name} {stage.output.partition('_')[2]}"
            print(
                f"{name:<24}{tally.seconds:>14.1f}{tally.kills:>7}{tally.ended:>7}{len(tally.faults):>11}", flush=True
            )
            for fault in sorted(set(tally.faults)):
                print(f"  {fault}")


if __name__ == "__main__":
    run_script(main)
