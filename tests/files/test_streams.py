"""Standard output and standard error that are full or closed lose lines, and never the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
from rcnn.errors import InputError, run_script
from rcnn.workers.progress import progress
def main():
    print("first", flush=True)
    for _ in progress(range(3), what="x", unit="clip"):
        pass
    with open(sys.argv[1], "w") as file:
        print("to the file", file=file)
        print("to nobody", file=sys.stderr, flush=True)
        import os
        try:
            os.write(2, b"of a library")  # which knows the number alone
        except OSError:
            pass
        print("second")
    if sys.argv[2] == "fail":
        raise InputError("a thing: is wrong; fix it")
run_script(main)
"""


def start(tmp_path: Path, streams: str, what: str = "end") -> tuple[int, str, str]:
    """Exit code, and what standard error and the run's file hold."""
    with open(tmp_path / "heard", "wb") as heard:
        done = subprocess.run(
            ["bash", "-c", f'exec "$@" {streams}', "bash", sys.executable, "-c", CODE, str(tmp_path / "file"), what],
            stdout=subprocess.DEVNULL, stderr=heard, cwd=ROOT,
        )  # fmt: skip
    return done.returncode, (tmp_path / "heard").read_text(), (tmp_path / "file").read_text()


@pytest.mark.parametrize(
    ("streams", "code", "why"),
    [
        (">/dev/full", 2, "No space left on device"),
        (">&-", 2, "Bad file descriptor"),
        ("2>/dev/full", 0, None),
        ("2>&-", 0, None),
        (">/dev/full 2>/dev/full", 2, None),
        ("<&- >&- 2>&-", 2, None),
    ],
)
def test_the_work_is_done_and_the_loss_is_said(tmp_path, streams, code, why):
    found, heard, written = start(tmp_path, streams)
    assert found == code, heard
    assert written == "to the file\n"  # and no line of a stream whose number the file could have got
    assert "Traceback" not in heard and "Exception" not in heard
    if why is not None:
        assert f"error: standard output: can't be written: {why}; lines are lost" in heard.splitlines()[-1]


@pytest.mark.parametrize("streams", [">/dev/full", ">&-", "2>/dev/full", "2>&-", "<&- >&- 2>&-"])
def test_an_error_is_still_exit_code_2(tmp_path, streams):
    code, heard, _ = start(tmp_path, streams, "fail")
    assert code == 2
    assert "Traceback" not in heard and heard.count("standard output") == 0
    if "2>" not in streams:
        assert heard.endswith("error: a thing: is wrong; fix it\n")


def test_a_reader_that_has_seen_enough_ends_it_without_a_line(tmp_path):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "file"), "end"], stdout=write, stderr=subprocess.PIPE, cwd=ROOT
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("streams", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", [["genfeat.py", "--help"], ["-m", "rcnn"], ["-m", "rcnn", "zoo"]])
def test_help_that_nobody_reads(words, streams):
    command = ["bash", "-c", f'exec "$@" {streams}', "bash", sys.executable, *words]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
