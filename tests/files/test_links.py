"""No link is followed inside an output, whoever laid it there: what it points to keeps its bytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn import files
from rcnn.errors import InputError, Stopped
from rcnn.files.json import write_json
from rcnn.files.lock import Lock
from rcnn.networks.checkpoint import load_checkpoint, save_checkpoint
from rcnn.report import Report, write_page
from rcnn.stages.sheets import Sheets
from rcnn.stages.submit import write_submission
from rcnn.tables import StageWriter, features_schema, vector_array
from rcnn.training.rounds import write_curve

SECRET = b"three years of work"
MODEL = Path(__file__).resolve().parents[2] / "model/face-m,0"
NAMES = ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


@pytest.fixture
def treasure(tmp_path) -> Path:
    """A folder with a file that nobody may touch."""
    folder = tmp_path / "treasure"
    folder.mkdir()
    (folder / "thesis.tex").write_bytes(SECRET)
    (folder / "part-00007.parquet").write_bytes(SECRET)
    return folder


@pytest.fixture(autouse=True)
def untouched(treasure):
    """After each test the folder has what it had."""
    yield
    assert {path.name: path.read_bytes() for path in treasure.iterdir()} == {
        "thesis.tex": SECRET, "part-00007.parquet": SECRET,
    }  # fmt: skip


def write(path: Path, stop_after: int = len(NAMES), overwrite: bool = False) -> None:
    """Features of four clips, one after the other."""
    with StageWriter(str(path), "feature", features_schema(4), overwrite=overwrite) as out:
        for number in range(out.state.get("clips", 0), len(NAMES)):
            if number >= stop_after:
                raise Stopped(15)
            who = {"name": NAMES[number], "split": "test"}
            columns = [pa.array([who["name"]]), pa.array(["test"])]
            out.add_rows(
                pa.RecordBatch.from_arrays([*columns, vector_array(np.full((1, 4), number))], schema=out.schema)
            )
            out.add_clips([{**who, "state": "ok", "reason": "", "frames": 1, "faces": 1}])
            out.save(clips=number + 1)


@pytest.fixture
def stopped(tmp_path) -> Path:
    """An output that a run left."""
    with pytest.raises(Stopped):
        write(tmp_path / "out", 2)
    return tmp_path / "out"


def lay(link: Path, target: Path) -> None:
    """A link in place of what is there."""
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


PLACES = (
    "lock", "manifest.json", "manifest.json.part", "progress.json", "progress.json.part", "clips", "features", "int8",
    "clips/part-00000.parquet", "clips/part-00000.parquet.part", "features/part-00001.parquet.part",
    "features/part-00009.parquet",
)  # fmt: skip


@pytest.mark.parametrize("overwrite", [False, True], ids=["resume", "overwrite"])
@pytest.mark.parametrize("name", PLACES)
def test_a_link_in_a_stage_directory_is_named_and_not_followed(stopped, treasure, name, overwrite):
    target = treasure if "." not in name and name != "lock" else treasure / "thesis.tex"
    lay(stopped / name, target)
    with pytest.raises(InputError, match=rf"out/{name}: is a link.*remove it"):
        write(stopped, overwrite=overwrite)
    (stopped / name).unlink()
    write(stopped, overwrite=True)


def test_the_output_itself_may_be_a_link(stopped, tmp_path):
    (tmp_path / "link").symlink_to(stopped)
    write(tmp_path / "link")
    assert (stopped / "manifest.json").is_file()


def test_a_folder_that_becomes_a_link_in_mid_run_is_not_written_to(tmp_path, treasure):
    with (
        pytest.raises(InputError, match=r"out/features: is a link"),
        StageWriter(str(tmp_path / "out"), "feature", features_schema(4)) as out,
    ):
        columns = [pa.array(["a"]), pa.array(["test"]), vector_array(np.ones((1, 4)))]
        out.add_rows(pa.RecordBatch.from_arrays(columns, schema=out.schema))
        out.add_clips([{"name": "a", "split": "test", "state": "ok", "reason": "", "frames": 1, "faces": 1}])
        lay(tmp_path / "out/features", treasure)


@pytest.mark.parametrize("kind", ["link", "hard link", "dangling link", "pipe", "directory"])
def test_what_is_no_lock_of_ours_is_not_emptied(tmp_path, treasure, kind):
    lock = tmp_path / "lock"
    if kind == "link":
        lock.symlink_to(treasure / "thesis.tex")
    elif kind == "dangling link":
        lock.symlink_to(treasure / "new")
    elif kind == "hard link":
        os.link(treasure / "thesis.tex", lock)
    elif kind == "pipe":
        os.mkfifo(lock)
    else:
        lock.mkdir()
    with pytest.raises(InputError, match=r"lock: is a link or not a file"):
        Lock(str(lock), "out", "--output")


def symbol(path: Path) -> None:
    save_checkpoint(f"{path.with_name('m')},0", load_checkpoint(str(MODEL)))


def write_sheet(path: Path) -> None:
    with Sheets(str(path.parents[1])) as sheets:
        sheets.add(f"{path.parent.name}/{path.name}", b"a sheet")


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "json": ("x.json", lambda path: write_json(str(path), {})),
    "page": ("report.html", lambda path: write_page(str(path), Report("t"))),
    "submission": ("s.txt", lambda path: write_submission(str(path), {1: ["a"]})),
    "sheet": ("sheets/no-face/a.jpg", lambda path: write_sheet(path)),
    "params": ("m-0000.params", symbol),
    "symbol": ("m-symbol.json", symbol),
    "curve": ("p-training.jsonl", lambda path: write_curve(str(path).removesuffix("-training.jsonl"), [])),
}


@pytest.mark.parametrize("hard", [False, True], ids=["link", "hard link"])
@pytest.mark.parametrize("ending", ["", ".part"])
@pytest.mark.parametrize("kind", WRITERS)
def test_files_are_put_in_place_of_links(tmp_path, treasure, kind, ending, hard):
    name, action = WRITERS[kind]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(path.name + ending)
    os.link(treasure / "thesis.tex", place) if hard else place.symlink_to(treasure / "thesis.tex")
    action(path)
    assert path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1


def test_a_folder_of_sheets_that_is_a_link_is_refused(tmp_path, treasure):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets/ok").symlink_to(treasure)
    with pytest.raises(InputError, match=r"sheets/ok: is a link"):
        write_sheet(tmp_path / "sheets/ok/a.jpg")


def test_a_quantised_network_is_not_written_through_a_link(tmp_path, treasure):
    pytest.importorskip("nncf", reason="NNCF of requirements-int8.txt is not installed")
    from rcnn.networks.engine import load_network
    from rcnn.networks.engine.int8 import quantise

    network = load_network(load_checkpoint(str(MODEL)), ["fc1_output"], images=True)
    images = np.zeros((1, 112, 112, 3), np.uint8)
    (tmp_path / "int8").mkdir()
    (tmp_path / "int8/quality.xml").symlink_to(treasure / "thesis.tex")
    os.link(treasure / "thesis.tex", tmp_path / "int8/quality.bin")
    quantise(network, images, str(tmp_path / "int8/quality"))
    (tmp_path / "other").symlink_to(treasure)
    with pytest.raises(InputError, match="other: is a link"):
        quantise(network, images, str(tmp_path / "other/quality"))


def test_removing_a_folder_removes_nothing_behind_a_link(tmp_path, treasure):
    (tmp_path / "link").symlink_to(treasure)
    with pytest.raises(InputError, match="is a link"):
        files.remove_tree(str(tmp_path / "link"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/inner").symlink_to(treasure)
    files.remove_tree(str(tmp_path / "folder"))
    assert not (tmp_path / "folder").exists()
