"""Outputs in an object store grow as those on the disk do, where nothing can be renamed."""

from __future__ import annotations

import contextlib

import pytest
from growing import clip_of, run

from rcnn import files
from rcnn.errors import Stopped
from rcnn.files import writing
from rcnn.tables import table, writer
from rcnn.tables.whole import faults

OLD = [clip_of(f"{number}.mp4", 10 + number) for number in range(5)]
NEW = [*OLD[:2], clip_of("2a.mp4", 3), clip_of(OLD[3].name, 6), *OLD[4:]]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 400)
    monkeypatch.setattr(writer, "SAVE_SECONDS", 0.0)


def tables(url: str) -> dict[str, bytes]:
    return {
        f"{folder}/{name}": files.read_bytes(files.join(url, folder, name))
        for folder in ("clips", "faces")
        for name in files.names(files.join(url, folder))
    }


def test_it_grows_there(s3):
    run(s3.url("run"), OLD)
    work = run(s3.url("run"), NEW)
    assert (work.kept, work.done) == ("3 clips kept, 1 new, 1 changed, 1 gone", ["2a.mp4", "3.mp4"])
    run(s3.url("fresh"), NEW)
    assert tables(s3.url("run")) == tables(s3.url("fresh"))
    assert files.names(s3.url("run")) == ["clips", "faces", "manifest.json"]
    assert faults(s3.url("run")) == []


class Killed(BaseException):
    pass


class Mover:
    """Dies in the n-th move, between the copy and the removal."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, source: str, target: str) -> None:
        if self.left == 0:
            files.put(target, files.read_bytes(source))
            raise Killed
        self.left -= 1
        writing.move(source, target)


@pytest.mark.parametrize("stop_after", [None, 3], ids=["complete", "stopped"])
def test_it_may_be_killed_between_a_copy_and_a_removal(s3, monkeypatch, stop_after):
    """What was moved lies in both places then."""
    monkeypatch.setattr(writer, "SAVE_SECONDS", 1e9)  # no clip comes before the moves
    run(s3.url("fresh"), NEW)
    for after in range(3):
        url = s3.url(f"run{after}")
        with contextlib.suppress(Stopped):
            run(url, OLD, stop_after=stop_after)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(files, "move", Mover(after))
            run(url, NEW)
        run(url, NEW)
        assert tables(url) == tables(s3.url("fresh"))
        assert "before" not in files.names(url)
