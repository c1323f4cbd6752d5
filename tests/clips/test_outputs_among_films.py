"""Outputs of runs inside folders of films or people are left out whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from appearance_tables import Seen, write_table

from rcnn.clips.folder import NEITHER, scan
from rcnn.clips.gather import gather
from rcnn.clips.outputs import OUTPUT

FILM = bytes(range(256))


def put(path: Path, data: bytes = FILM) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture(scope="module")
def a_run(tmp_path_factory) -> Path:
    """A run with more in it than stages, as find leaves it."""
    root = tmp_path_factory.mktemp("runs") / "found"
    for stage in ("det_test", "feat_test", "appearances"):
        write_table(root / stage, [Seen("a.mp4", 0, 1)])
    (root / "log").mkdir()
    put(root / "iqiyi-0040.params")
    put(root / "preview/ok/a.jpg")
    return root


def gathered(root: Path, *arguments: Path | str) -> tuple[list[str], dict[str, str]]:
    found = gather([str(argument) for argument in arguments])
    return (
        [os.path.relpath(file.path, root) for file in found.found],
        {os.path.relpath(skip.file, root): skip.reason for skip in found.skipped},
    )


def test_a_run_among_films_is_left_out_whole_and_named_once(tmp_path, a_run):
    put(tmp_path / "a.mp4")
    shutil.copytree(a_run, tmp_path / "found")
    for argument in (tmp_path, f"{tmp_path}/*"):
        assert gathered(tmp_path, argument) == (["a.mp4"], {"found": OUTPUT})
    assert "found/preview/ok/a.jpg" in gathered(tmp_path, tmp_path, tmp_path / "found")[0]
    _, skipped = gathered(tmp_path, tmp_path / "found")  # named itself: what is not of a stage is taken
    assert skipped["found/det_test"] == OUTPUT and "found" not in skipped


def test_films_beside_a_stage_directory_are_kept(tmp_path, a_run):
    put(tmp_path / "mine/a.mp4")
    shutil.copytree(a_run / "det_test", tmp_path / "mine/det_test")
    assert gathered(tmp_path, tmp_path) == (["mine/a.mp4"], {"mine/det_test": OUTPUT})


def test_somebody_elses_manifest_is_no_output(tmp_path):
    put(tmp_path / "web/manifest.json", b'{"name": "site", "stage": 1}')
    put(tmp_path / "web/log/progress.json", b"[")
    put(tmp_path / "web/a.mp4")
    assert gathered(tmp_path, tmp_path)[0] == ["web/a.mp4"]


def test_a_stopped_stage_is_an_output(tmp_path):
    put(tmp_path / "det/progress.json", b'{"header": {}, "rows": {}, "clips": {}, "states": {}}')
    put(tmp_path / "det/a.mp4")
    assert gathered(tmp_path, tmp_path) == ([], {"det": OUTPUT})


def test_tables_and_checkpoints_are_no_films_anywhere(tmp_path):
    for name in ("part-00000.parquet", "iqiyi-0040.params"):
        put(tmp_path / "Ann" / name)
    put(tmp_path / "Ann/a.jpg")
    wanted = {"Ann/part-00000.parquet": NEITHER, "Ann/iqiyi-0040.params": NEITHER}
    assert gathered(tmp_path, tmp_path) == (["Ann/a.jpg"], wanted)
    people, skipped = scan(tmp_path)
    assert [item.file for item in people["Ann"]] == ["a.jpg"]
    assert {skip.file: skip.reason for skip in skipped} == wanted


def test_a_run_among_people_is_nobody(tmp_path, a_run):
    put(tmp_path / "Ann/a.jpg")
    shutil.copytree(a_run, tmp_path / "found")
    people, skipped = scan(tmp_path)
    assert list(people) == ["Ann"]
    assert [(skip.file, skip.reason) for skip in skipped] == [("found", OUTPUT)]


def test_a_text_with_the_ending_of_a_video_is_no_list(tmp_path):
    put(tmp_path / "film.MP4", b"hello\n")
    assert gathered(tmp_path, tmp_path / "film.MP4") == ([], {"film.MP4": NEITHER})
