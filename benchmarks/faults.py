"""Interrupts every stage at random moments and fills its disk, reruns it until it completes, and compares the output
with that of an undisturbed run.

    python benchmarks/faults.py --tries 50 --full 5

detect.py and feature.py work on a small data set of drawn people, the later stages on enough random vectors to take
some time. A kill is SIGKILL, SIGTERM or SIGINT, at a random moment within the duration of an undisturbed run. After
each kill there must be either no complete output or a valid one. The full disk is a tmpfs of 64 MB with room for part
of the output, or, if mounting is not permitted, a file size limit.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from made_up import write_labels

from rcnn.commands.arguments import Parser, number, positive, whole
from rcnn.errors import InputError, run_script
from rcnn.tables import MANIFEST, StageWriter, features_schema, vector_array
from rcnn.tables.whole import faults

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PATIENCE = 10.0  # seconds allowed to end after SIGTERM or SIGINT
DISK_BYTES = 64 << 20
WIDTH, CLASSES, BATCH = 128, 50, 1000  # of the random vectors
LINE = "the same command resumes"
# A run as the user starts it, but with smaller parts, and progress saved more often than once a minute. Both values are
# set when the script imports their modules, so that nothing is imported before its own first line.
START = """
import importlib.abc, importlib.util, runpy, sys
VALUES = {
    "rcnn.tables.writer": ("SAVE_SECONDS", float(sys.argv[1])),
    "rcnn.tables.table": ("PART_BYTES", int(sys.argv[2])),
}
class Setter(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in VALUES:
            return None
        key, value = VALUES.pop(name)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (load(module), setattr(module, key, value))
        return spec
sys.meta_path.insert(0, Setter())
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
PART_BYTES = 256 << 10


@dataclass(frozen=True)
class Stage:
    """A script, its arguments with {out} for the output and {ref} for the input directory, and its output path."""

    script: str
    arguments: tuple[str, ...]
    output: str


def stages() -> list[Stage]:
    """The six stages, on the CPU."""
    cpu = ("--gpu", "-1")
    train = ("--data", "{ref}/train", "--prefix", "{out}/mlp", "--num-classes", str(CLASSES), "--num-filter", "256")
    predict = ("--model", "{ref}/mlp,40", "--inputs", "{ref}/vectors", "--output", "{out}/pred")
    return [
        Stage("detect.py", ("--dataset", "{ref}/data", "--output", "{out}/det", *cpu), "det"),
        Stage("feature.py", ("--input", "{ref}/det", "--output", "{out}/feat", *cpu), "feat"),
        Stage("genfeat.py", ("--inputs", "{ref}/vectors", "--output", "{out}/train"), "train"),
        Stage("train_mlp.py", (*train, *cpu), "mlp-0040.params"),
        Stage("predict.py", (*predict, *cpu), "pred"),
        Stage("submit.py", ("--inputs", "{ref}/pred", "--output", "{out}/submission.txt"), "submission.txt"),
    ]


def write_vectors(path: Path, rows: int) -> None:
    """Write a feature directory with a random vector per clip; every tenth clip has no face."""
    rng = np.random.default_rng(0)
    arguments = {"dataset": f"{path}-labels"}
    known: dict[str, int] = {}
    with StageWriter(str(path), "feature", features_schema(WIDTH), arguments=arguments) as writer:
        for start in range(0, rows, BATCH):
            names = [f"clip_{start + i:07d}.mp4" for i in range(BATCH)]
            labels = rng.integers(-1, CLASSES, BATCH).tolist()
            clips = []
            known.update(zip(names, labels, strict=True))
            for i, name in enumerate(names):
                state = "ok" if i % 10 else "no face"
                who = {"name": name, "split": "train"}
                clips.append({**who, "state": state, "reason": "", "frames": 3, "faces": int(i % 10 > 0)})
            kept = [clip for clip in clips if clip["state"] == "ok"]
            columns = [
                pa.array([clip["name"] for clip in kept]),
                pa.array([clip["split"] for clip in kept]),
                vector_array(rng.normal(size=(len(kept), WIDTH)).astype(np.float32)),
            ]
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
            writer.add_clips(clips)
    write_labels(f"{path}-labels", known)


def written(path: Path) -> dict[str, bytes]:
    """The bytes that must be equal: Parquet parts, or the file itself."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(part.relative_to(path)): part.read_bytes() for part in sorted(path.rglob("*.parquet"))}


def half_done(path: Path, expected: dict[str, bytes]) -> str | None:
    """The fault of an output after an interrupted run, if any: an incomplete output must not look complete."""
    if path.is_file():
        return None if written(path) == expected else "a file with other bytes"
    if not (path / MANIFEST).exists():
        return None  # it does not look complete
    try:
        return "; ".join(faults(str(path))) or None
    except InputError as error:
        return str(error)


@dataclass
class Tally:
    """Results of a stage: seconds undisturbed; kills by signal; runs refused for lack of space; completed runs;
    seconds from a signal to the end of the process; signals answered with the expected line, and other answers;
    failures."""

    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    full: int = 0
    ended: int = 0
    slowest: float = 0.0
    said: int = 0
    unsaid: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


class Torment:
    """Fault injection for one stage, with its undisturbed output in `ref`.

    Parameters
    ----------
    rng : random generator of the moments
    save_seconds : interval at which progress is saved
    """

    def __init__(self, stage: Stage, ref: Path, rng: random.Random, save_seconds: float) -> None:
        self.stage, self.ref, self.rng = stage, ref, rng
        self._start = [sys.executable, "-c", START, str(save_seconds), str(PART_BYTES), str(ROOT / stage.script)]
        self.tally = Tally()
        times = ref / f"{stage.script}.seconds"
        if not times.exists():
            begun = time.monotonic()
            done = self._run(ref)
            if done.returncode:
                raise InputError(f"{stage.script} fails undisturbed: {done.stderr.strip().splitlines()[-1]}")
            times.write_text(str(time.monotonic() - begun))
        self.tally.seconds = float(times.read_text())
        self.expected = written(ref / stage.output)

    def _command(self, out: Path) -> list[str]:
        return [*self._start, *(argument.format(out=out, ref=self.ref) for argument in self.stage.arguments)]

    def _run(self, out: Path, limit: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._command(out), capture_output=True, text=True, preexec_fn=limit, cwd=ROOT)

    def kill(self, tries: int) -> None:
        """Run the stage to completion repeatedly, until it was killed `tries` times."""
        while sum(self.tally.kills.values()) < tries:
            with tempfile.TemporaryDirectory() as folder:
                while not self._one_run(Path(folder), sum(self.tally.kills.values()) < tries):
                    pass
                self._compare(Path(folder))

    def _one_run(self, out: Path, may_kill: bool) -> bool:
        """Start the stage and perhaps kill it; True if it completed."""
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(self._command(out), cwd=ROOT, **pipes)
        try:
            errors = process.communicate(timeout=self.rng.uniform(0, self.tally.seconds) if may_kill else None)[1]
        except subprocess.TimeoutExpired:
            self._kill(process, out)
            # killed after everything was written: repeating the command would report it as complete
            return Path(out, self.stage.output, MANIFEST).exists() or Path(out, self.stage.output).is_file()
        if process.returncode:
            self.tally.lost.append(f"exit code {process.returncode}: {errors.strip().splitlines()[-1][:300]}")
        return True

    def _kill(self, process: subprocess.Popen[str], out: Path) -> None:
        number = self.rng.choice(SIGNALS)
        process.send_signal(number)
        self.tally.kills[number.name] += 1
        begun = time.monotonic()
        try:
            errors = process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.tally.lost.append(f"went on for {PATIENCE:.0f} s after {number.name}")
            return
        if number != signal.SIGKILL:
            self.tally.slowest = max(self.tally.slowest, time.monotonic() - begun)
            self.tally.said += LINE in errors
            if LINE not in errors:  # it had just ended, or had not started
                last = (errors.strip().splitlines() or ["nothing"])[-1]
                self.tally.unsaid[f"{number.name}, exit code {process.returncode}: {last[:60]}"] += 1
        wrong = half_done(out / self.stage.output, self.expected)
        if wrong:
            self.tally.lost.append(f"after {number.name}: {wrong}")

    def fill(self, tries: int, disk: Path) -> None:
        """Run the stage `tries` times with space for part of its output, then with enough."""
        size = sum(map(len, self.expected.values()))
        for _ in range(tries):
            share = self.rng.uniform(0.05, 0.95)
            with self._small_disk(disk, int(size * share)) as (out, limit, enlarge):
                done = self._run(out, limit)
                if done.returncode != 2 or "can't be written" not in done.stderr or "Traceback" in done.stderr:
                    self.tally.lost.append(f"full disk: exit code {done.returncode}: {done.stderr[-300:]!r}")
                self.tally.full += 1
                wrong = half_done(out / self.stage.output, self.expected)
                if wrong:
                    self.tally.lost.append(f"full disk: {wrong}")
                enlarge()
                done = self._run(out)
                if done.returncode:
                    self.tally.lost.append(f"after the full disk: {done.stderr.strip().splitlines()[-1][:300]}")
                self._compare(out)

    def _compare(self, out: Path) -> None:
        self.tally.ended += 1
        if written(out / self.stage.output) != self.expected:
            self.tally.lost.append("other bytes than an undisturbed run")

    @contextlib.contextmanager
    def _small_disk(
        self, disk: Path, room: int
    ) -> Iterator[tuple[Path, Callable[[], None] | None, Callable[[], None]]]:
        """An output directory, a limit for the process, if any, and a function that removes the limit."""
        if mounted(disk):
            ballast = disk / "ballast"
            with open(ballast, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, DISK_BYTES - room)
            try:
                yield disk / "out", None, ballast.unlink
            finally:
                for entry in disk.iterdir():
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            return
        largest = max(map(len, self.expected.values()))
        allowed = max(1, largest * room // sum(map(len, self.expected.values())))
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (allowed, allowed)), lambda: None


def mounted(disk: Path) -> bool:
    return os.path.ismount(disk)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs of 64 MB, or a plain directory if mounting is not permitted."""
    disk = folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)]
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(["mount", *options], capture_output=True)
    try:
        yield disk
    finally:
        if mounted(disk):
            subprocess.run(["umount", str(disk)], check=True)


