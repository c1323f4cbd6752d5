"""A stage directory while it is written: where it goes on, when it saves, what the manifest says in the end."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from writing import NAMES, STATES, begin, put, stopped, tables

from rcnn.errors import InputError, Stopped
from rcnn.tables import CLIPS_SCHEMA, FACES_SCHEMA, FORMAT, StageReader, header, table, writer
from rcnn.tables.schema import NO_SOURCE, NO_VIDEO


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(table, "PART_BYTES", 60)


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """The seconds that the writer sees pass, which are the test's to say."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """The tables of an undisturbed run, clip by clip."""
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "PART_BYTES", 60)
        with begin(path) as out:
            for clip in range(len(NAMES)):
                put(out, clip, clip + 1)
    assert len(tables(path)) > 5
    return tables(path)


@pytest.mark.parametrize("stop", range(len(NAMES) + 1))
def test_it_goes_on_after_any_clip(stop, whole, tmp_path):
    path = tmp_path / "run"
    saved = stopped(path, stop)
    assert saved["state"] == {"groups": stop}
    assert not (path / "lock").exists() and not (path / "manifest.json").exists()
    with begin(path) as out:
        assert out.state == {"groups": stop}
        assert out.last_clip == (["", *NAMES])[stop]
        kept = [name for name, state in zip(NAMES[:stop], STATES, strict=False) if state == "ok"]
        assert out.last_row == (["", *kept])[-1]
        for clip in range(stop, len(NAMES)):
            put(out, clip, clip + 1)
    assert tables(path) == whole
    counts = StageReader(str(path), ("feature",)).manifest["counts"]
    assert counts == {"clips": 8, "rows": 4, "ok": 4, "no_face": 1, "unreadable": 3}


def test_the_manifest_of_a_run(tmp_path, clock):
    source = tmp_path / "source"
    begin(source, "detect", FACES_SCHEMA).close()
    model = tmp_path / "net.params"
    model.write_bytes(b"weights")
    arguments = {"aug": 1, "size": (112, 96)}
    with begin(tmp_path / "run", arguments=arguments, models=[str(model)], sources=[str(source)]) as out:
        put(out, 0, len(NAMES))
        clock.now += 12.3456
        manifest = out.close(looks=7)
        assert out.close(looks=8) is manifest
    assert json.loads((tmp_path / "run/manifest.json").read_text()) == manifest
    assert manifest == {
        "format": FORMAT,
        "stage": "feature",
        "arguments": {"aug": 1, "size": [112, 96]},
        "models": {"net.params": hashlib.sha256(b"weights").hexdigest()},
        "sources": [
            {
                "path": str(source),
                "manifest": hashlib.sha256((source / "manifest.json").read_bytes()).hexdigest(),
                "made": header.made_of(str(source)),
            }
        ],
        "counts": {"clips": 8, "rows": 4, "ok": 4, "no_face": 1, "unreadable": 3, "looks": 7},
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in tables(tmp_path / "run").items()},
        "seconds": 12.346,
    }
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["clips", "features", "manifest.json"]


def test_sums_and_lineage_may_be_given_and_arguments_left_out(tmp_path):
    source = tmp_path / "source"
    begin(source, "detect", FACES_SCHEMA).close()
    lineage = [{"path": "elsewhere", "manifest": "0"}]
    manifest = begin(tmp_path / "a", models={"net": "1"}, sources=[str(source)], lineage=lineage).close()
    assert (manifest["models"], manifest["sources"], manifest["arguments"]) == ({"net": "1"}, lineage, {})
    assert begin(tmp_path / "b", sources=[str(source)], lineage=[]).close()["sources"] == []


def test_rows_of_clips_may_come_as_a_batch(tmp_path):
    who = {"split": "test", "reason": "", "frames": 1, "faces": 0}
    rows = [{**NO_SOURCE, **NO_VIDEO, "name": name, "state": "no face", **who} for name in NAMES]
    with begin(tmp_path / "a") as out:
        out.add_clips(pa.RecordBatch.from_pylist(rows, CLIPS_SCHEMA))
    with begin(tmp_path / "b") as out:
        out.add_clips(rows)
    with begin(tmp_path / "c") as out:
        out.add_clips(
            [{name: value for name, value in row.items() if name not in NO_SOURCE | NO_VIDEO} for row in rows]
        )
    assert tables(tmp_path / "a") == tables(tmp_path / "b") == tables(tmp_path / "c")
    assert StageReader(str(tmp_path / "a"), ("feature",)).accounts.no_face == len(NAMES)


