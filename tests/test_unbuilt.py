"""A clone that `make` has not built: the extensions of an installed package serve, if they are of the same sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rcnn.installation import VERSION

ROOT = Path(__file__).resolve().parents[1]
USE = "from rcnn.cython.nms import nms; print(nms.__module__)"


@pytest.fixture
def clone(tmp_path):
    """The code and the scripts, with nothing compiled."""
    folder = tmp_path / "clone"
    compiled = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    shutil.copytree(ROOT / "rcnn", folder / "rcnn", ignore=compiled)
    (folder / "model").symlink_to(ROOT / "model")
    for script in ("detect.py", "submit.py"):
        shutil.copy(ROOT / script, folder)
    return folder


@pytest.fixture
def site(tmp_path):
    """What pip leaves of the same sources."""
    folder = tmp_path / "site"
    (folder / f"rcnn-{VERSION}.dist-info").mkdir(parents=True)
    (folder / f"rcnn-{VERSION}.dist-info/METADATA").write_text(
        f"Metadata-Version: 2.1\nName: rcnn\nVersion: {VERSION}\n"
    )
    shutil.copytree(ROOT / "rcnn/cython", folder / "rcnn/cython", ignore=shutil.ignore_patterns("*.c"))
    return folder


def python(clone: Path, *words: str, path: tuple[Path, ...] = (), only: bool = False) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (clone, *path)))}
    flags = ["-S"] if only else []  # without the packages that are installed
    command = [sys.executable, *flags, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=clone, env=environment)


def test_the_installed_ones_serve(clone, site):
    done = python(clone, "-c", USE, path=(site,))
    assert (done.returncode, done.stdout) == (0, "rcnn.cython.nms\n"), done.stderr
    assert python(clone, "detect.py", "--help", path=(site,)).returncode == 0


@pytest.mark.parametrize(
    "words", [["detect.py", "--dataset", "x"], ["-m", "rcnn", "find", "--people", "x", "--clips", "y"]]
)
def test_without_them_a_line_says_what_to_run(clone, words):
    done = python(clone, *words)
    assert done.returncode == 2
    assert (
        done.stderr.count("\n") == 1
        and f"compiled parts of the clone in {clone} are not built; run make" in done.stderr
    )


def test_those_of_other_sources_do_not_serve(clone, site):
    with (site / "rcnn/cython/nms.pyx").open("a") as file:
        file.write("# older\n")
    done = python(clone, "-c", USE, path=(site,))
    assert done.returncode == 1 and "are not built; run make there" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("script", ["detect.py", "submit.py"])
def test_without_any_package_a_line_says_what_to_run(clone, script):
    done = python(clone, script, "--output", "x", only=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f", which {sys.executable} does not have; run make in {clone}, then . .venv/bin/activate" in done.stderr
