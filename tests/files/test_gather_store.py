"""Films below a prefix of an object store, and in a text that lies beside no film."""

from __future__ import annotations

import pytest

from rcnn import files
from rcnn.clips.folder import EMPTY, HIDDEN, NEITHER
from rcnn.clips.gather import gather
from rcnn.clips.outputs import OUTPUT
from rcnn.errors import InputError


def test_all_objects_below_a_prefix_are_found(s3, tmp_path):
    for key, data in (
        ("films/b.mp4", b"12"),
        ("films/deep/er/a.mov", b"123"),
        ("films/.x", b"1"),
        ("films/0.mp4", b""),
    ):
        files.put(s3.url(key), data)
    found = gather([s3.url("films")])
    assert [(file.path, file.size) for file in found.found] == [
        (s3.url("films/b.mp4"), 2),
        (s3.url("films/deep/er/a.mov"), 3),
    ]
    assert all(file.changed > 0 for file in found.found)
    assert {skip.file: skip.reason for skip in found.skipped} == {
        s3.url("films/.x"): HIDDEN,
        s3.url("films/0.mp4"): EMPTY,
    }
    text = tmp_path / "list.txt"
    text.write_text(f"{s3.url('films/b.mp4')}\n{s3.url('films/deep')}\n{s3.url('nothing')}\n")
    found = gather([str(text)])
    assert [file.path for file in found.found] == [s3.url("films/b.mp4"), s3.url("films/deep/er/a.mov")]
    assert len(found.skipped) == 1
    with pytest.raises(InputError, match="there is nothing"):
        gather([s3.url("films/none")])


def test_a_run_below_a_prefix_is_left_out_whole(s3):
    stage = ("manifest.json", "clips/part-00000.parquet", "faces/part-00000.parquet")
    for key in (
        *(f"mixed/found/det_test/{name}" for name in stage),
        "mixed/found/log/find.log",
        "mixed/found/preview/ok/a.jpg",
        *(f"mixed/mine/det/{name}" for name in stage),
        "mixed/mine/a.mp4",
        "mixed/web/manifest.json",
        "mixed/part-00000.parquet",
    ):
        files.put(s3.url(key), b"12")
    found = gather([s3.url("mixed")])
    assert [file.path for file in found.found] == [s3.url("mixed/mine/a.mp4"), s3.url("mixed/web/manifest.json")]
    assert {skip.file: skip.reason for skip in found.skipped} == {
        s3.url("mixed/found"): OUTPUT,
        s3.url("mixed/mine/det"): OUTPUT,
        s3.url("mixed/part-00000.parquet"): NEITHER,
    }
