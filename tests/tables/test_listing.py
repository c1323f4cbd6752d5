"""A data set that changed since a run was begun is noticed, and what changed is named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.dataset import Clip, list_clips
from rcnn.errors import InputError, Stopped
from rcnn.tables import FACES_SCHEMA, Listing, StageWriter
from rcnn.tables.listing import LISTING

CLIPS = [Clip(f"{number:02d}.mp4", "", "train", 100 + number, 10**18 + number) for number in range(12)]


def write(path: Path, clips: list[Clip], stop_after: int | None = None, **options) -> StageWriter:
    """Clips without faces, one after the other; gives the writer, which is closed."""
    with StageWriter(str(path), "detect", FACES_SCHEMA, listing=Listing.of(clips), **options) as writer:
        for number, clip in enumerate(clips):
            if number == stop_after:
                raise Stopped(15)
            if clip.name > writer.last_clip:
                who = {"name": clip.name, "split": clip.split}
                writer.add_clips([{**who, "state": "no face", "reason": "", "frames": 1, "faces": 0}])
                writer.save()
    return writer


@pytest.fixture
def stopped(tmp_path) -> Path:
    with pytest.raises(Stopped):
        write(tmp_path / "out", CLIPS, 6)
    return tmp_path / "out"


def test_a_data_set_that_stayed_goes_on_and_leaves_no_list(stopped):
    assert (stopped / LISTING).is_file()
    manifest = write(stopped, CLIPS).close()
    assert manifest["listing"] == Listing.of(CLIPS).digest
    assert sorted(path.name for path in stopped.iterdir()) == ["clips", "faces", "manifest.json"]


def changed(number: int, **values: object) -> list[Clip]:
    return [replace(clip, **values) if at == number else clip for at, clip in enumerate(CLIPS)]


@pytest.mark.parametrize("number", [0, 3, 9], ids=["first", "done", "to come"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n: [*CLIPS[:n], *CLIPS[n + 1 :]], "'{name}' is gone"),
        (lambda n: [*CLIPS[:n], Clip("!new.mp4", "", "train"), *CLIPS[n:]], "'!new.mp4' is new"),
        (lambda n: changed(n, size=7), "'{name}' was replaced"),
        (lambda n: changed(n, changed=7), "'{name}' was replaced"),
        (lambda n: changed(n, start=0.5), "'{name}' was replaced"),
        (lambda n: changed(n, end=9.5), "'{name}' was replaced"),
        (lambda n: changed(n, split="val"), "'{name}' is of another split"),
        (lambda n: changed(n, name="!other.mp4"), "'!other.mp4' is new; '{name}' is gone"),
    ],
)
def test_what_changed_is_named(stopped, change, words, number):
    clips = sorted(change(number), key=lambda clip: clip.name)
    before = {path.name: path.stat().st_mtime_ns for path in stopped.rglob("*")}
    with pytest.raises(InputError) as caught:
        write(stopped, clips)
    name = CLIPS[number].name
    assert f"the data set has changed since this run was begun: {words.format(name=name)}; put" in str(caught.value)
    assert {path.name: path.stat().st_mtime_ns for path in stopped.rglob("*")} == before  # nothing was touched
    write(stopped, clips, overwrite=True)
    write(stopped, CLIPS, overwrite=True)


def test_many_changes_are_counted(stopped):
    clips = [replace(clip, size=1, split="val") for clip in CLIPS[4:]]
    with pytest.raises(InputError) as caught:
        write(stopped, clips)
    assert (
        "4 clips are gone, '00.mp4' for one; 8 clips were replaced, '04.mp4' for one; "
        "8 clips are of another split, '04.mp4' for one" in str(caught.value)
    )


@pytest.mark.parametrize("damage", [None, b"", b"text", "other columns"])
def test_without_the_list_it_is_still_noticed(stopped, damage):
    if damage is None:
        (stopped / LISTING).unlink()
    elif isinstance(damage, bytes):
        (stopped / LISTING).write_bytes(damage)
    else:
        (stopped / LISTING).write_bytes((stopped / "clips/part-00000.parquet").read_bytes())
    with pytest.raises(InputError, match="its list of clips is not the one of then; put it back"):
        write(stopped, CLIPS[1:])
    write(stopped, CLIPS)  # as it was


@given(st.permutations(CLIPS), st.integers(1, 5))
def test_the_order_does_not_count_and_parts_make_the_whole(clips, parts):
    whole = Listing.of(CLIPS).digest
    assert Listing.of(clips).digest == whole and len(whole) == 64
    assert Listing.joined(Listing.of(clips[part::parts]).digest for part in range(parts)).digest == whole


def test_no_two_fields_run_into_each_other():
    one, other = Clip("a", "", "train", 12, 34), Clip("a", "", "train", 1, 234)
    assert Listing.of([one]).digest != Listing.of([other]).digest
    assert Listing.of([]).digest == "0" * 64


def test_all_clips_must_have_come_before_the_manifest_is_written(tmp_path):
    with (
        pytest.raises(InputError, match="0 clips of 12 came"),
        StageWriter(str(tmp_path / "out"), "detect", FACES_SCHEMA, listing=Listing.of(CLIPS)),
    ):
        pass
    assert not (tmp_path / "out/manifest.json").exists()


@pytest.fixture
def dataset(tmp_path) -> Path:
    root = tmp_path / "data"
    (root / "IQIYI_VID_TEST").mkdir(parents=True)
    (root / "gt_v2").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (root / "IQIYI_VID_TEST" / name).write_bytes(name.encode())
    (root / "IQIYI_VID_TEST/c.mp4").symlink_to(root / "nowhere")
    (root / "gt_v2/IQIYI_VID.txt").write_text("a.mp4\nb.mp4\nc.mp4\n")
    return root


def test_clips_are_marked_with_size_and_time_where_asked(dataset):
    plain, marked = (list_clips(str(dataset), "test", marked=flag) for flag in (False, True))
    assert plain == marked and [clip.size for clip in plain] == [0, 0, 0]
    assert [clip.size for clip in marked] == [5, 5, -1]
    assert marked[0].changed == (dataset / "IQIYI_VID_TEST/a.mp4").stat().st_mtime_ns
    before = Listing.of(marked).digest
    os.utime(dataset / "IQIYI_VID_TEST/a.mp4", ns=(1, 1))
    assert Listing.of(list_clips(str(dataset), "test", marked=True)).digest != before
