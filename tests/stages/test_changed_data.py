"""detect.py that was stopped does not go on over a data set that changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rcnn.errors import InputError, Stopped
from rcnn.stages import detect as stage
from rcnn.stages.detect import detect
from rcnn.stages.settings import DetectSettings
from rcnn.tables import StageReader

NAMES = [f"{number:02d}.mp4" for number in range(24)]


@pytest.fixture
def root(tmp_path) -> Path:
    """Clips that can't be read, which is quick: what is in them is not what is tested."""
    folder = tmp_path / "data/IQIYI_VID_TEST"
    folder.mkdir(parents=True)
    (tmp_path / "data/gt_v2").mkdir()
    for name in NAMES:
        (folder / name).write_bytes(b"no video " * 9 + name.encode())
    (tmp_path / "data/gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in [*NAMES, "00a.mp4"]))
    return folder


@pytest.fixture
def settings(root, tmp_path) -> DetectSettings:
    return DetectSettings(
        "model/face-m,0", "model/essh-m25,0", str(tmp_path / "det"), str(root.parent), "test", gpu=-1, max_bad=100.0
    )


@pytest.fixture
def stopped(settings, monkeypatch) -> DetectSettings:
    """A run that was stopped after some of the clips."""
    with monkeypatch.context() as patch:
        real = stage.StageWriter.save

        def save(self, **state):
            real(self, **state)
            raise Stopped(15)

        patch.setattr(stage.StageWriter, "save", save)
        with pytest.raises(Stopped):
            detect(settings)
    return settings


def swap(root: Path) -> None:
    (root / NAMES[2]).unlink()
    (root / "00a.mp4").write_bytes(b"another")


def replace(root: Path) -> None:
    (root / NAMES[1]).write_bytes(b"other content")


def remove(root: Path) -> None:
    (root / NAMES[0]).unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swap, r"'00a\.mp4' is new; '02\.mp4' is gone"),
        (replace, r"'01\.mp4' was replaced"),
        (remove, r"'00\.mp4' is gone"),
    ],
)
def test_it_says_what_changed(stopped, root, change, words):
    change(root)
    for _ in range(2):  # the next call does not take it for complete
        with pytest.raises(InputError, match=rf"has changed since this run was begun: {words}; .*--overwrite"):
            detect(stopped)
    assert not (Path(stopped.output) / "manifest.json").exists()


def test_a_data_set_that_stayed_goes_on(stopped):
    detect(stopped)
    reader = StageReader(stopped.output, ("detect",))
    assert reader.accounts.clips == reader.accounts.unreadable == len(NAMES)
