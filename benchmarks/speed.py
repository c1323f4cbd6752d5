"""Speed of networks, stages, a plain reference on the same clips, growth, and training at the challenge's size.

    python benchmarks/speed.py --json output/speed.json
    python benchmarks/speed.py --only peers,growth --peer-clips 24

Each measurement is a separate process. `ceiling` is the share of the rate of a float32 matrix product on all cores,
measured before each part (and after it, to check that the machine was quiet); GFLOP count only the products of the
networks, a multiply-add as two. `cores busy` is the processor time of the whole process tree divided by the time of all
cores. `MB` (10^6 bytes) is the larger of the largest process and of all of them together, shared memory counted once.
`of network` is the rate relative to the bare networks on as many frames and faces. Seconds are of whole processes,
including start-up and loading; `more frames/s` of the part growth is the additional work of a longer run divided by its
additional time. By default the demo's short clips are drawn: --dataset names others. Peers run with their own defaults;
`make speed` creates their environments.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from timing import growth, networks, peers, stages, training
from timing.arithmetic import ceiling
from timing.measure import ROOT, python
from timing.setup import GIGA, Row, Setup, print_table

from rcnn.commands.arguments import Parser, number, pair, paths, positive
from rcnn.errors import InputError, run_script

PARTS = ("networks", "stages", "peers", "growth", "training")
SHARED = ROOT.parent / "shared" / "checkpoints"
DETECTORS = (SHARED / "retinaface-mnet25" / "mnet.25", ROOT / "model" / "essh-m25")  # the first that exists
EMBEDDINGS = (SHARED / "mobilefacenet-y1" / "model", ROOT / "model" / "face-m")
DEMO_CLIPS = 8  # per person, six of them in the stage trainval
TRAINVAL_CLIPS = 6
STEADY = 0.1  # accepted relative change of the ceiling during a part


def first_there(prefixes: tuple[Path, ...]) -> str:
    """`PREFIX,0` of the first checkpoint that exists."""
    return next(f"{os.path.relpath(prefix)},0" for prefix in prefixes if Path(f"{prefix}-symbol.json").exists())


def there(interpreter: str) -> str | None:
    """The Python, absolute, or None if it does not exist."""
    return os.path.abspath(interpreter) if os.path.exists(interpreter) else None


def draw_clips(folder: Path, count: int) -> Path:
    """A demo data set with at least `count` clips of the stage trainval, all of known people."""
    people = -(-count // TRAINVAL_CLIPS)
    python(
        "-m", "rcnn", "demo", "--output", folder, "--people", people, "--clips", DEMO_CLIPS,
        "--strangers", 0, "--nobody", 0,
    )  # fmt: skip
    return folder


def machine() -> str:
    """The processor's name and the number of usable cores."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{len(os.sched_getaffinity(0))} cores of {name}, load {os.getloadavg()[0]:.1f} at the start"


def two_steps(text: str) -> tuple[int, int]:
    """Two numbers of steps, `A,B`, ascending."""
    first, second = pair(text)
    if not 0 < first < second:
        raise argparse.ArgumentTypeError(f"{text!r} is not two whole numbers in rising order like 20,100")
    return first, second


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/speed.py --json output/speed.json")
    add = parser.add_argument
    add("--only", type=paths, default=",".join(PARTS), metavar="PART,...", help="what to measure")
    add("--json", metavar="FILE", help="also write the tables to this file")
    add("--dataset", type=Path, metavar="DIR", help="clips in the iQIYI-VID layout; default: the demo's")
    add(
        "--detector",
        default=first_there(DETECTORS),
        metavar="PREFIX,EPOCH",
        help="detector that subtracts no mean",
    )
    add("--model", default=first_there(EMBEDDINGS), metavar="PREFIX,EPOCH", help="for quality and features")
    add("--mxnet", default=".venv-mxnet/bin/python", metavar="PYTHON", help="a Python with mxnet and OpenCV")
    add("--insightface", default=".venv-insightface/bin/python", metavar="PYTHON", help="a Python with insightface")
    add("--yunet", metavar="FILE", help="OpenCV's face_detection_yunet_*.onnx")
    add("--seconds", default=2.0, type=number, metavar="S", help="duration of each rate measurement")
    add("--peer-clips", default=48, type=positive, metavar="N", help="clips for the parts stages and peers")
    add("--growth-clips", default=8, type=positive, metavar="N", help="smallest number of clips for the part growth")
    add("--scale", default=1.0, type=number, metavar="S", help="part training: share of the challenge's clips")
    add("--steps", default="20,100", type=two_steps, metavar="A,B", help="part training: steps of its two runs")
    args = parser.parse_args()
    unknown = [part for part in args.only if part not in PARTS]
    if unknown:
        raise InputError(f"--only {','.join(unknown)}: parts are {', '.join(PARTS)}")
    started = time.monotonic()
    tables: dict[str, list[Row]] = {}
    ceilings: dict[str, list[float]] = {}  # GFLOP/s before and after each part
    name = machine()
    print(name)
    with tempfile.TemporaryDirectory() as folder:
        clips = max(args.peer_clips, args.growth_clips * growth.TIMES[-1] if "growth" in args.only else 1)
        dataset = args.dataset
        if dataset is None:
            needed = set(args.only) & {"stages", "peers", "growth"}
            dataset = draw_clips(Path(folder) / "demo", clips) if needed else Path(folder)
        setup = Setup(
            Path(folder), args.detector, args.model, dataset, there(args.mxnet), there(args.insightface), args.yunet,
            tuple(sorted(os.sched_getaffinity(0))), args.seconds,
        )  # fmt: skip
        parts: dict[str, Callable[[float], Iterator[Row]]] = {
            "networks": lambda limit: networks.measure(setup, limit),
            "stages": lambda limit: stages.measure(setup, limit),
            "peers": lambda limit: peers.measure(setup, args.peer_clips),
            "growth": lambda limit: growth.measure(setup, args.growth_clips),
            "training": lambda limit: training.measure(setup, limit, args.scale, args.steps),
        }
        for part in args.only:
            began = time.monotonic()
            limit = ceiling()
            rows = []
            for row in parts[part](limit):
                rows.append(row)
                print(f"  {part}: {next(iter(row.values()))}", file=sys.stderr, flush=True)
            seconds = time.monotonic() - began
            after = ceiling()
            quiet = "" if abs(after / limit - 1) < STEADY else "; the machine was NOT QUIET, measure again"
            product = f"{limit / GIGA:.0f} GFLOP/s in a matrix product before, {after / GIGA:.0f} after"
            print_table(f"{part} ({product}; {seconds:.0f} s{quiet})", rows)
            tables[part] = rows
            ceilings[part] = [round(limit / GIGA, 1), round(after / GIGA, 1)]
    print(f"\n{time.monotonic() - started:.0f} s in all")
    if args.json:
        document = {"machine": name, "ceilings": ceilings, **tables}
        Path(args.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
