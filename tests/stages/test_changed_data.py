"""A data set that changed: detect.py looks at what is new, and what was learnt of it is not shown as of now."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn.clips.labels import label_files
from rcnn.errors import InputError, Stopped
from rcnn.report import Lineage
from rcnn.stages import detect as stage
from rcnn.stages.changed_labels import check_labels
from rcnn.stages.detect import detect
from rcnn.stages.settings import DetectSettings
from rcnn.tables import StageReader, StageWriter, training_schema, vector_array
from rcnn.tables.header import file_sums

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


CHANGES = [
    (swap, "{kept} clips kept, {more} new, 0 changed, 1 gone"),
    (replace, "{kept} clips kept, {left} new, 1 changed, 0 gone"),
    (remove, "{kept} clips kept, {left} new, 0 changed, 1 gone"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_run_that_was_stopped_goes_on_over_what_changed(stopped, root, change, words, capsys):
    change(root)
    detect(stopped)
    done = stage.GROUP_CLIPS
    words = words.format(kept=done - 1, left=len(NAMES) - done, more=len(NAMES) - done + 1)
    assert f"detect.py: {stopped.output}: {words}\n" in capsys.readouterr().out
    assert StageReader(stopped.output, ("detect",)).accounts.clips == len(list(root.iterdir()))


def test_a_data_set_that_stayed_goes_on(stopped):
    detect(stopped)
    reader = StageReader(stopped.output, ("detect",))
    assert reader.accounts.clips == reader.accounts.unreadable == len(NAMES)


@pytest.mark.parametrize(("change", "words"), CHANGES)
@pytest.mark.parametrize("renew", [False, True])
def test_what_is_complete_grows_over_what_changed(settings, root, change, words, renew, capsys):
    detect(settings)
    detect(settings)
    assert "it is kept" in capsys.readouterr().out
    change(root)
    detect(dataclasses.replace(settings, renew=renew))
    words = words.format(kept=len(NAMES) - 1, left=0, more=1)
    assert f"detect.py: {settings.output}: {words}\n" in capsys.readouterr().out
    assert StageReader(settings.output, ("detect",)).accounts.clips == len(list(root.iterdir()))
    detect(settings)
    assert "it is kept" in capsys.readouterr().out


def test_what_is_overwritten_is_done_anew(settings, root, capsys):
    detect(settings)
    replace(root)
    detect(dataclasses.replace(settings, overwrite=True))
    assert "clips kept" not in capsys.readouterr().out


def test_other_arguments_are_refused_over_other_clips_too(settings, root):
    detect(settings)
    replace(root)
    for renew in (False, True):
        with pytest.raises(InputError, match=r"made with another faces \(central, now all\), another list of clips"):
            detect(dataclasses.replace(settings, faces="all", renew=renew))


TRAIN, VAL = "1.mp4 1\n2.mp4 2\n", "2 3.mp4\n"


@pytest.fixture
def learnt(tmp_path) -> Lineage:
    """What a classifier learnt from: two clips of train and one of val, and one of nobody known."""
    (tmp_path / "data/gt_v2").mkdir(parents=True)
    (tmp_path / "data/gt_v2/train_v2.txt").write_text(TRAIN)
    (tmp_path / "data/gt_v2/val_v2.txt").write_text(VAL)
    (tmp_path / "data/gt_v2/IQIYI_VID.txt").write_text("".join(f"{number}.mp4\n" for number in range(1, 6)))
    clips = {"1.mp4": ("train", 1), "2.mp4": ("train", 2), "3.mp4": ("val", 2), "4.mp4": ("val", 0)}
    rest = {"state": "ok", "reason": "", "frames": 3, "faces": 1}
    sums = file_sums(label_files(str(tmp_path / "data")))
    with StageWriter(
        str(tmp_path / "set"), "genfeat", training_schema(2), arguments={"dataset": str(tmp_path / "data")}, models=sums
    ) as writer:
        writer.add_clips([{"name": name, "split": split, **rest} for name, (split, _) in clips.items()])
        splits, labels = zip(*clips.values(), strict=True)
        columns = [pa.array(list(clips)), pa.array(splits), pa.array(labels, pa.int32()), vector_array(np.ones((4, 2)))]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
    return Lineage(learnt=[StageReader(str(tmp_path / "set"), ("genfeat",))])


@pytest.mark.parametrize(
    ("train", "val"),
    [
        (TRAIN, VAL),
        (TRAIN + "5.mp4 9\n", VAL),  # a clip that came
        ("2.mp4 2\n", VAL),  # and one that went
        (TRAIN, VAL + "3 4.mp4\n"),  # of nobody known, and now of somebody
    ],
)
def test_labels_that_stayed(learnt, tmp_path, train, val):
    (tmp_path / "data/gt_v2/train_v2.txt").write_text(train)
    (tmp_path / "data/gt_v2/val_v2.txt").write_text(val)
    check_labels(learnt)


@pytest.mark.parametrize(
    ("train", "val", "words"),
    [
        ("1.mp4 2\n2.mp4 3\n", VAL, r"data: 1\.mp4 has label 2, and .*set was made when it had 1"),
        (TRAIN, "3 3.mp4\n", r"data: 3\.mp4 has label 3, and .*set was made when it had 2"),
    ],
)
def test_labels_that_moved_are_not_shown_as_those_of_then(learnt, tmp_path, train, val, words):
    (tmp_path / "data/gt_v2/train_v2.txt").write_text(train)
    (tmp_path / "data/gt_v2/val_v2.txt").write_text(val)
    with pytest.raises(InputError, match=words):
        check_labels(learnt)
    (tmp_path / "data/gt_v2/train_v2.txt").unlink()
    check_labels(learnt)  # of a data set that is gone nothing is known
