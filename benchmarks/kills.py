"""Kills every stage with SIGKILL on real clips, reruns it until it completes, and compares all output.

    python benchmarks/kills.py --videos ../shared/realvideo --tries 50 --work DIR

All six stages with `--recipe best`: detect.py follows all faces, genfeat.py uses the tracks that agree. The clips are
pieces of H.264 videos, cut without re-encoding; without videos, the demo's people are drawn. Half of the kills are at a
random moment of the stage's run time. The other half are shortly after a random change on disk (a file opened for
writing, a rename, an fsync), because most of a short run is imports. SIGKILL goes to the whole process group. After
each kill there must be no complete output or a valid one, and processes in their own groups (decoders) must end by
themselves. At the end all files must be identical to those of an undisturbed run, except for the seconds in a manifest
and the rows per second in a training record.

Each stage's tally is saved in DIR, so that an interrupted benchmark resumes.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults import ROOT, Stage, half_done, make_data, written

from rcnn.clips.dataset import TRAIN, VAL
from rcnn.clips.layout import STAGING, arrange, publish
from rcnn.commands.arguments import Parser, positive, whole
from rcnn.errors import InputError, run_script
from rcnn.tables import MANIFEST
from rcnn.tables.schema import PROGRESS

PIECE_SECONDS = 1  # length of a clip
STRIDE_SECONDS = 4  # from one clip start to the next
PIECES = 3  # per video; the last one of each person goes to val
LARGEST_WIDTH = 860  # pixels
DELAY_SECONDS = 0.02  # maximum delay from a disk change to the kill, because C++ threads continue writing
PATIENCE = 20.0  # seconds for decoders to notice that their parent is gone
MARK = "RCNN_KILLS"  # in the environment of all processes of a run
# smaller units than in production, so that a short run has something to interrupt
VALUES = {
    "rcnn.tables.writer": {"SAVE_SECONDS": 0.05},
    "rcnn.tables.table": {"PART_BYTES": 16 << 10},
    "rcnn.stages.detect": {"GROUP_CLIPS": 2},
    "rcnn.stages.feature": {"BATCH_CLIPS": 2},
    "rcnn.stages.genfeat": {"ROWS": 2},
    "rcnn.stages.predict": {"ROWS": 2},
    "rcnn.stages.submit": {"ROWS": 2},
}
# sets the values when their modules are imported; counts disk changes, and kills its process group after one of them
START = """
import importlib.abc, importlib.util, json, os, runpy, signal, sys, threading, time
values, output, at, delay, report = json.loads(sys.argv[1])
class Setter(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in values:
            return None
        new = values.pop(name)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (load(module), vars(module).update(new))
        return spec
sys.meta_path.insert(0, Setter())
changes = 0
def kill():
    time.sleep(delay)
    os.killpg(0, signal.SIGKILL)
def changed():
    global changes
    changes += 1
    if changes == at:
        kill() if delay == 0 else threading.Thread(target=kill, daemon=True).start()
def hook(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str) and path.startswith(output) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            changed()
    elif event in ("os.rename", "os.remove", "os.mkdir"):
        if str(arguments[0]).startswith(output):
            changed()
sys.addaudithook(hook)
fsync = os.fsync
def counted(descriptor):
    fsync(descriptor)
    changed()
os.fsync = counted
sys.argv = sys.argv[2:]
code = 0
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    code = end.code
finally:
    if report:
        with open(report, "w") as file:
            file.write(str(changes))
sys.exit(code)
"""


def stages() -> list[Stage]:
    """The six stages; {out} is their output folder, {ref} that of undisturbed runs."""
    best, cpu = ("--recipe", "best"), ("--gpu", "-1")
    detect = ("--dataset", "{ref}/data", "--output", "{out}/det")
    train = ("--data", "{ref}/train", "--prefix", "{out}/mlp", "--lr-step", "6,8,10")
    predict = ("--model", "{ref}/mlp,10", "--inputs", "{ref}/feat", "--output", "{out}/pred")
    return [
        Stage("detect.py", (*detect, *best, *cpu), "det"),
        Stage("feature.py", ("--input", "{ref}/det", "--output", "{out}/feat", "--aug", "1", *best, *cpu), "feat"),
        Stage("genfeat.py", ("--inputs", "{ref}/feat", "--output", "{out}/train", *best), "train"),
        Stage("train_mlp.py", (*train, *best, *cpu), "mlp-0010.params"),
        Stage("predict.py", (*predict, *best, *cpu), "pred"),
        Stage("submit.py", ("--inputs", "{ref}/pred", *best, "--output", "{out}/submission.txt"), "submission.txt"),
    ]


@dataclass(frozen=True)
class Piece:
    """A clip with its place in the data set: see `rcnn.clips.layout.PlacedClip`."""

    name: str
    split: str
    label: int


def cut_clips(videos: Path, output: Path, most: int) -> int:
    """Create a data set of pieces of real videos; returns their number. Each person is a label, and so is each video
    with several people."""
    with open(videos / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["codec"] == "h264" and int(row["width"]) <= LARGEST_WIDTH]
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        groups[row["person"] or Path(row["file"]).stem].append(row["file"])
    # videos with several people first, then people with most videos
    several = {row["person"] or Path(row["file"]).stem for row in rows if int(row["people_visible"]) > 1}
    order = sorted(groups, key=lambda who: (who not in several, -len(groups[who]), who))
    staging = output / STAGING
    staging.mkdir(parents=True)
    placed: list[Piece] = []
    people: list[str] = []
    for who in order:
        if len(placed) >= most:
            break
        pieces = [(file, number) for number in range(PIECES) for file in groups[who]]
        names = [cut(videos / file, staging, len(placed) + at, number) for at, (file, number) in enumerate(pieces)]
        kept = [name for name in names if name][:PIECES]
        if len(kept) == PIECES:
            people.append(who)
            splits = [*[TRAIN] * (PIECES - 1), VAL]
            placed += [Piece(name, split, len(people)) for name, split in zip(kept, splits, strict=True)]
    arrange(staging, placed, [piece.name for piece in placed], dict(enumerate(people, 1)))
    publish(staging, output)
    return len(placed)


def cut(video: Path, folder: Path, number: int, piece: int) -> str | None:
    """Cut a piece without re-encoding; returns its name, or None if the video is too short."""
    name = f"clip_{number:04d}_{piece}.mp4"
    seconds = ("-ss", str(piece * STRIDE_SECONDS), "-t", str(PIECE_SECONDS))
    command = ["ffmpeg", "-v", "error", "-nostdin", *seconds, "-i", video, "-c", "copy", "-an", "-y", folder / name]
    done = subprocess.run(command, capture_output=True)
    probe = ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]
    counted = subprocess.run([*probe, folder / name], capture_output=True, text=True).stdout.strip()
    if done.returncode or not counted.isdigit() or int(counted) < PIECE_SECONDS * 8:
        return None
    return name


def contents(out: Path) -> dict[str, bytes]:
    """All output files of a run, without the timings in manifests and training records."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and not path.name.endswith("lock"):
            data = path.read_bytes()
            if path.name == MANIFEST or path.name.endswith("-train.json"):
                told = json.loads(data)
                told.pop("seconds", None)
                for epoch in told.get("curve", []):
                    epoch.pop("rows_per_second")
                data = json.dumps(told).encode()
            found[str(path.relative_to(out))] = data
    return found


@dataclass
class Tally:
    """Results of a stage: kills by kind; states found after them; completed runs, and those resumed from saved work;
    the longest time that a process outlived its run; failures."""

    kills: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    outlived: float = 0.0
    lost: list[str] = field(default_factory=list)

    @staticmethod
    def read(path: Path) -> Tally:
        if not path.exists():
            return Tally()
        saved = json.loads(path.read_text(encoding="utf-8"))
        return Tally(Counter(saved["kills"]), Counter(saved["found"]), saved["ended"], saved["outlived"], saved["lost"])

    @property
    def tries(self) -> int:
        return self.kills.total()


class Kills:
    """Kills one stage. All its runs write to the same place, so that the paths in manifests are equal.

    Parameters
    ----------
    work : ref/ contains the output of undisturbed runs, out/ that of the current one
    seed : of the kill moments
    """

    def __init__(self, stage: Stage, work: Path, seed: int) -> None:
        self.stage, self.ref, self.out = stage, work / "ref", work / "out"
        self.note = work / f"{stage.script}.json"
        self.tally = Tally.read(self.note)
        self.rng = random.Random(f"{seed} {stage.script} {self.tally.tries}")
        measured = work / f"{stage.script}.undisturbed.json"
        if not measured.exists():
            self._measure(measured)
        told = json.loads(measured.read_text(encoding="utf-8"))
        self.seconds, self.changes = told["seconds"], told["changes"]
        self.expected = contents(work / "whole" / stage.script)
        self.bytes = written(work / "whole" / stage.script / stage.output)

    def _measure(self, measured: Path) -> None:
        """Run the stage undisturbed, as input of the next stages."""
        self._empty()
        report = measured.with_suffix(".changes")
        begun = time.monotonic()
        done = self._start(0, 0.0, str(report))
        errors = done.communicate()[1]
        if done.returncode:
            raise InputError(f"{self.stage.script} fails undisturbed: {errors.strip()[-300:]}")
        seconds = time.monotonic() - begun
        whole = measured.parent / "whole" / self.stage.script
        shutil.rmtree(whole, ignore_errors=True)
        shutil.copytree(self.out, whole)
        shutil.copytree(self.out, self.ref, dirs_exist_ok=True)
        measured.write_text(json.dumps({"seconds": seconds, "changes": int(report.read_text())}), encoding="utf-8")

    def _empty(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()

    def _start(self, at: int, delay: float, report: str = "") -> subprocess.Popen[str]:
        given = json.dumps([VALUES, str(self.out), at, delay, report])
        words = [argument.format(out=self.out, ref=self.ref) for argument in self.stage.arguments]
        return subprocess.Popen(
            [sys.executable, "-c", START, given, str(ROOT / self.stage.script), *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), MARK: str(os.getpid())},
        )

    def run(self, tries: int) -> None:
        """Kill the stage `tries` times, then let it complete."""
        while self.tally.tries < tries:
            self._empty()
            while not self._one_run(self.tally.tries < tries):
                pass
            self._compare()
            self.note.write_text(json.dumps(vars(self.tally)), encoding="utf-8")

    def _one_run(self, may_kill: bool) -> bool:
        """Start the stage and perhaps kill it; True if it completed."""
        by_change = may_kill and self.tally.tries % 2 == 1
        at = self.rng.randint(1, self.changes) if by_change else 0
        delay = self.rng.choice((0.0, self.rng.uniform(0, DELAY_SECONDS)))
        process = self._start(at, delay)
        moment = self.rng.uniform(0, self.seconds) if may_kill and not by_change else None
        try:
            errors = process.communicate(timeout=moment)[1]
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            errors = process.communicate()[1]
        if process.returncode == -signal.SIGKILL:
            self.tally.kills["at a change" if by_change else "at a moment"] += 1
            self._look()
            return False
        if process.returncode:
            self.tally.lost.append(f"exit code {process.returncode}: {errors.strip()[-300:]}")
        return True

    def _look(self) -> None:
        """Check the output and surviving processes after a kill."""
        begun = time.monotonic()
        while (left := relatives()) and time.monotonic() < begun + PATIENCE:
            time.sleep(0.05)
        self.tally.outlived = max(self.tally.outlived, time.monotonic() - begun)
        if left:
            self.tally.lost.append(f"{len(left)} processes outlive it by {PATIENCE:.0f} s")
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        place = self.out / self.stage.output
        wrong = half_done(place, self.bytes)
        if wrong:
            self.tally.lost.append(f"after a kill: {wrong}")
        self.tally.found[self._state(place)] += 1

    def _state(self, place: Path) -> str:
        if place.is_file() or (place / MANIFEST).exists():
            return "complete"
        saved = place / PROGRESS
        if saved.exists():
            return "some saved" if json.loads(saved.read_bytes())["rows"]["total"] else "begun"
        return "some saved" if any(self.out.glob("*-training.params")) else "nothing"

    def _compare(self) -> None:
        self.tally.ended += 1
        found = contents(self.out)
        if found != self.expected:
            names = sorted(name for name in {*found, *self.expected} if found.get(name) != self.expected.get(name))
            self.tally.lost.append(f"differs from an undisturbed run: {', '.join(names)}")


def relatives() -> list[int]:
    """Processes started by our runs that still exist."""
    mark = f"{MARK}={os.getpid()}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def report(rows: Sequence[tuple[Stage, Kills]]) -> None:
    for stage, kills in rows:
        tally = kills.tally
        cells = (
            stage.script, f"{kills.seconds:.1f}", kills.changes, tally.tries, dict(tally.kills), dict(tally.found),
            tally.ended, f"{tally.outlived:.2f}", len(tally.lost),
        )  # fmt: skip
        print(" | ".join(map(str, cells)), flush=True)
        for text, times in Counter(tally.lost).items():
            print(f"    {times} x {text}", flush=True)


def main() -> None:
    parser = Parser(__doc__.splitlines()[0], "python benchmarks/kills.py --videos ../shared/realvideo --tries 50")
    add = parser.add_argument
    add("--videos", default=str(ROOT.parent / "shared/realvideo"), metavar="DIR", help="real videos and manifest.csv")
    add("--clips", default=36, type=positive, metavar="N", help="approximate number of clips to cut")
    add("--tries", default=50, type=whole, metavar="N", help="kills per stage")
    add("--seed", default=0, type=whole, metavar="N", help="seed of the kill moments")
    add("--work", metavar="DIR", help="keep everything, to resume later; default: keep nothing")
    add("--stages", metavar="A,B", help="scripts to test; default: all")
    args = parser.parse_args()
    scripts = [stage.script for stage in stages()]
    chosen = args.stages.split(",") if args.stages else scripts
    for name in chosen:
        if name not in scripts:
            raise InputError(f"--stages {name}: is not a script; they are {','.join(scripts)}")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(args.work or folder).resolve()
        (work / "ref").mkdir(parents=True, exist_ok=True)
        data = work / "ref/data"
        if not (data / "gt_v2").exists():
            shutil.rmtree(data, ignore_errors=True)
            if Path(args.videos, "manifest.csv").exists():
                print(f"{cut_clips(Path(args.videos), data, args.clips)} clips of real videos", flush=True)
            else:
                make_data(data, 2)
                print("clips of drawn people", flush=True)
        print("stage | undisturbed s | changes | tries | kills | after them | ended | outlived s | lost", flush=True)
        for stage in stages():
            kills = Kills(stage, work, args.seed)
            if stage.script in chosen:
                kills.run(args.tries)
                report([(stage, kills)])


if __name__ == "__main__":
    run_script(main)
