"""A finished demo, small, which several test files look at: making it takes longer than looking."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from reference_models import ROOT

PEOPLE, CLIPS, STRANGERS, NOBODY = 4, 4, 2, 4
SAID = "said.txt"  # what the driver printed; it appears last


@dataclass(frozen=True)
class Finished:
    """What `make demo` leaves, of fewer people. Nobody writes into it: who has to takes a copy.

    data : the data set
    output : where `run.sh` wrote; the classifier is `output/iqiyi`
    text : what the driver printed
    """

    data: Path
    output: Path
    text: str

    @staticmethod
    def read(work: Path) -> Finished:
        """The one in `work`, which the first of all test processes that asks makes."""
        work.mkdir(exist_ok=True)
        with (work / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (work / SAID).exists():
                _make(work)
        return Finished(work / "data", work / "output", (work / SAID).read_text())


def _make(work: Path) -> None:
    sizes = ("--people", PEOPLE, "--clips", CLIPS, "--strangers", STRANGERS, "--nobody", NOBODY)
    _run(ROOT, sys.executable, "-m", "rcnn", "demo", "--output", work / "data", "--overwrite", *sizes)
    text = _run(
        work, "bash", ROOT / "run.sh", "--dataset", work / "data", "--output", work / "output",
        "--prefix", work / "output/iqiyi",
        "--num-classes", PEOPLE + 1, "--gpu", "-1", "--recipe", "seed",
    )  # fmt: skip
    (work / "saying").write_text(text)
    (work / "saying").rename(work / SAID)


def _run(folder: Path, *command: object) -> str:
    """What a command prints. Stages run elsewhere than in the clone, so that manifests name models by whole paths."""
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout
