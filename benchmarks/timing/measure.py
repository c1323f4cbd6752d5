"""Measures a command: seconds, processor time and peak memory, including all its child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcnn.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
KIB = 1024
SAMPLE_SECONDS = 0.25  # between two samples of the memory of all processes
SHOWN = 2000  # characters shown of a failed command's output

# A process counts memory that it had before exec, so the command is started from a small process. That process also
# adopts orphans of the command (PR_SET_CHILD_SUBREAPER), so that their processor time counts too.
LAUNCHER = """
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
report = int(sys.argv[1])
started = time.monotonic()
done = subprocess.run(sys.argv[2:], pass_fds=())
seconds = time.monotonic() - started
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
usage = {"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "kib": used.ru_maxrss}
os.write(report, json.dumps(usage).encode())
sys.exit(done.returncode)
"""


@dataclass(frozen=True)
class Usage:
    """Resource usage of a command.

    seconds : from start to end
    cpu_seconds : user and system time of all its processes
    peak_mb : 10^6 bytes; the largest resident set of one process, or the largest sampled total of all of them with
        shared memory counted once, if that was more
    output : its standard output
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str

    def busy(self, cores: int) -> float:
        """Share of the time of `cores` cores that it used."""
        return self.cpu_seconds / self.seconds / cores


def run(command: Sequence[object], cores: Sequence[int] = (), variables: Mapping[str, str] | None = None) -> Usage:
    """Run a command in the repository's root and measure it.

    Parameters
    ----------
    command : program and arguments
    cores : processor cores it may use; empty for those of this process
    variables : environment variables, added to this process's

    Raises
    ------
    InputError
        If it can't be started or fails; its output goes to stderr.
    """
    reading, writing = os.pipe()
    words = [sys.executable, "-S", "-c", LAUNCHER, str(writing), *(str(word) for word in command)]
    with subprocess.Popen(
        words,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[writing],
        env={**os.environ, **(variables or {})},
        preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
    ) as process:
        os.close(writing)
        output, errors, together = _watch(process)
    with os.fdopen(reading) as pipe:
        report = pipe.read()
    if process.returncode:
        print((output + errors)[-SHOWN:], file=sys.stderr)
        raise InputError(f"{' '.join(words[5:])}: failed with status {process.returncode}, its last words are above")
    usage = json.loads(report)
    peak = max(usage["kib"], together) * KIB / 1e6
    return Usage(usage["seconds"], usage["cpu_seconds"], peak, output)


def _watch(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    """Wait for a process; returns its output, its errors, and the peak KiB of its descendants together."""
    together = 0
    while True:
        try:
            output, errors = process.communicate(timeout=SAMPLE_SECONDS)
        except subprocess.TimeoutExpired:
            together = max(together, sum(_proportional_kib(pid) for pid in _descendants(process.pid)))
        else:
            return output, errors, together


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    for thread in threads:
        if thread != str(pid):
            try:
                children += Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii").split()
            except OSError:
                continue
    found = [int(child) for child in children]
    return [*found, *(one for child in found for one in _descendants(child))]


def _proportional_kib(pid: int) -> int:
    """Proportional resident memory of a process (shared pages divided among their users)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def python(script: str, *arguments: object, cores: Sequence[int] = ()) -> Usage:
    """`run` for a script of this repository, with this process's Python."""
    return run([sys.executable, script, *arguments], cores)
