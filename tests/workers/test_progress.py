"""Progress is a line every few seconds in a log, and a bar on a terminal, also behind the pipes of run.sh."""

from __future__ import annotations

import os
import pty
import re

import pytest

from rcnn.workers import progress as module
from rcnn.workers.progress import progress

LINE = r"detect: (\d+) of 4 clips, (\d+)%, +[\d.?]+(?:clip/s|s/clip), \d\d:\d\d gone, [\d:?]+ left"


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time of progress and of tqdm, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def test_a_log_has_a_line_every_few_seconds_and_one_at_the_end(capsys, clock):
    with progress(what="detect", unit="clip", total=4) as bar:
        for seconds in (1.0, module.LOG_SECONDS, 1.0, 1.0):
            clock[0] += seconds
            bar.update()
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert [re.fullmatch(LINE, line).groups() for line in lines] == [("2", "50"), ("4", "100")]
    assert "\r" not in text


def test_of_how_many_need_not_be_known_and_items_go_through(capsys, clock):
    assert list(progress(iter("ab"), what="read", unit="file")) == ["a", "b"]
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"read: 2 files, +[\d.?]+file/s, \d\d:\d\d gone", line)


def test_an_earlier_runs_part_counts_and_nothing_new_says_nothing(capsys):
    with progress(what="detect", unit="clip", total=4, initial=3) as bar:
        bar.update()
    assert "4 of 4 clips" in capsys.readouterr().err


def test_behind_pipes_the_terminal_has_the_bar_and_the_log_the_lines(capsys, tmp_path, monkeypatch):
    ours, theirs = pty.openpty()
    monkeypatch.setenv(module.TERMINAL, str(theirs))
    monkeypatch.setenv(module.LOG, str(tmp_path / "detect.log"))
    with progress(what="detect", unit="clip", total=4) as bar:
        bar.update(4)
    assert "\r" in os.read(ours, 1 << 16).decode()
    assert re.fullmatch(LINE, (tmp_path / "detect.log").read_text().strip())
    assert capsys.readouterr().err == ""
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("number", ["", "x", "9999"])
def test_without_a_terminal_behind_them_lines_go_to_standard_error(capsys, number, tmp_path, monkeypatch):
    monkeypatch.setenv(module.TERMINAL, number)
    monkeypatch.setenv(module.LOG, str(tmp_path / "detect.log"))
    with progress(what="detect", unit="clip", total=4) as bar:
        bar.update(4)
    assert "4 of 4 clips" in capsys.readouterr().err and not (tmp_path / "detect.log").exists()
