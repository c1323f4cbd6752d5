"""A data set that changed since a run was begun is noticed."""

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


def changed(number: int, **values: object) -> list[Clip]:
    return [replace(clip, **values) if at == number else clip for at, clip in enumerate(CLIPS)]


@pytest.mark.parametrize(
    "clips",
    [
        CLIPS[1:],
        [*CLIPS, Clip("new.mp4", "", "train")],
        *(changed(3, **{name: 7}) for name in ("size", "changed", "start", "end")),
        changed(3, split="val"),
        changed(3, name="!other.mp4"),
    ],
)
def test_another_list_has_another_digest(clips):
    assert Listing.of(clips).digest != Listing.of(CLIPS).digest


def test_a_data_set_that_stayed_goes_on(tmp_path):
    with pytest.raises(Stopped):
        write(tmp_path / "out", CLIPS, 6)
    manifest = write(tmp_path / "out", CLIPS).close()
    assert manifest["listing"] == Listing.of(CLIPS).digest
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clips", "faces", "manifest.json"]


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
        pytest.raises(InputError, match="0 of 12 clips were written"),
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


def test_another_file_under_the_same_name_counts_and_a_data_set_may_move():
    here, moved = (Clip("a", f"/{root}/a.mp4", "test", 1, 2) for root in ("data", "elsewhere"))
    assert Listing.of([here]).digest != Listing.of([moved]).digest
    assert Listing.of([here], "/data").digest == Listing.of([moved], "/elsewhere").digest


def test_clips_that_go_are_taken_out_of_the_digest():
    clips = [Clip(name, f"/data/{name}", "test", 1, 2) for name in "abc"]
    gone = Clip("b", "b", "test", 1, 2)  # its source, as a table of clips has it
    assert Listing.of(clips, "/data").without([gone]).digest == Listing.of([clips[0], clips[2]], "/data").digest
