"""Nothing leaves the machine: no connection, no name looked up, and nothing kept in the home directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_people import framed, portrait, put_clip, write_album

ROOT = Path(__file__).resolve().parents[1]
# in every process that Python starts: what it wants of the network
WATCH = """
import os, sys
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not str(arguments[1][0]).startswith("127."):
        note(event, arguments[1])
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        note(event, arguments[0])
def note(*words):
    with open(os.environ["WATCHED"], "a") as file:
        print(os.getpid(), *words, file=file)
sys.addaudithook(watch)
"""
USE = "import sys; from rcnn import FaceFinder; assert len(FaceFinder().get(sys.argv[1])) == 1"
TRY = "import urllib.request as request\ntry: request.urlopen('http://host.invalid', timeout=1)\nexcept OSError: pass"


@pytest.fixture
def watched(tmp_path):
    """Runs Python and returns what the network was wanted for, and what is new in the home directory."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch/sitecustomize.py").write_text(WATCH)
    home, notes = tmp_path / "home", tmp_path / "notes"
    home.mkdir()

    def run(*words: object) -> tuple[str, list[str]]:
        environment = {name: value for name, value in os.environ.items() if name != "CI"}  # where OpenVINO is silent
        environment |= {
            "HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache"), "WATCHED": str(notes),
            "PYTHONPATH": os.pathsep.join((str(tmp_path / "watch"), str(ROOT))),
        }  # fmt: skip
        command = [sys.executable, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-3000:]
        return notes.read_text() if notes.exists() else "", sorted(path.name for path in home.iterdir())

    return run


def test_the_watch_sees_what_wants_the_network(watched):
    assert "host.invalid" in watched("-c", TRY)[0]


def test_a_photograph(watched, tmp_path):
    photograph = next(write_album(tmp_path / "people", [1]).rglob("*.jpg"))
    assert watched("-c", USE, photograph) == ("", [])


def test_people_in_films(watched, tmp_path):
    write_album(tmp_path / "people", [1, 1])
    put_clip(tmp_path / "films/film.mp4", [framed(portrait(0, 1), shift) for shift in range(25)])
    words = ("find", "--people", tmp_path / "people", "--clips", tmp_path / "films", "--output", tmp_path / "found")
    assert watched("-m", "rcnn", *words, "--gpu", "-1") == ("", [])


def test_int8(watched, tmp_path):
    pytest.importorskip("nncf")
    assert watched("-c", "import rcnn.networks.engine.int8, nncf") == ("", [])
