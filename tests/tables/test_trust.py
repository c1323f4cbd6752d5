"""Stage directories from strangers: manifests, progress files and Parquet parts that lie."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rcnn.errors import InputError, Stopped
from rcnn.files.json import MAX_JSON_BYTES
from rcnn.tables import CLIPS_SCHEMA, StageReader, StageWriter, features_schema, vector_array
from rcnn.tables.join import join_rows
from rcnn.tables.whole import faults

ROOT = Path(__file__).resolve().parents[2]
WIDTH, CLIPS = 4, 6
NAMES = [f"clip_{number}.mp4" for number in range(CLIPS)]


def rows(names: list[str], values: np.ndarray, split: str = "test") -> pa.RecordBatch:
    columns = [pa.array(names), pa.array([split] * len(names)), vector_array(values)]
    return pa.RecordBatch.from_arrays(columns, schema=features_schema(values.shape[1]))


def states(names: list[str], state: str = "ok") -> list[dict[str, Any]]:
    who = {"split": "test", "state": state, "reason": "", "frames": 1, "faces": 1}
    return [{"name": name, **who} for name in names]


@pytest.fixture
def whole(tmp_path) -> Path:
    """Six clips with a vector each."""
    path = tmp_path / "feat"
    with StageWriter(str(path), "feature", features_schema(WIDTH)) as writer:
        writer.add_rows(rows(NAMES, np.arange(CLIPS * WIDTH, dtype=np.float32).reshape(CLIPS, WIDTH)))
        writer.add_clips(states(NAMES))
    return path


def read(path: Path) -> list[str]:
    """All of a directory, as a stage reads it; the names of its rows."""
    reader = StageReader(str(path), ("feature",))
    names = [row.name for row in join_rows([reader])]
    assert sum(batch.num_rows for batch in reader.clips()) == reader.accounts.clips
    return names


def edit(path: Path, *keys: str, value: Any) -> None:
    """Set one value of a JSON file."""
    document = json.loads(path.read_text())
    part = document
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    path.write_text(json.dumps(document))


def put(path: Path, table: pa.Table, folder: str = "features", name: str = "part-00000.parquet") -> None:
    pq.write_table(table, path / folder / name)
    sign(path)


def sign(path: Path) -> None:
    """Let the manifest have the sums of the parts that are there, as a stranger's may."""
    parts = {str(part.relative_to(path)): part.read_bytes() for part in path.glob("*/*.parquet")}
    edit(
        path / "manifest.json", "parts", value={name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    )


def test_what_was_written_is_read(whole):
    assert read(whole) == NAMES


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "[" * 200_000, "9" * 5000, '{"stage": ["feature"]}', "\ufeff{}"]
)
def test_a_manifest_that_is_none_is_an_input_error(whole, text):
    (whole / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"feat(/manifest\.json)?: "):
        read(whole)


