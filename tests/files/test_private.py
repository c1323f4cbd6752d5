"""What holds faces, names or vectors is made for its user alone, whatever the umask is."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn import files
from rcnn.clips import layout
from rcnn.files.json import write_json
from rcnn.files.lock import Lock
from rcnn.networks.checkpoint import load_checkpoint, save_checkpoint
from rcnn.report import Report, write_page
from rcnn.stages.sheets import Sheets
from rcnn.stages.submit import write_submission
from rcnn.tables import StageWriter, features_schema, vector_array

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Clip:
    name: str
    split: str
    label: int


@pytest.fixture(params=[0o000, 0o022], ids=["umask 0", "umask 022"])
def open_umask(request):
    old = os.umask(request.param)
    yield
    os.umask(old)


def modes(folder: Path) -> dict[str, int]:
    """Of everything in a folder, by name."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in sorted(folder.rglob("*"))}


def check(folder: Path) -> None:
    found = modes(folder)
    assert found
    for name, mode in found.items():
        assert mode == (0o700 if (folder / name).is_dir() else 0o600), (name, oct(mode))


def test_a_stage_directory(open_umask, tmp_path):
    with StageWriter(str(tmp_path / "new/out"), "feature", features_schema(4)) as out:
        columns = [pa.array(["a"]), pa.array(["test"]), vector_array(np.ones((1, 4)))]
        out.add_rows(pa.RecordBatch.from_arrays(columns, schema=out.schema))
        out.add_clips([{"name": "a", "split": "test", "state": "ok", "reason": "", "frames": 1, "faces": 1}])
        check(tmp_path)  # the lock and the progress, too
    check(tmp_path)


def write_sheet(path: Path) -> None:
    with Sheets(str(path.parents[1])) as sheets:
        sheets.add(f"{path.parent.name}/{path.name}", b"a sheet")


def test_pages_submissions_sheets_and_classifiers(open_umask, tmp_path):
    write_page(str(tmp_path / "a/report.html"), Report("t"))
    write_submission(str(tmp_path / "b/s.txt"), {1: ["a"]})
    write_sheet(tmp_path / "c/no-face/a.jpg")
    save_checkpoint(f"{tmp_path}/d/mlp,0", load_checkpoint(str(ROOT / "model/face-m,0")))
    write_json(str(tmp_path / "mlp-train.json"), {})
    lock = Lock(str(tmp_path / "lock"), "x", "--output")
    check(tmp_path)
    lock.release()


def test_a_data_set(open_umask, tmp_path):
    staging = tmp_path / "data/.making"
    with layout.fresh(staging):
        (staging / "1").write_bytes(b"a clip")
        layout.arrange(staging, [Clip("a.mp4", "test", 1)], ["1"], {1: "Ada Lovelace"})
    layout.publish(staging, tmp_path / "data")
    folders = [tmp_path / "data", *(path for path in tmp_path.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert stat.S_IMODE((tmp_path / "data/gt_v2/names.txt").stat().st_mode) == 0o600


def test_what_is_there_keeps_the_mode_that_somebody_gave_it(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o770)
    write_submission(str(tmp_path / "shared/s.txt"), {1: ["a"]})
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o770


def test_a_model_of_others_is_for_everybody(open_umask, tmp_path):
    files.write_whole(str(tmp_path / "m"), lambda path: Path(path).write_bytes(b"1"), private=False)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) & 0o444 == 0o444
