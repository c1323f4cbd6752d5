"""An output that is removed or exchanged while a run writes there: one line, and nothing that looks whole."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn import files
from rcnn.errors import InputError
from rcnn.files.lock import Lock
from rcnn.report import Report, write_page
from rcnn.stages.submit import write_submission
from rcnn.tables import MANIFEST, StageWriter, features_schema, vector_array, writer

NAMES = ["a.mp4", "b.mp4", "c.mp4"]


def add(out: StageWriter, name: str) -> None:
    who = {"name": name, "split": "test"}
    columns = [pa.array([name]), pa.array(["test"]), vector_array(np.ones((1, 4)))]
    out.add_rows(pa.RecordBatch.from_arrays(columns, schema=out.schema))
    out.add_clips([{**who, "state": "ok", "reason": "", "frames": 1, "faces": 1}])
    out.save(clips=NAMES.index(name) + 1)


def removed(path: Path) -> None:
    shutil.rmtree(path)


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def exchanged(path: Path) -> None:
    moved(path)
    path.mkdir()


def taken_by_another_run(path: Path) -> None:
    moved(path)
    shutil.copytree(path.with_name("elsewhere"), path)


def became_a_file(path: Path) -> None:
    moved(path)
    path.write_bytes(b"mine")


FATES = (removed, moved, exchanged, taken_by_another_run, became_a_file)


@pytest.mark.parametrize("saving", [0.0, 60.0], ids=["saves at once", "saves later"])
@pytest.mark.parametrize("when", range(4))
@pytest.mark.parametrize("fate", FATES)
def test_the_directory(tmp_path, monkeypatch, fate, when, saving):
    monkeypatch.setattr(writer, "SAVE_SECONDS", saving)
    path = tmp_path / "out"
    with (
        pytest.raises(InputError, match=r"out: was removed or moved while this run wrote there"),
        StageWriter(str(path), "feature", features_schema(4)) as out,
    ):
        for number, name in enumerate(NAMES):
            if number == when:
                fate(path)
            add(out, name)
        if when == len(NAMES):
            fate(path)
    assert not list(tmp_path.rglob(MANIFEST))
    if fate is taken_by_another_run:
        assert (path / "lock").is_file()  # of the other run, as far as we know
    if fate is exchanged:
        assert not list(path.iterdir())


@pytest.mark.parametrize("table", ["features", "clips"])
@pytest.mark.parametrize("again", [False, True], ids=["removed", "empty again"])
def test_a_folder_of_parts(tmp_path, monkeypatch, table, again):
    monkeypatch.setattr("rcnn.tables.table.PART_BYTES", 1)
    path = tmp_path / "out"
    with pytest.raises(InputError, match=r"out: "), StageWriter(str(path), "feature", features_schema(4)) as out:
        add(out, "a.mp4")
        shutil.rmtree(path / table)
        if again:
            (path / table).mkdir()
        add(out, "b.mp4")
    assert not list(tmp_path.rglob(MANIFEST))


def test_the_run_goes_on_when_the_directory_is_back(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(InputError), StageWriter(str(path), "feature", features_schema(4)) as out:
        moved(path)
        add(out, "a.mp4")
    (tmp_path / "elsewhere").rename(path)
    with StageWriter(str(path), "feature", features_schema(4)) as out:
        for name in NAMES:
            add(out, name)
    assert (path / MANIFEST).is_file()


@pytest.mark.parametrize("fate", FATES)
def test_a_lock_is_let_go_without_touching_that_of_others(tmp_path, fate):
    path = tmp_path / "out"
    path.mkdir()
    lock = Lock(str(path / "lock"), str(path), "--output")
    lock.check()
    fate(path)
    with pytest.raises(InputError, match="removed or moved"):
        lock.check()
    lock.release()
    lock.release()
    assert (path / "lock").exists() == (fate is taken_by_another_run)


WRITERS: dict[str, Callable[[str], object]] = {
    "a submission": lambda path: write_submission(path, {1: ["a"]}),
    "a page": lambda path: write_page(path, Report("t")),
    "what is removed first": files.discard,
}


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("what", WRITERS)
def test_a_device_or_a_pipe_is_refused_and_stays(tmp_path, what, kind):
    place = tmp_path / "x"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        try:
            os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 7))  # /dev/full
        except PermissionError:
            pytest.skip("only root makes devices")
    with pytest.raises(InputError, match="is a device, pipe or socket, which is not replaced"):
        WRITERS[what](str(place))
    assert not stat.S_ISREG(place.lstat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("place", ["/dev/full", "/dev/stdout"])
def test_what_lies_among_the_devices_is_refused(place):
    with pytest.raises(OSError, match="not replaced"):
        files.check_replaceable(place)  # alone: as root the others would do it if they could