def test_a_manifest_of_gigabytes_is_not_read(whole):
    with open(whole / "manifest.json", "r+b") as file:
        file.truncate(MAX_JSON_BYTES + 1)  # a hole: takes no room on the disk
    with pytest.raises(InputError, match="is larger than"):
        read(whole)
    with open(whole / "manifest.json", "r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="is larger than"):
        read(whole)


@pytest.mark.parametrize(
    ("keys", "value", "what"),
    [
        (("counts",), None, "counts clips as 'None'"),
        (("counts",), [6], "counts clips as 'None'"),
        (("counts", "rows"), 10**12, "6 clips are ok and there are 1000000000000 rows"),
        (("counts", "rows"), -1, "counts rows as '-1'"),
        (("counts", "rows"), "6", "counts rows as '6'"),
        (("counts", "rows"), True, "counts rows as 'True'"),
        (("counts", "rows"), 1e300, "counts rows as"),
        (("counts", "clips"), 10**30, "counts clips as"),
        (("counts", "clips"), 7, "of 7 clips 6 have a state"),
        (("counts", "unreadable"), 1, "of 6 clips 7 have a state"),
        (("format",), 99, "has format '99'"),
        (("stage",), "x" * 10_000, "was written by stage 'x{40}'"),
    ],
)
def test_a_manifest_that_lies_is_an_input_error(whole, keys, value, what):
    edit(whole / "manifest.json", *keys, value=value)
    with pytest.raises(InputError, match=what):
        read(whole)


@pytest.mark.parametrize("more", [-1, 1, 10**12])
def test_rows_that_the_manifest_does_not_count_are_found(whole, more):
    document = json.loads((whole / "manifest.json").read_text())
    for name in ("rows", "ok", "clips"):
        document["counts"][name] += more
    (whole / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"more rows than the 5|has 6 rows and the manifest counts \d+"):
        read(whole)


def test_states_that_the_manifest_does_not_count_are_found(whole):
    clips = pq.read_table(whole / "clips/part-00000.parquet").to_pylist()
    clips[2]["state"] = "no face"
    put(whole, pa.Table.from_pylist(clips, CLIPS_SCHEMA), "clips")
    with pytest.raises(InputError, match=r"its clips are \{'ok': 5, 'no face': 1"):
        read(whole)
    clips[2]["state"] = "gone"
    put(whole, pa.Table.from_pylist(clips, CLIPS_SCHEMA), "clips")
    with pytest.raises(InputError, match="a clip has the state 'gone'"):
        read(whole)


VALUES = np.ones((CLIPS, WIDTH), np.float32)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (pa.table({"name": NAMES}), "other columns"),
        (pa.table({}), "other columns"),
        (pa.Table.from_batches([rows(NAMES, VALUES)]).rename_columns(["name", "split", "v"]), "other col"),
        (pa.Table.from_batches([rows(NAMES, VALUES)]).drop_columns("split"), "other columns"),
        (pa.Table.from_batches([rows(NAMES[::-1], VALUES)]), r"'clip_4\.mp4' comes after 'clip_5\.mp4'"),
        (pa.Table.from_batches([rows([NAMES[0]] * CLIPS, VALUES)]), r"'clip_0\.mp4' comes after 'clip_0\.mp4'"),
        (pa.Table.from_batches([rows(NAMES, np.full_like(VALUES, np.nan))]), "not finite"),
        (pa.Table.from_batches([rows(NAMES, np.full_like(VALUES, np.inf))]), "not finite"),
        (pa.Table.from_pylist([{"name": n} for n in NAMES], features_schema(WIDTH)), "a value is missing"),
    ],
)  # fmt: skip
def test_a_table_that_no_stage_wrote_is_an_input_error(whole, table, what):
    put(whole, table)
    with pytest.raises(InputError, match=what):
        read(whole)


def test_parts_of_two_widths_are_an_input_error(whole):
    put(whole, pa.Table.from_batches([rows(["z.mp4"], np.ones((1, 5)))]), name="part-00001.parquet")
    with pytest.raises(InputError, match=r"part-00001\.parquet: has other columns"):
        read(whole)


def test_text_that_is_not_utf8_is_an_input_error(whole):
    batch = rows(NAMES, VALUES)
    broken = pa.StringArray.from_buffers(CLIPS, batch.column(0).buffers()[1], pa.py_buffer(b"\xff" * 200))
    put(whole, pa.Table.from_arrays([broken, *batch.columns[1:]], schema=batch.schema))
    with pytest.raises(InputError, match=r"part-00000\.parquet: can't be read"):
        read(whole)


