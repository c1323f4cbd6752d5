"""Who is in which clip: read fresh, checked, and nobody known where the data set says nothing."""

from pathlib import Path

import pytest
from labelled import write_labels

from rcnn.clips.dataset import NOBODY_KNOWN
from rcnn.clips.labels import label_files, labels_of, read_labels_of
from rcnn.clips.listed import ListedClip, write_listed
from rcnn.errors import InputError


@pytest.fixture
def root(tmp_path) -> Path:
    write_labels(tmp_path, {"t1.mp4": 7, "t2.mp4": 4934, "t3.mp4": -1}, ["v1.mp4", "e1.mp4"])
    (tmp_path / "gt_v2/val_v2.txt").write_text("7 v1.mp4\n")
    return tmp_path


def test_labels_of_train_and_val(root):
    labels = read_labels_of(str(root))
    assert labels == {"t1.mp4": 7, "t2.mp4": 4934, "v1.mp4": 7}
    names, splits = ["t1.mp4", "t3.mp4", "v1.mp4", "gone.mp4"], ["train", "train", "val", "val"]
    assert labels_of(names, splits, labels).tolist() == [7, NOBODY_KNOWN, 7, NOBODY_KNOWN]
    assert [Path(path).name for path in label_files(str(root))] == ["train_v2.txt", "val_v2.txt"]


def test_nobody_says_who_is_in_a_clip_of_test(root):
    assert labels_of(["t1.mp4"], ["test"], read_labels_of(str(root))).tolist() == [NOBODY_KNOWN]
    assert labels_of([], [], {}).tolist() == []


def test_a_clip_under_two_people_is_refused(root):
    val = root / "gt_v2/val_v2.txt"
    val.write_text("7 v1.mp4\n8 v1.mp4\n")
    with pytest.raises(InputError, match=r"val_v2\.txt:2: v1\.mp4 is listed under 7 and under 8"):
        read_labels_of(str(root))
    val.write_text("8 v1.mp4 t1.mp4\n")
    with pytest.raises(InputError, match=r"t1\.mp4 is listed under 8, and in gt_v2/train_v2\.txt under 7"):
        read_labels_of(str(root))
    val.write_text("7 v1.mp4 t1.mp4\n")
    assert len(read_labels_of(str(root))) == 3


@pytest.mark.parametrize("file", ["train_v2.txt", "val_v2.txt"])
def test_a_file_may_be_missing_only_where_the_data_set_lists_its_clips(root, file):
    (root / "gt_v2" / file).unlink()
    with pytest.raises(InputError, match=rf"{file}: No such file"):
        read_labels_of(str(root))
    write_listed(str(root), [ListedClip(name, "train", "/a.jpg") for name in ("t1.mp4", "v1.mp4", "t2.mp4")])
    assert read_labels_of(str(root)) in ({"v1.mp4": 7}, {"t1.mp4": 7, "t2.mp4": 4934})
    (root / "gt_v2/clips.csv").unlink()
    write_listed(str(root), [ListedClip("other", "train", "/a.jpg")])
    with pytest.raises(InputError, match=r"gt_v2/clips\.csv names none of its [12] clips"):
        read_labels_of(str(root))