def test_it_saves_once_a_minute_of_its_own_clock(tmp_path, clock):
    """And at the beginning, so that what is there is known to be ours."""
    out = begin(tmp_path / "run")
    progress = tmp_path / "run/progress.json"

    def groups() -> int | None:
        return json.loads(progress.read_text())["state"].get("groups")

    assert groups() is None
    for seconds, expected in ((59.9, None), (0.2, 2), (59.9, 2), (0.0, 2), (0.1, 5), (59.0, 5), (600.0, 7)):
        clock.now += seconds
        out.save(groups=(groups() or 0) + 1 if expected == groups() else expected)
        assert groups() == expected
    out.close()
    assert not progress.exists()


def test_a_run_that_goes_on_counts_its_minute_from_then(tmp_path, clock):
    stopped(tmp_path / "run")
    clock.now += 1000
    out = begin(tmp_path / "run")
    clock.now += 59.9
    out.save(groups=9)
    assert json.loads((tmp_path / "run/progress.json").read_text())["state"] == {"groups": 3}
    clock.now += 0.1
    out.save(groups=10)
    assert json.loads((tmp_path / "run/progress.json").read_text())["state"] == {"groups": 10}
    out.close()


def test_histograms_come_back_as_they_were_saved(tmp_path):
    saved = stopped(tmp_path / "run", state={"groups": 3, "histogram": {"-12": 3, "7": 1 << 40}})
    assert saved["state"] == {"groups": 3, "histogram": {"-12": 3, "7": 1 << 40}}
    with begin(tmp_path / "run") as out:
        assert out.state == saved["state"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_an_error_lets_go_and_saves_nothing_more(error, tmp_path):
    with pytest.raises(error), begin(tmp_path / "run") as out:
        put(out, 0, 3)
        out.save(groups=3)
        raise error
    assert json.loads((tmp_path / "run/progress.json").read_text())["state"] == {}
    assert not (tmp_path / "run/manifest.json").exists()
    begin(tmp_path / "run").close()


def test_two_at_a_time_are_refused(tmp_path):
    with (
        begin(tmp_path / "run"),
        pytest.raises(
            InputError, match=r"/run: process \d+ on .* writes there; wait for its end or give another --out"
        ),
    ):
        begin(tmp_path / "run", overwrite=True)
    with begin(tmp_path / "run", overwrite=True) as out:
        out.close()
        begin(tmp_path / "run", overwrite=True).close()  # who has closed holds nothing any more


def test_an_output_that_can_not_be_opened_is_let_go(tmp_path):
    stopped(tmp_path / "run", arguments={"aug": 1})
    for _ in range(2):
        with pytest.raises(InputError, match="another aug"):
            begin(tmp_path / "run", arguments={"aug": 2})
    begin(tmp_path / "run", arguments={"aug": 1}).close()


FREE = ("output", "overwrite", "renew", "gpu", "workers", "ray", "decoders", "max_bad")
NAMES_OF_INPUTS = ("model", "detector", "input", "inputs")  # whose sums are compared


@pytest.mark.parametrize("name", [*FREE, *NAMES_OF_INPUTS])
def test_what_changes_no_row_may_differ_when_a_run_goes_on(name, tmp_path):
    stopped(tmp_path / "run", arguments={name: 1, "aug": 2})
    with begin(tmp_path / "run", arguments={name: 3, "aug": 2}) as out:
        assert out.last_clip == NAMES[2]


def test_all_that_differs_is_named_and_nothing_else(tmp_path):
    long = "x" * 100
    stopped(tmp_path / "run", arguments={"aug": 1, "same": 5, "gone": 7, "gpu": 1}, models={"net": long})
    with pytest.raises(InputError) as caught:
        begin(tmp_path / "run", arguments={"aug": 2, "same": 5, "new": "y" * 60, "gpu": 2}, models={"net": "z" * 61})
    assert str(caught.value) == (
        f"{tmp_path}/run: contains a run that was started with another aug (1, now 2), another gone (7, now None), "
        f"another new (None, now {'y' * 60}), another net ({'x' * 60}..., now {'z' * 60}...); "
        "give the same, --overwrite to start again, or another --output"
    )


@pytest.mark.parametrize("value", [None, 3, [], "text"])
def test_a_header_that_is_none_is_refused(value, tmp_path):
    saved = stopped(tmp_path / "run")
    (tmp_path / "run/progress.json").write_text(json.dumps({**saved, "header": value}))
    with pytest.raises(InputError, match=r"progress\.json: can't be read \(Expected `object`, got .*--overwrite"):
        begin(tmp_path / "run")


def test_sources_that_were_made_anew_are_other_sources(tmp_path):
    source = tmp_path / "source"
    begin(source, "detect", FACES_SCHEMA, arguments={"aug": 1}).close()
    stopped(tmp_path / "run", sources=[str(source)])
    begin(tmp_path / "run", sources=[str(source)])._lock.release()
    begin(source, "detect", FACES_SCHEMA, arguments={"aug": 2}, overwrite=True).close()
    with pytest.raises(InputError, match=r"another .*/source, which was rebuilt; give the same, "):
        begin(tmp_path / "run", sources=[str(source)])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("no place\nat all"), "no place"),
        (OSError("x" * 300), "x" * 200),
    ],
)
@pytest.mark.parametrize("where", ["begin", "save", "stop", "add_rows", "add_clips", "close"])
def test_what_can_not_be_written_is_said_in_a_line(error, words, where, tmp_path, monkeypatch, clock):
    def fail(*_: Any, **__: Any) -> None:
        raise error

    def work() -> None:
        if where == "begin":
            monkeypatch.setattr(writer, "write_json", fail)
        with begin(tmp_path / "run") as out:
            put(out, 0, 3)
            if where in ("add_rows", "add_clips"):
                table_of = {"add_rows": "features", "add_clips": "clips"}[where]
                real = table.GrowingTable.add
                monkeypatch.setattr(
                    table.GrowingTable, "add",
                    lambda self, batch: fail() if self.folder.endswith(table_of) else real(self, batch),
                )  # fmt: skip
                put(out, 3, 6)
            monkeypatch.setattr(writer, "write_json", fail)
            if where == "save":
                clock.now += 60
                out.save(groups=3)
            if where == "stop":
                raise Stopped(15)

    with pytest.raises(InputError) as caught:
        work()
    assert str(caught.value) == f"{tmp_path}/run: can't be written: {words}; fix that, and the same command resumes"
    assert not (tmp_path / "run/lock").exists()
    assert not (tmp_path / "run/manifest.json").exists()


