"""A run that was stopped anywhere goes on and writes the same bytes; nothing else may write meanwhile."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn.errors import InputError, Stopped
from rcnn.tables import StageReader, StageWriter, features_schema, header, table, vector_array, writer
from rcnn.tables.whole import faults

WIDTH, GROUPS, GROUP = 8, 8, 7
ROOT = Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """The power is gone."""


def write(path: Path, *, stop_after: int | None = None, **options) -> None:
    """A stage of 8 groups of 7 clips, one in three of them without a row, that goes on where it was stopped."""
    settings = {"arguments": {"aug": 1, "output": str(path)}, **options}
    with StageWriter(str(path), "feature", features_schema(WIDTH), **settings) as out:
        done = out.state.get("groups", 0)
        for group in range(done, GROUPS):
            if group == stop_after:
                raise Stopped(15)
            names = [f"clip_{group * GROUP + i:03d}.mp4" for i in range(GROUP)]
            assert names[0] > out.last_clip
            states = ["no face" if i % 3 == 2 else "ok" for i in range(GROUP)]
            who = {"split": "test", "reason": "", "frames": 1, "faces": 1}
            out.add_clips([{"name": n, "state": s, **who} for n, s in zip(names, states, strict=True)])
            kept = [n for n, s in zip(names, states, strict=True) if s == "ok"]
            values = np.random.default_rng(group).normal(size=(len(kept), WIDTH)).astype(np.float32)
            columns = [
                pa.array(kept),
                pa.array(["test"] * len(kept)),
                vector_array(values),
            ]
            out.add_rows(pa.RecordBatch.from_arrays(columns, schema=out.schema))
            out.save(groups=group + 1)


def files(path: Path) -> dict[str, bytes]:
    """All files but the manifest, which says how many seconds it took, and that one without them."""
    found = {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["seconds"], manifest["arguments"]["output"]
    return {**found, "manifest": json.dumps(manifest).encode()}


@pytest.fixture(params=[0.0, 1e9], ids=["saving always", "saving never"])
def whole(request, tmp_path, monkeypatch) -> dict[str, bytes]:
    """What an undisturbed run writes, in several parts; runs after it save as often as the parameter says."""
    monkeypatch.setattr(table, "PART_BYTES", 800)
    write(tmp_path / "whole")
    monkeypatch.setattr(writer, "SAVE_SECONDS", request.param)
    found = files(tmp_path / "whole")
    assert len(found) > 6
    assert not any("progress" in name or "lock" in name for name in found)
    return found


@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_power_may_fail_before_any_rename_or_sync(where, whole, tmp_path, monkeypatch):
    """The n-th call never happens, for every n there is; the temporary file before it stays."""
    real = getattr(os, where)
    tried = 0
    while True:
        left = tried

        def fail(*arguments):
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return real(*arguments)

        path = tmp_path / f"run{tried}"
        with monkeypatch.context() as patch:
            patch.setattr(os, where, fail)
            try:
                write(path)
                break
            except Killed:
                pass
        if (path / "manifest.json").exists():  # killed after the very last rename
            assert faults(str(path)) == []
            break
        with pytest.raises(InputError, match="not complete"):
            StageReader(str(path), ("feature",))
        write(path)
        assert files(path) == whole, f"killed at call {tried}"
        tried += 1
    assert tried > 6


@pytest.mark.parametrize("stop_after", range(GROUPS))
def test_a_signal_loses_nothing(stop_after, whole, tmp_path):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        write(path, stop_after=stop_after)
    progress = json.loads((path / "progress.json").read_text())
    assert progress["state"].get("groups", 0) == stop_after
    with pytest.raises(Stopped):
        write(path, stop_after=min(stop_after + 2, GROUPS - 1))
    write(path)
    assert files(path) == whole


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"arguments": {"aug": 2}}, r"another aug \(1, now 2\)"),
        ({"models": [__file__]}, r"another test_resume\.py \(None, now [0-9a-f]+"),
    ],
)
def test_other_arguments_or_models_are_refused_and_named(options, what, tmp_path):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        write(path, stop_after=5)
    with pytest.raises(InputError, match=what):
        write(path, **options)
    write(path, overwrite=True, **options)
    assert StageReader(str(path), ("feature",)).manifest["counts"]["clips"] == GROUPS * GROUP


def test_another_format_is_refused(tmp_path, monkeypatch):
    with pytest.raises(Stopped):
        write(tmp_path / "run", stop_after=5)
    monkeypatch.setattr(header, "FORMAT", 99)
    with pytest.raises(InputError, match=r"another format \(\d+, now 99\)"):
        write(tmp_path / "run")


@pytest.mark.parametrize("damage", ["gone", "short", "text"])
def test_a_part_that_was_damaged_meanwhile_is_an_error(damage, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 800)
    with pytest.raises(Stopped):
        write(tmp_path / "run", stop_after=7)
    parts = sorted((tmp_path / "run/features").iterdir())
    if damage == "gone":
        parts[0].unlink()
    else:
        parts[-1].write_bytes(parts[-1].read_bytes()[:50] if damage == "short" else b"text")
    with pytest.raises(InputError, match=r"features/part-0000\d\.parquet: .*--overwrite"):
        write(tmp_path / "run")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"header": 3}', "[" * 100_000])
def test_damaged_progress_is_an_error(text, tmp_path):
    with pytest.raises(Stopped):
        write(tmp_path / "run", stop_after=5)
    (tmp_path / "run/progress.json").write_text(text)
    with pytest.raises(InputError, match="--overwrite to start again"):
        write(tmp_path / "run")


HOLD = """
import sys
from rcnn.tables import StageWriter, features_schema
with StageWriter(sys.argv[1], "feature", features_schema(8)):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_until_the_first_is_dead(tmp_path):
    path = tmp_path / "run"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout.readline() == b"ready\n"
        with pytest.raises(InputError, match=rf"process {holder.pid} on .* writes there; wait"):
            StageWriter(str(path), "feature", features_schema(8), overwrite=True)
        holder.kill()
        holder.wait()
    assert (path / "lock").exists()  # it could not clean up, and that keeps nobody out
    StageWriter(str(path), "feature", features_schema(8)).close()
    assert not (path / "lock").exists()


def test_a_full_disk_is_said_and_the_run_goes_on_later(tmp_path):
    """A limit on the size of files stands in for a disk that is full."""
    code = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        sys.path.insert(0, "tests/tables")
        import test_resume
        from rcnn.tables import writer
        writer.SAVE_SECONDS = 0.0
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        from rcnn.errors import run_script
        run_script(lambda: test_resume.write(Path(sys.argv[1])))
        """
    )
    path = tmp_path / "run"
    write(tmp_path / "whole")
    largest = max(file.stat().st_size for file in (tmp_path / "whole").rglob("*.parquet"))
    command = [sys.executable, "-c", code, str(path), str(largest - 1)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2, done.stderr
    assert "can't be written: " in done.stderr and "the same command resumes" in done.stderr
    assert done.stderr.count("\n") == 1
    assert 0 < json.loads((path / "progress.json").read_text())["state"]["groups"] < GROUPS
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    write(path)
    assert files(path) == files(tmp_path / "whole")


def test_verify_finds_what_was_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 800)
    path = tmp_path / "run"
    write(path)
    assert faults(str(path)) == []
    parts = sorted((path / "features").iterdir())
    data = bytearray(parts[1].read_bytes())
    data[len(data) // 2] ^= 1
    parts[1].write_bytes(data)
    (path / "features/part-00099.parquet").write_bytes(parts[0].read_bytes())
    sorted((path / "clips").iterdir())[-1].unlink()
    lines = faults(str(path))
    assert [line.partition(": ")[2] for line in lines] == [
        "is not in the manifest", "is missing", "has other bytes than were written",
    ]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "rcnn", "verify", str(path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "3 faults" in done.stdout and done.stderr.count("\n") == 1
