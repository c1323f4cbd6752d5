"""Removing a person: nothing of them is left in any byte, everybody else stays as they were, also through kills."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import shutil
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from killing import Killed, kill_at
from made_run import NAMES, PHOTOGRAPHS, MadeRun, make_run, put_back
from msgspec import to_builtins
from reference_models import ROOT

from rcnn.clips.dataset import list_clips
from rcnn.clips.in_place import read_given
from rcnn.clips.roster import read_roster
from rcnn.errors import InputError
from rcnn.files import sha256
from rcnn.stages.forget import forget
from rcnn.stages.forgotten import JOURNAL, plan
from rcnn.stages.run_folder import RunFolder
from rcnn.stages.settings.people import ForgetSettings
from rcnn.stages.traces import HEAD_BYTES
from rcnn.tables import MANIFEST, Listing, StageReader
from rcnn.tables.header import made_of
from rcnn.tables.whole import faults

STAGES = ("det_trainval", "det_test", "feat_trainval", "feat_test", "trainval", "appearances")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("made"))


@pytest.fixture
def run(made, tmp_path) -> MadeRun:
    """A run of its own, at the same place as the one that was made: the list of clips has absolute paths."""
    with put_back(made, tmp_path) as run:
        yield run


def settings(run: MadeRun, name: str = NAMES[0], **more) -> ForgetSettings:
    return ForgetSettings(name, str(run.root), **{"yes": True, **more})


def values(root: Path):
    """Every file of a tree: its bytes, and what is packed in them."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield path, data
        for packed in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
            yield path, base64.b64decode(packed)
        if path.suffix == ".parquet":
            for column in pq.read_table(path).columns:
                for chunk in column.chunks:
                    for buffer in chunk.buffers():
                        if buffer is not None:
                            yield path, buffer.to_pybytes()


def traces(run: MadeRun, person: int) -> list[str]:
    """Files that hold a crop, a vector or a name of a person, and which of them."""
    wanted = {f"crop {number}": data[-200:] for number, data in enumerate(run.crops[person])}
    wanted |= {f"vector {number}": data[:8].tobytes() for number, data in enumerate(run.vectors[person])}
    wanted |= {NAMES[person]: NAMES[person].encode(), f"clip of {NAMES[person]}": run.clips[person][0].encode()}
    return [f"{path}: {what}" for path, data in values(run.root) for what, each in wanted.items() if each in data]


def rows(run: MadeRun, stage: str) -> list[str]:
    """Rows of a stage's table."""
    reader = StageReader(str(run.root / stage), (stage_of(stage),))
    return [repr(row) for batch in reader.batches() for row in batch.to_pylist()]