def make_data(path: Path, people: int) -> None:
    """Create a data set of drawn people."""
    sizes = ["--people", str(people), "--clips", "8", "--strangers", "2", "--nobody", "2", "--workers", "1"]
    subprocess.run(
        [sys.executable, "-m", "rcnn", "demo", "--output", str(path), *sizes], check=True, capture_output=True, cwd=ROOT
    )


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/faults.py --tries 50 --full 5")
    add = parser.add_argument
    add("--tries", default=50, type=whole, metavar="N", help="kills per stage")
    add("--full", default=5, type=whole, metavar="N", help="full disks per stage")
    add("--people", default=2, type=positive, metavar="N", help="drawn people in the data set, 8 clips each")
    add("--rows", default=3000, type=positive, metavar="N", help="clips with random vectors; a multiple of 1000")
    add("--save-seconds", default=0.2, type=number, metavar="S", help="progress is saved this often; normally 60")
    add("--seed", default=0, type=whole, metavar="N", help="seed of the moments")
    add("--work", metavar="DIR", help="keep the output of undisturbed runs for reuse; default: keep nothing")
    add("--stages", metavar="A,B", help="scripts to test; default: all")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    chosen = args.stages.split(",") if args.stages else [stage.script for stage in stages()]
    columns = ("stage", "undisturbed s", "SIGKILL", "SIGTERM", "SIGINT", "full disk", "ended", "lost", "slowest end s")
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder)) as disk:
        ref = Path(args.work or folder, "ref").resolve()
        if not ref.exists():
            ref.mkdir(parents=True)
            make_data(ref / "data", args.people)
            write_vectors(ref / "vectors", args.rows)
        print(f"full disk: {'tmpfs of 64 MB' if mounted(disk) else 'limit on the size of files'}")
        print(" | ".join((*columns, "said")), flush=True)
        for stage in stages():
            torment = Torment(stage, ref, rng, args.save_seconds)
            if stage.script in chosen:
                torment.kill(args.tries)
                torment.fill(args.full, disk)
                show(stage, torment.tally)


def show(stage: Stage, tally: Tally) -> None:
    """Print a row of the table, and failures below it."""
    asked = tally.kills["SIGTERM"] + tally.kills["SIGINT"]
    signals = [str(tally.kills[name]) for name in ("SIGKILL", "SIGTERM", "SIGINT")]
    counts = [str(tally.full), str(tally.ended), str(len(tally.lost))]
    row = [stage.script, f"{tally.seconds:.1f}", *signals, *counts, f"{tally.slowest:.2f}", f"{tally.said} of {asked}"]
    print(" | ".join(row), flush=True)
    for words, times in [*Counter(tally.lost).items(), *tally.unsaid.items()]:
        print(f"  {times} x {words}", flush=True)


if __name__ == "__main__":
    run_script(main)