def test_sums_that_do_not_agree_leave_no_manifest(tmp_path):
    with pytest.raises(InputError, match="run: 2 clips are ok and there are 0 rows"), begin(tmp_path / "run") as out:
        who = {"split": "test", "state": "ok", "reason": "", "frames": 1, "faces": 1}
        out.add_clips([{"name": name, **who} for name in NAMES[:2]])
    assert not (tmp_path / "run/manifest.json").exists()
    assert not (tmp_path / "run/lock").exists()


FACE = {
    "frame": 1, "time": 0.0, "score": 1.0, "quality": 1.0, "box": [0.0] * 4, "landmarks": [0.0] * 10, "crop": b"",
}  # fmt: skip


def test_a_clip_has_one_row_and_many_faces(tmp_path):
    """In the table of a stage whose rows are clips one too many is an error, too."""
    with pytest.raises(InputError, match="run: 1 clips are ok and there are 2 rows"), begin(tmp_path / "run") as out:
        put(out, 0, 2)
        out.add_rows(out._rows._batches[-1])
    assert not (tmp_path / "run/manifest.json").exists()
    who = {"name": NAMES[0], "split": "test"}
    faces = pa.RecordBatch.from_pylist([{**FACE, **who, "frame": frame} for frame in (1, 2)], FACES_SCHEMA)
    with begin(tmp_path / "det", "detect", FACES_SCHEMA) as out:
        out.add_clips([{**who, "state": "ok", "reason": "", "frames": 2, "faces": 2}])
        out.add_rows(faces)
    assert StageReader(str(tmp_path / "det"), ("detect",)).rows == 2


def test_the_lock_is_looked_at_before_progress_and_manifest_are_written(tmp_path, clock):
    """A run in an object store may find that another thought it dead."""
    out = begin(tmp_path / "run")
    before = (tmp_path / "run/progress.json").read_bytes()

    def lost() -> None:
        raise InputError("the lock is gone")

    out._lock.check = lost
    clock.now += 60
    for end in (lambda: out.save(groups=1), out.close):
        with pytest.raises(InputError, match="the lock is gone"):
            end()
    assert (tmp_path / "run/progress.json").read_bytes() == before
    assert not (tmp_path / "run/manifest.json").exists()