CHANGE = """
import random, resource, sys
from pathlib import Path
sys.path.insert(0, "tests/tables")
from test_trust import read, sign
from rcnn.errors import InputError
part, rng = Path(sys.argv[1], "features/part-00000.parquet"), random.Random(int(sys.argv[2]))
good = part.read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
refused = 0
for _ in range(400):
    data = bytearray(good)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        data[at] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    part.write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
    sign(Path(sys.argv[1]))
    try:
        read(Path(sys.argv[1]))
    except InputError:
        refused += 1
print(refused, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("seed", range(3))
def test_changed_parts_are_read_or_refused_with_little_memory(whole, seed):
    """In a process of its own: the reader of Parquet is not ours, and might die of it."""
    command = [sys.executable, "-c", CHANGE, str(whole), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    refused, kib = map(int, done.stdout.split())
    assert 200 < refused <= 400
    assert kib < 256 << 10


def stopped(path: Path) -> Path:
    """A run that was stopped after three clips; gives its progress file."""
    with pytest.raises(Stopped), StageWriter(str(path), "feature", features_schema(WIDTH)) as writer:
        writer.add_rows(rows(NAMES[:3], VALUES[:3]))
        writer.add_clips(states(NAMES[:3]))
        writer.save(clips=3)
        raise Stopped(15)
    return path / "progress.json"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("rows", "sums"), {"../../../../etc/passwd": "0" * 64}),
        (("rows", "sums"), {"/etc/passwd": "0" * 64}),
        (("rows", "sums"), {"part-00001.parquet": "0" * 64}),
        (("rows", "sums"), {"part-00000.parquet": 7}),
        (("rows", "sums"), {"part-00000.parquet": "../x"}),
        (("rows", "sums"), ["part-00000.parquet"]),
        (("rows", "rows"), 10**15),
        (("rows", "rows"), -3),
        (("rows", "rows"), "3"),
        (("rows", "bytes"), None),
        (("rows", "total"), 1.5),
        (("clips", "last"), 3),
        (("states",), {"ok": 3}),
        (("states",), {"ok": -3, "no face": 0, "unreadable": 0}),
        (("states",), 3),
        (("state",), []),
        (("state",), {"clips": "many"}),
        (("state",), {"histogram": {"9" * 5000: 1}}),
        (("state",), {"histogram": {"x": 1}}),
    ],
)
def test_progress_that_lies_is_an_input_error_and_leads_nowhere(tmp_path, keys, value):
    progress = stopped(tmp_path / "run")
    edit(progress, *keys, value=value)
    with pytest.raises(InputError, match="--overwrite to start again"):
        StageWriter(str(tmp_path / "run"), "feature", features_schema(WIDTH))
    with StageWriter(str(tmp_path / "run"), "feature", features_schema(WIDTH), overwrite=True) as writer:
        assert writer.last_clip == ""


def test_verify_opens_nothing_outside_of_the_directory(whole, tmp_path, monkeypatch):
    (tmp_path / "secret.parquet").write_bytes(b"secret")
    edit(whole / "manifest.json", "parts", value={"../secret.parquet": "0" * 64, "/etc/passwd": "0" * 64})
    opened = []
    monkeypatch.setattr("rcnn.tables.whole.sha256", lambda path: opened.append(path) or "0" * 64)
    lines = faults(str(whole))
    assert opened == []
    assert "../secret.parquet: is missing" in lines and "/etc/passwd: is missing" in lines
    edit(whole / "manifest.json", "parts", value=7)
    with pytest.raises(InputError, match="lists no parts"):
        faults(str(whole))


def test_an_input_is_never_written_over(whole, tmp_path):
    before = (whole / "manifest.json").read_bytes()
    (tmp_path / "link").symlink_to(whole)
    for path in (whole, tmp_path / "link"):
        with pytest.raises(InputError, match="is also the input"):
            StageWriter(str(path), "genfeat", features_schema(WIDTH), sources=[str(whole)], overwrite=True)
    with pytest.raises(InputError, match=r"contains the output of feature\.py"):
        StageWriter(str(whole), "genfeat", features_schema(WIDTH), overwrite=True)
    assert (whole / "manifest.json").read_bytes() == before
    assert read(whole) == NAMES


def test_sums_that_do_not_agree_are_found_before_the_manifest_is_written(tmp_path):
    path = tmp_path / "feat"
    with (
        pytest.raises(InputError, match="6 clips are ok and there are 5 rows"),
        StageWriter(str(path), "feature", features_schema(WIDTH)) as writer,
    ):
        writer.add_rows(rows(NAMES[:5], VALUES[:5]))
        writer.add_clips(states(NAMES))
    assert not (path / "manifest.json").exists()


def test_inputs_of_two_data_sets_are_an_input_error(whole, tmp_path):
    other = tmp_path / "other"
    with StageWriter(str(other), "feature", features_schema(WIDTH)) as writer:
        writer.add_rows(rows(NAMES, VALUES, "val"))
        writer.add_clips(states(NAMES))
    readers = [StageReader(str(path), ("feature",)) for path in (whole, other)]
    with pytest.raises(InputError, match=r"'clip_0\.mp4' is of val, in .* of test; give inputs of one"):
        list(join_rows(readers))


def test_mutated_manifests_and_progress_are_read_or_refused(whole, tmp_path):
    """Whatever stands in them: an InputError, or what the parts themselves hold."""
    sys.path.append(str(ROOT / "benchmarks"))
    import fuzz

    rng = random.Random(0)
    good = (whole / "manifest.json").read_text()
    progress = stopped(tmp_path / "run")
    saved = progress.read_text()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        (whole / "manifest.json").write_text(json.dumps(fuzz.mutated(json.loads(good), rng)))
        try:
            assert read(whole) == NAMES
            faults(str(whole))
        except InputError:
            pass
        shutil.copytree(tmp_path / "run", tmp_path / "again")
        (tmp_path / "again/progress.json").write_text(json.dumps(fuzz.mutated(json.loads(saved), rng)))
        with contextlib.suppress(InputError):
            StageWriter(str(tmp_path / "again"), "feature", features_schema(WIDTH))._lock.release()
        shutil.rmtree(tmp_path / "again")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB
