"""What the documentation names exists: files, flags of commands, pictures that are small."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from rcnn.__main__ import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LARGEST_PICTURE = 300_000  # bytes
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)


@lru_cache
def help_of(program: tuple[str, ...]) -> str:
    """What `--help` prints; of commands of `rcnn` in this process, which is many times as fast."""
    name = program[-1].removesuffix(".py")
    if program[0] == sys.executable and name in COMMANDS:
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            patch.setattr(sys, "argv", ["rcnn", name, "--help"])
            main()
        return said.getvalue()
    done = subprocess.run([*program, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands() -> list[tuple[str, list[str]]]:
    """Page and words of every command of ours in a block; a line that ends in a backslash goes on."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith(("python ", "rcnn ", "./run.sh")):
                    found.append((page.name, shlex.split(line, comments=True)))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_flags_of_commands_exist():
    seen = commands()
    assert len(seen) > 20
    for page, words in seen:
        if words[0] == "./run.sh":
            program, rest = ("bash", "run.sh"), words[1:]
        elif words[0] == "rcnn":
            program, rest = (sys.executable, "-m", *words[:2]), words[2:]
        else:
            length = 4 if words[1:3] == ["-m", "rcnn"] else 3 if words[1] == "-m" else 2
            program, rest = (sys.executable, *words[1:length]), words[length:]
        for word in rest:
            if word.startswith("--"):
                assert re.search(rf"{word}\b", help_of(program)), f"{page}: {' '.join(words)}: {word}"


def test_pictures_are_used_and_small():
    pictures = sorted((ROOT / "docs/images").iterdir())
    text = "".join(page.read_text() for page in PAGES)
    assert pictures
    for picture in pictures:
        assert picture.suffix in (".jpg", ".png", ".svg") and picture.stat().st_size < LARGEST_PICTURE, picture
        assert f"images/{picture.name}" in text, picture


def test_paths_of_the_code_that_are_named_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for path in re.findall(r"\b((?:rcnn|tests|benchmarks|docs)/[\w./]*)", text):
        assert (ROOT / path.rstrip(".")).exists(), path
