"""A directory in place of another one, through kills; listings without some clips."""

from __future__ import annotations

import shutil
from pathlib import Path

from killing import Killed, kill_at

from rcnn.clips.dataset import Clip
from rcnn.tables import Listing
from rcnn.tables.without import exchange


def lay(root: Path) -> None:
    for name in ("stage", "new/stage", "old"):
        (root / name).mkdir(parents=True)
    (root / "stage/manifest.json").write_text("before")
    (root / "stage/gone.parquet").write_text("before")
    (root / "new/stage/manifest.json").write_text("after")


def test_a_directory_is_exchanged_whole_whenever_a_kill_comes(tmp_path, monkeypatch):
    places = tuple(str(tmp_path / "run" / name) for name in ("stage", "new/stage", "old/stage"))
    through, step = False, 1
    while not through:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        lay(tmp_path / "run")
        with monkeypatch.context() as patch:
            kill_at(patch, step)
            try:
                exchange(*places)
                through = True
            except Killed:
                pass
        exchange(*places)
        found = {str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*") if path.is_file()}
        assert found == {"stage/manifest.json"}, step
        assert (tmp_path / "run/stage/manifest.json").read_text() == "after"
        step += 1
    assert step > 4


def test_a_listing_without_clips_is_that_of_the_others():
    clips = [Clip(f"{number}.mp4", "", "test", number, 1, 0.0, float(number)) for number in range(5)]
    left = Listing.of(clips).without(clips[1:3])
    assert left.digest == Listing.of([clips[0], *clips[3:]]).digest != Listing.of(clips).digest
    assert left.without(()).digest == left.digest
