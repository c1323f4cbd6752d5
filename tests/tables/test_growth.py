"""An output whose clips change is what a fresh run writes, and only what is new is looked at."""

from __future__ import annotations

import contextlib
import os
import shutil

import pytest
from growing import Death, Killed, clip_of, run, tables
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rcnn.errors import InputError, Stopped
from rcnn.tables import Listing, StageReader, table, writer
from rcnn.tables.header import discard, header_of, is_kept
from rcnn.tables.whole import faults

OLD = [clip_of(f"{number:02d}.mp4", 10 + number) for number in range(0, 24, 2)]
NEW = [
    *(clip_of("!.mp4", 7), *OLD[:3], clip_of("05.mp4", 3), *OLD[4:7], clip_of(OLD[7].name, 99), *OLD[8:]),
    clip_of("~.mp4", 2),
]
OTHER = [*NEW[1:9], OLD[3], clip_of("10a.mp4", 6), clip_of(OLD[9].name, 1)]
FEW = [clip_of(f"{number}.mp4", 10 + number) for number in range(5)]
DEATH = Death()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Several parts, progress that is written whenever it may be, and no waiting for a disk that stays on."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(table, "PART_BYTES", 1000)
    monkeypatch.setattr(writer, "SAVE_SECONDS", 0.0)


@pytest.fixture
def fresh(tmp_path):
    """What a run into a new directory writes, by clips."""
    found = {}

    def make(clips):
        key = frozenset(map(identity, clips))
        if key not in found:
            path = tmp_path / f"fresh{len(found)}"
            run(path, clips)
            found[key] = tables(path)
        return found[key]

    return make


def identity(clip) -> tuple:
    return clip.name, clip.split, clip.size


def unlike(clips, others) -> list[str]:
    """Names of the clips that are not among others as they are."""
    there = set(map(identity, others))
    return [clip.name for clip in clips if identity(clip) not in there]


def same(path, clips, fresh) -> None:
    assert tables(path) == fresh(clips)
    assert faults(str(path)) == []
    assert sorted(file.name for file in path.iterdir()) == ["clips", "faces", "manifest.json"]


def test_only_what_is_new_is_looked_at(tmp_path, fresh):
    path = tmp_path / "run"
    run(path, OLD)
    work = run(path, NEW)
    assert work.kept == "10 clips kept, 3 new, 1 changed, 1 gone"
    assert work.done == ["!.mp4", "05.mp4", OLD[7].name, "~.mp4"]
    same(path, NEW, fresh)
    assert len(list((path / "faces").iterdir())) > 2


@pytest.mark.parametrize("clips", [OLD[:1], OLD[5:], OLD[::3], [clip_of("x", 5)], [*OLD, *NEW[:1]]])
def test_clips_that_went_and_came(tmp_path, fresh, clips):
    path = tmp_path / "run"
    run(path, OLD)
    work = run(path, clips)
    assert work.done == unlike(clips, OLD)
    same(path, clips, fresh)
    assert run(path, OLD).done == unlike(OLD, clips)
    same(path, OLD, fresh)


def test_a_split_that_changed_is_looked_at_anew(tmp_path, fresh):
    path = tmp_path / "run"
    run(path, OLD)
    clips = [clip_of(OLD[0].name, OLD[0].size, "train"), *OLD[1:]]
    assert run(path, clips).done == [OLD[0].name]
    same(path, clips, fresh)


def test_overwriting_looks_at_everything(tmp_path, fresh):
    path = tmp_path / "run"
    run(path, OLD)
    with pytest.raises(Stopped):
        run(path, NEW, stop_after=2)
    assert len(run(path, NEW, overwrite=True).done) == len(NEW)
    same(path, NEW, fresh)


def test_what_is_discarded_is_not_copied(tmp_path, fresh):
    path = tmp_path / "run"
    run(path, OLD)
    with pytest.raises(Stopped):
        run(path, NEW, stop_after=2)
    discard(str(path))
    assert len(run(path, NEW).done) == len(NEW)
    same(path, NEW, fresh)