def stage_of(name: str) -> str:
    return {"det": "detect", "feat": "feature", "trainval": "genfeat"}.get(name.split("_")[0], name)


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): re.sub(rb'"seconds": [0-9.]+', b"", path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_nothing_is_left_of_a_person_and_all_of_the_others(run, capsys, monkeypatch):
    monkeypatch.setattr("rcnn.installation._BY_NAME", True)
    before = {stage: rows(run, stage) for stage in STAGES}
    assert len(traces(run, 0)) > 100
    others = [len(traces(run, person)) for person in (1, 2)]
    forget(settings(run))
    assert traces(run, 0) == []
    assert not any(re.search(rb"Ada", data) for _, data in values(run.root))
    assert all(count > 60 for count in others) and all(len(traces(run, person)) > 60 for person in (1, 2))
    for stage in STAGES:
        left = rows(run, stage)
        assert set(left) < set(before[stage]), stage
        if stage in ("det_test", "feat_test"):
            assert len(left) == len(before[stage]) * 4 / 7
        elif stage != "appearances":
            assert len(left) == len(before[stage]) * 2 / 3
    said = capsys.readouterr().out
    assert "label 1, 8 photographs and videos, and 3 tracks in 3 films" in said
    assert "next: rcnn find --output" in said and "python -m" not in said
    assert "people/Ada Lovelace/0.jpg" in said and "films/alone.mkv" in said and "iqiyi-0040.params" in said
    assert not list(run.root.glob("iqiyi*")) and not (run.root / "pred_test").exists()
    assert sorted(path.name for path in run.root.iterdir()) == sorted(
        [*STAGES, "dataset", "log", "preview", "skipped.txt", "who.csv", "who.json"]
    )


def test_stage_directories_stay_whole_and_fit_each_other(run):
    ways = {stage: made_of(str(run.root / stage)) for stage in ("det_test", "feat_test")}
    forget(settings(run))
    for stage in STAGES:
        assert faults(str(run.root / stage)) == []
        reader = StageReader(str(run.root / stage), (stage_of(stage),))
        assert sum(batch.num_rows for batch in reader.clips()) == reader.accounts.clips
    for part in ("trainval", "test"):
        detection = StageReader(str(run.root / f"det_{part}"), ("detect",))
        features = StageReader(str(run.root / f"feat_{part}"), ("feature",))
        assert detection.manifest["listing"] == Listing.of(list_clips(str(run.dataset), part, marked=True)).digest
        assert features.manifest["sources"][0]["manifest"] == sha256(f"{detection.path}/{MANIFEST}")
        features.accounts.check_from(detection.accounts, features.path)
    assert ways == {stage: made_of(str(run.root / stage)) for stage in ways}
    clips = {row["name"][:5]: row for batch in StageReader(str(run.root / "det_test"), ("detect",)).clips()
             for row in batch.to_pylist()}  # fmt: skip
    assert (clips["alone"]["state"], clips["alone"]["faces"]) == ("no face", 0)
    assert (clips["first"]["state"], clips["first"]["faces"]) == ("ok", 3)


def test_a_data_set_of_folders_loses_clips_and_lines(tmp_path, capsys):
    run = make_run(tmp_path, in_folders=True)
    forget(settings(run, dataset=str(run.dataset)))
    assert traces(run, 0) == [] and not any(re.search(rb"Ada|alone", data) for _, data in values(run.root))
    assert sorted(path.name for path in (run.dataset / "IQIYI_VID_TEST").iterdir()) == [
        "first.mp4", "second.mp4", "third.mp4"
    ]  # fmt: skip
    assert len(list((run.dataset / "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN").iterdir())) == 2 * PHOTOGRAPHS
    assert (run.dataset / "skipped.txt").read_text() == "Bo/y.pdf\tis no photograph\n"
    assert (run.people / "Ada Lovelace/0.jpg").exists() and (run.films / "alone.mkv").exists()
    assert read_given(str(run.dataset)) == {"": 1, "Bo": 2, "Zoë": 3}
    for part in ("trainval", "test"):
        detection = StageReader(str(run.root / f"det_{part}"), ("detect",))
        assert detection.manifest["listing"] == Listing.of(list_clips(str(run.dataset), part, marked=True)).digest
    assert "films/alone.mkv" in capsys.readouterr().out


def test_the_label_is_never_given_again(run):
    forget(settings(run, "Zoë"))
    assert 3 in read_given(str(run.dataset)).values() and "Zoë" not in read_given(str(run.dataset))
    forget(settings(run, "Bo"))
    assert max(read_given(str(run.dataset)).values()) == 3
    assert (run.dataset / "gt_v2/names.txt").read_text() == "1 Ada Lovelace\n"
    assert len((run.dataset / "gt_v2/train_v2.txt").read_text().splitlines()) == PHOTOGRAPHS


@pytest.mark.parametrize("name", ["Ada", "ada lovelace", "Nobody at all"])
def test_a_name_that_nobody_has_changes_nothing(run, name):
    before = tree(run.root)
    with pytest.raises(InputError, match=r"nobody in .* has this name") as caught:
        forget(settings(run, name))
    assert "Ada Lovelace" in str(caught.value)
    assert tree(run.root) == before


def test_it_asks_first(run, monkeypatch):
    before = tree(run.root)
    monkeypatch.setattr("rcnn.stages.forget.plan", lambda *_: pytest.fail("all tables were read first"))
    monkeypatch.setattr("sys.stdin", StringIO())  # no terminal
    with pytest.raises(InputError, match="--yes"):
        forget(settings(run, yes=False))
    with pytest.raises(InputError, match=r"nobody in .* has this name"):
        forget(settings(run, "Nobody", yes=False))
    assert tree(run.root) == before


def test_everybody_may_go(run):
    for name in NAMES:
        forget(settings(run, name))
    for stage in STAGES:
        assert faults(str(run.root / stage)) == []
    assert rows(run, "det_trainval") == rows(run, "feat_test") == rows(run, "appearances") == []
    assert read_given(str(run.dataset)) == {"": 3}


@pytest.mark.parametrize("change", [{"copies": ["/etc/passwd"]}, {"learnt": ["../x"]}, {"stages": {"..": {}}}])
def test_a_journal_of_strangers_removes_nothing_elsewhere(run, change):
    found = plan(RunFolder.read(str(run.root)), read_roster(str(run.dataset)), NAMES[0])
    (run.root / JOURNAL).write_text(json.dumps({**to_builtins(found), **change}))
    before = tree(run.root)
    with pytest.raises(InputError, match="names files outside this run"):
        forget(settings(run))
    assert tree(run.root) == before


def test_files_of_others_stay_and_are_named(run, capsys):
    template = ROOT / "rcnn/report/templates/base.html"
    (run.root / "search.html").write_bytes(b"<html>" + template.read_bytes()[:HEAD_BYTES] + b"Ada Lovelace")
    mine = {"notes.txt": "Ada Lovelace came\n", "plan.csv": "Ada Lovelace,1\n", "my.html": "<html>Ada Lovelace"}
    for name, text in mine.items():
        (run.root / name).write_text(text)
    forget(settings(run))
    assert {name: (run.root / name).read_text() for name in mine} == mine
    assert not (run.root / "search.html").exists()
    said = capsys.readouterr().out
    assert all(f"{name}: names the person, and may be your own" in said for name in mine)


def test_a_run_is_named_in_any_way(run, monkeypatch):
    names = run.dataset / "gt_v2/clips.csv"
    rows = names.read_text()
    monkeypatch.chdir(run.root.parent)
    forget(ForgetSettings("Bo", "found", yes=True))
    assert names.read_text() == "".join(line for line in rows.splitlines(True) if "/Bo/" not in line)


def test_a_stage_that_was_stopped_is_named(run):
    (run.root / "feat_test/manifest.json").unlink()
    (run.root / "feat_test/progress.json").write_text("{}")
    with pytest.raises(InputError, match="feat_test: a run was stopped there"):
        forget(settings(run))


def test_after_a_kill_at_any_step_the_same_command_ends_the_same(run, tmp_path, monkeypatch):
    pristine = tmp_path / "pristine"
    shutil.copytree(run.root, pristine)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(secrets, "token_hex", lambda count: "5a" * count)  # the salt, else no two runs are the same
    found = plan(RunFolder.read(str(run.root)), read_roster(str(run.dataset)), NAMES[0])
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)  # a process that died holds no lock
    monkeypatch.setattr("rcnn.stages.forget.plan", lambda *_: found)  # which takes the most time, and changes nothing
    forget(settings(run))
    wanted = tree(run.root)
    step, killed, through = 1, 0, False
    while not through:
        shutil.rmtree(run.root)
        shutil.copytree(pristine, run.root)
        with monkeypatch.context() as patch:
            kill_at(patch, step)
            try:
                forget(settings(run))
                through = True
            except (Killed, InputError):
                killed += 1
        if not through:
            if (run.root / JOURNAL).exists():
                with pytest.raises(InputError, match="removal of Ada Lovelace was stopped"):
                    forget(settings(run, "Bo"))
            forget(settings(run))
        assert tree(run.root) == wanted, step
        step += 1 + step // 2
    assert killed > 6
