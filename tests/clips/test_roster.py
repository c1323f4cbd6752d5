"""Changes of who is in a data set: lists that change all at once, of data sets of both kinds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from killing import Killed, kill_at

from rcnn.clips.dataset import TRAIN, list_clips
from rcnn.clips.gather import SourceFile
from rcnn.clips.given import read_given
from rcnn.clips.in_place import read_earlier, write_in_place
from rcnn.clips.labels import read_labels_of
from rcnn.clips.listed import ListedClip
from rcnn.clips.names import read_people
from rcnn.clips.roster import read_roster
from rcnn.errors import InputError

WHOLE = ((0.0, 0.0),)
ADA, BO, CY = SourceFile("/people/Ada/1.jpg", 10, 1), SourceFile("/people/Bo.jpg", 20, 2), SourceFile("/people/Cy.jpg")
FILM = SourceFile("/films/a.mkv", 900, 3)
NEW = ListedClip("new_0123", TRAIN, "/photographs/new.jpg")


def find(root: Path, **people: SourceFile) -> dict[str, int]:
    """As find writes the data set; the label of each source."""
    people = people or {"Ada": ADA, "Bo": BO, "Cy": CY}
    mine = {name: [file] for name, file in people.items()}
    write_in_place(str(root), mine, [FILM], dict.fromkeys((*people.values(), FILM), WHOLE), read_earlier(str(root)))
    labels = read_labels_of(str(root))
    return {clip.path: labels[clip.name] for clip in list_clips(str(root), "trainval")}


def change(root: Path, how) -> None:
    roster = read_roster(str(root))
    how(roster).write(roster)


def folders(root: Path) -> None:
    """A data set as gendata.py makes it."""
    for folder in ("IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN", "IQIYI_VID_TEST", "gt_v2"):
        (root / folder).mkdir(parents=True)
    places = {"a1.mp4": "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN", "b1.mp4": "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"}
    for name, folder in {**places, "a2.mp4": "IQIYI_VID_TEST", "s.mp4": "IQIYI_VID_TEST"}.items():
        (root / folder / name).write_text(name)
    texts = {
        "IQIYI_VID.txt": "a1.mp4\na2.mp4\nb1.mp4\ns.mp4\n", "train_v2.txt": "a1.mp4 1\nb1.mp4 2\n", "val_v2.txt": "",
        "test_v2.txt": "1 a2.mp4\n", "names.txt": "1 Ada\n2 Bo\n", "labels.csv": "label,name\n1,Ada\n2,Bo\n",
        "sources.txt": "a1.mp4\t/in/Ada/1.jpg\na2.mp4\t/in/Ada/2.jpg\nb1.mp4\t/in/Bo/1.jpg\n", "splits.json": "{}\n",
    }  # fmt: skip
    for name, text in texts.items():
        (root / "gt_v2" / name).write_text(text)


def test_what_gendata_made_is_known_without_who_was_removed(tmp_path):
    folders(tmp_path)
    for before, after in (("a1.mp4", "00000_0123.mp4"), ("b1.mp4", "00000_4567.mp4")):
        for path in (tmp_path / "gt_v2").iterdir():
            path.write_text(path.read_text().replace(before, after))
    made = {
        "arguments": {"seed": 0},
        "items": {"0123": [1, 2], "4567": [3, 4]},
        "others": "",
        "clips": ["0123", "4567"],
    }
    (tmp_path / "gt_v2/made.json").write_text(json.dumps(made))
    change(tmp_path, lambda roster: roster.without(1))
    left = json.loads((tmp_path / "gt_v2/made.json").read_text())
    assert left == {**made, "items": {"4567": [3, 4]}, "clips": ["4567"]}


def texts(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "gt_v2").iterdir()}


def test_a_photograph_that_was_added_stays_through_the_next_find(tmp_path):
    find(tmp_path)
    change(tmp_path, lambda roster: roster.with_photographs("Dee", [NEW]))
    assert find(tmp_path) == {ADA.path: 1, BO.path: 2, CY.path: 3, NEW.source: 4}
    assert read_people(str(tmp_path / "gt_v2/names.txt")) == {1: "Ada", 2: "Bo", 3: "Cy", 4: "Dee"}


def test_more_photographs_have_the_label_of_the_name(tmp_path):
    find(tmp_path)
    change(tmp_path, lambda roster: roster.with_photographs("Bo", [NEW]))
    assert find(tmp_path)[NEW.source] == 2


def test_who_was_merged_stays_so_with_both_folders_there(tmp_path):
    find(tmp_path)
    change(tmp_path, lambda roster: roster.merged(3, 1))
    assert read_people(str(tmp_path / "gt_v2/names.txt")) == {2: "Bo", 3: "Cy"}
    assert find(tmp_path) == {ADA.path: 3, BO.path: 2, CY.path: 3}
    assert read_people(str(tmp_path / "gt_v2/names.txt")) == {2: "Bo", 3: "Cy"}


def test_the_label_of_who_was_merged_is_not_given_again(tmp_path):
    find(tmp_path)
    change(tmp_path, lambda roster: roster.merged(1, 3))
    assert find(tmp_path, Ada=ADA, Dee=BO) == {ADA.path: 1, BO.path: 4}


def test_a_folder_of_the_old_name_is_shown_under_the_new_one(tmp_path):
    find(tmp_path)
    change(tmp_path, lambda roster: roster.renamed(1, "Zoë Ada"))
    assert find(tmp_path)[ADA.path] == 1
    assert read_people(str(tmp_path / "gt_v2/names.txt"))[1] == "Zoë Ada"


def test_who_was_removed_leaves_nothing_but_the_number(tmp_path):
    find(tmp_path)
    change(tmp_path, lambda roster: roster.without(3))
    assert not any(b"Cy" in data for data in texts(tmp_path).values())
    assert max(read_given(str(tmp_path)).values()) == 3
    assert find(tmp_path, Ada=ADA, Cy=CY) == {ADA.path: 1, CY.path: 4}


def test_the_other_files_keep_their_bytes_in_a_data_set_of_folders(tmp_path):
    folders(tmp_path)
    before = texts(tmp_path)
    roster = read_roster(str(tmp_path))
    assert roster.clips(1) == ["a1.mp4", "a2.mp4"] and roster.clips(2) == ["b1.mp4"]
    assert [Path(path).name for path in roster.places(roster.clips(1))] == ["a1.mp4", "a2.mp4"]
    change(tmp_path, lambda roster: roster.without(1))
    after = texts(tmp_path)
    assert after["splits.json"] == before["splits.json"] and after["train_v2.txt"] == b"b1.mp4 2\n"
    assert after["IQIYI_VID.txt"] == b"b1.mp4\ns.mp4\n" and after["test_v2.txt"] == b""
    assert not any(b"Ada" in data or b"a1.mp4" in data for data in after.values())


def test_a_change_that_changes_nothing_writes_the_same_bytes(tmp_path):
    folders(tmp_path / "folders")
    find(tmp_path / "listed")
    for root in (tmp_path / "folders", tmp_path / "listed"):
        before = texts(root)
        change(root, lambda roster: roster)
        assert texts(root) == before


@pytest.mark.parametrize(
    "name, hint",
    [("ada", "did you mean Ada"), ("Xyz", "it has Ada, Bo, Cy"), ("C", "did you mean Cy"), ("o", "did you mean Bo")],
)
def test_a_name_that_is_near_is_named(tmp_path, name, hint):
    find(tmp_path)
    with pytest.raises(InputError, match=r"nobody in .* has this name") as caught:
        read_roster(str(tmp_path)).find(name)
    assert hint in str(caught.value)


def test_lists_that_others_made_are_not_changed(tmp_path):
    folders(tmp_path)
    (tmp_path / "gt_v2/names.txt").unlink()
    with pytest.raises(InputError, match=r"its lists are not changed.*docs/privacy\.md"):
        read_roster(str(tmp_path))


def test_a_kill_leaves_all_lists_of_before_or_all_of_after(tmp_path, monkeypatch):
    root, kept = tmp_path / "set", tmp_path / "kept"
    find(root)
    shutil.copytree(root, kept)
    before = texts(root)
    change(root, lambda roster: roster.merged(1, 3))
    after = texts(root)
    states, through, step = set(), False, 1
    while not through:
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        with monkeypatch.context() as patch:
            kill_at(patch, step)
            try:
                change(root, lambda roster: roster.merged(1, 3))
                through = True
            except Killed:
                pass
        read_roster(str(root))
        assert texts(root) in (before, after), step
        states.add(texts(root) == after)
        step += 1
    assert states == {True, False}