@pytest.mark.parametrize("stage", ["complete", "growing"])
def test_other_arguments_are_refused_and_nothing_is_touched(tmp_path, stage):
    path = tmp_path / "run"
    run(path, OLD, arguments={"sampling": 5})
    if stage == "growing":
        with pytest.raises(Stopped):
            run(path, NEW, stop_after=1, arguments={"sampling": 5})
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.is_file()}
    with pytest.raises(InputError, match="--overwrite"):
        run(path, NEW, arguments={"sampling": 6})
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("stop_after", range(0, len(OLD), 2))
def test_a_run_that_was_stopped_goes_on_over_other_clips(tmp_path, fresh, stop_after):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        run(path, OLD, stop_after=stop_after)
    work = run(path, NEW)
    assert work.done == unlike(NEW, OLD[:stop_after])
    same(path, NEW, fresh)


@pytest.mark.parametrize("stop_after", range(4))
def test_clips_may_change_while_it_grows(tmp_path, fresh, stop_after):
    """What both runs have done is used."""
    path = tmp_path / "run"
    run(path, OLD)
    with pytest.raises(Stopped):
        run(path, NEW, stop_after=stop_after)
    looked_at = unlike(NEW, OLD)[:stop_after]
    work = run(path, OTHER)
    assert work.done == sorted(unlike(OTHER, [*OLD, *(clip for clip in NEW if clip.name in looked_at)]))
    same(path, OTHER, fresh)


def test_clips_may_change_again_and_again(tmp_path, fresh):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        run(path, OLD, stop_after=5)
    with pytest.raises(Stopped):
        run(path, NEW, stop_after=3)
    with pytest.raises(Stopped):
        run(path, OTHER, stop_after=1)
    assert (path / "before/2").is_dir()
    run(path, OLD)
    same(path, OLD, fresh)


def killed(path, clips, after: int) -> bool:
    """Whether a run was ended before it came to its end, which took more operations on the disk than these."""
    DEATH.arm(path, after)
    try:
        run(path, clips)
    except Killed:
        return True
    finally:
        DEATH.disarm()
    return False


BEGINNINGS = {
    "complete": [(FEW, None)],
    "stopped": [(FEW, 3)],
    "growing": [(FEW, None), ([*FEW[1:], clip_of("a", 2)], 0)],
    "growing again": [(FEW, 2), ([*FEW[1:], clip_of("a", 2)], 2), (FEW, 1)],
}
THEN = [*FEW[:2], clip_of("1a", 3), clip_of(FEW[2].name, 5), *FEW[4:], clip_of("b", 1)]


@pytest.mark.parametrize("begun", BEGINNINGS)
def test_it_may_be_killed_before_any_operation_on_the_disk(tmp_path, fresh, monkeypatch, begun):
    """Then comes the same command, or, every other time, one over the clips of before."""
    monkeypatch.setattr(writer, "SAVE_SECONDS", 1e9)
    monkeypatch.setattr(table, "PART_BYTES", 400)
    state = tmp_path / "state"
    for clips, stop_after in BEGINNINGS[begun]:
        with contextlib.suppress(Stopped):
            run(state, clips, stop_after=stop_after)
    after = 0
    while True:
        path = tmp_path / f"{after}"
        shutil.copytree(state, path)
        if not killed(path, THEN, after):
            break
        after += 1
        last = (THEN, FEW)[after % 2]
        if (path / "manifest.json").exists():
            assert faults(str(path)) == []
            if StageReader(str(path), ("detect",)).manifest["listing"] == Listing.of(last).digest:
                continue
        run(path, last)
        same(path, last, fresh)
    assert after > 25


SETS = st.dictionaries(st.sampled_from([f"{letter}.mp4" for letter in "abcdefgh"]), st.integers(0, 9))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SETS, st.sampled_from(["run", "stop", "kill"]), st.integers(0, 60)), min_size=1, max_size=6))
@example([({}, "run", 0), ({"a.mp4": 0, "b.mp4": 0}, "kill", 48)])  # between the manifest and the last removal
def test_any_sequence_ends_in_the_rows_of_a_fresh_run(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("any") / "run"
    clips: list = []
    for content, how, number in steps:
        clips = [clip_of(name, size) for name, size in sorted(content.items())]
        DEATH.arm(path, number if how == "kill" else -1)
        try:
            run(path, clips, stop_after=number % 8 if how == "stop" else None)
        except (Stopped, Killed):
            pass
        except InputError as error:
            assert "exists and is complete" in str(error)
        finally:
            DEATH.disarm()
    # as a stage does: what is complete is kept, without what a kill behind its manifest left beside it
    if not is_kept(str(path), header_of("detect", {}, listing=Listing.of(clips)), False, False):
        run(path, clips)
    run(path.parent / "fresh", clips)
    assert tables(path) == tables(path.parent / "fresh")
