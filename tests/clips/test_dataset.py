"""The iQIYI-VID layout: which clips count, and how they are dealt to parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.dataset import TO_THE_END, list_clips, part_of, read_ground_truth, read_train_labels
from rcnn.errors import InputError


@pytest.fixture
def root(tmp_path):
    def put(folder: str, *names: str) -> None:
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / name).write_bytes(b"x")

    put("IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN", "t1.mp4", "t2.mp4", "stray.mp4")
    put("IQIYI_VID_DATA_Part3/IQIYI_VID_TRAIN", "t3.mp4")
    put("IQIYI_VID_DATA_Part1/IQIYI_VID_VAL", "v1.mp4", "v2.mp4")
    put("IQIYI_VID_TEST", "e1.mp4")
    (tmp_path / "gt_v2").mkdir()
    names = ["t1", "t2", "t3", "v1", "v2", "e1", "missing"]
    (tmp_path / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{n}.mp4\n" for n in names))
    (tmp_path / "gt_v2/train_v2.txt").write_text("t1.mp4 7\nt2.mp4 4934\nt3.mp4 1\n")
    (tmp_path / "gt_v2/val_v2.txt").write_text("7 v2.mp4\n")
    return tmp_path


def test_clips_of_every_part(root):
    clips = list_clips(str(root), "trainval")
    assert [(c.name, c.split, c.start, c.end) for c in clips] == [
        ("t1.mp4", "train", 0, TO_THE_END),
        ("t2.mp4", "train", 0, TO_THE_END),
        ("t3.mp4", "train", 0, TO_THE_END),
        ("v1.mp4", "val", 0, TO_THE_END),
        ("v2.mp4", "val", 0, TO_THE_END),
    ]


def test_clips_need_no_labels(root):
    before = list_clips(str(root), "trainval")
    (root / "gt_v2/train_v2.txt").unlink()
    (root / "gt_v2/val_v2.txt").write_text("no labels at all")
    assert list_clips(str(root), "trainval") == before
    assert [c.name for c in list_clips(str(root), "test")] == ["e1.mp4"]


def test_one_part_without_a_test_folder_works(root):
    (root / "IQIYI_VID_TEST/e1.mp4").unlink()
    (root / "IQIYI_VID_TEST").rmdir()
    assert len(list_clips(str(root), "trainval")) == 5
    with pytest.raises(InputError, match="IQIYI_VID_TEST"):
        list_clips(str(root), "test")


@pytest.mark.parametrize("parts", [1, 2, 3, 8])
def test_parts_hold_every_clip_once(root, parts):
    dealt = [c.name for i in range(parts) for c in list_clips(str(root), "trainval", (i, parts))]
    assert sorted(dealt) == [c.name for c in list_clips(str(root), "trainval")]


@given(st.text(min_size=1), st.integers(1, 100))
def test_part_is_in_range(name, parts):
    assert 0 <= part_of(name, parts) < parts


def test_part_is_the_same_on_every_machine():
    # sha256 by its definition, not Python's hash, which changes from run to run
    assert [part_of(f"IQIYI_VID_TEST_{i:07d}.mp4", 8) for i in range(8)] == [2, 4, 6, 2, 1, 1, 3, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t1.mp4\n", r"train_v2\.txt:1: has 1 fields"),
        ("t1.mp4 7\n\nt2.mp4 seven\n", r"train_v2\.txt:3: label 'seven'"),
        ("t1.mp4 0\n", "label '0'"),
        ("t1.mp4 -1\n", "label '-1'"),
        ("t1.mp4 99999999999\n", "label '99999999999'"),
        ("t1.mp4 1\nt1.mp4 2\n", r"train_v2\.txt:2: t1\.mp4 is listed under 1 and under 2"),
    ],
)
def test_bad_lines_are_named(root, text, message):
    path = root / "gt_v2/train_v2.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_train_labels(str(path))


def test_ground_truth_joins_lines_of_one_label_and_drops_repeats(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("3 a b\n\n5 c\n3 b d\n")
    assert read_ground_truth(str(path)) == {3: ("a", "b", "d"), 5: ("c",)}


def test_a_clip_under_two_people_is_refused(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("3 a b\n5 c\n6 b\n")
    with pytest.raises(InputError, match=r"gt\.txt:3: b is listed under 3 and under 6; fix the file"):
        read_ground_truth(str(path), one_label=True)
    assert read_ground_truth(str(path)) == {3: ("a", "b"), 5: ("c",), 6: ("b",)}  # as submissions have it


def test_no_data_set_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="--dataset"):
        list_clips(str(tmp_path / "nothing"), "test")
    with pytest.raises(InputError, match="has no gt_v2, so it is not a data set"):
        list_clips(str(tmp_path), "test")
