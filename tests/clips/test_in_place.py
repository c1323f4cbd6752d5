"""A data set of files that stay where they lie: clips in pieces, labels that stay, nothing half written."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcnn.clips.dataset import list_clips
from rcnn.clips.gather import SourceFile
from rcnn.clips.given import read_given
from rcnn.clips.in_place import clip_name, is_in_place, read_earlier, slug, write_in_place
from rcnn.clips.labels import read_labels_of
from rcnn.clips.listed import ListedClip, read_listed, write_listed
from rcnn.clips.names import read_people
from rcnn.errors import InputError

WHOLE = ((0.0, 0.0),)
ADA, BO = SourceFile("/people/Ada/1.jpg", 10, 1), SourceFile("/people/Bo.jpg", 20, 2)
FILM, SHORT = SourceFile("/films/a film.mkv", 900, 3), SourceFile("/films/short.mp4", 90, 4)
CUT = ((0.0, 30.03), (30.03, 59.559), (59.559, 0.0))


def write(root: Path, people=None, films=(FILM, SHORT), **plans) -> bool:
    people = {"Ada": [ADA], "Bo": [BO]} if people is None else people
    files = [*(file for mine in people.values() for file in mine), *films]
    pieces = {file: CUT if file == FILM else WHOLE for file in files}
    return write_in_place(str(root), people, films, pieces, read_earlier(str(root)))


def names_of(root: Path) -> dict[int, str]:
    return read_people(str(root / "gt_v2/names.txt"))


def test_the_stages_find_clips_pieces_and_labels_in_it(tmp_path):
    assert write(tmp_path)
    test = list_clips(str(tmp_path), "test")
    assert [(clip.path, clip.start, clip.end) for clip in test] == [(FILM.path, *piece) for piece in CUT] + [
        (SHORT.path, 0.0, 0.0)
    ]
    train = list_clips(str(tmp_path), "trainval")
    labels = read_labels_of(str(tmp_path))
    assert {clip.path: labels[clip.name] for clip in train} == {ADA.path: 1, BO.path: 2}
    assert names_of(tmp_path) == {1: "Ada", 2: "Bo"}


def test_what_is_the_same_is_not_written_again(tmp_path):
    write(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "gt_v2").iterdir()}
    assert not write(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "gt_v2").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gt_v2"]


def test_pieces_are_known_as_long_as_the_file_is_the_same(tmp_path):
    assert read_earlier(str(tmp_path)).pieces(FILM) is None
    write(tmp_path)
    earlier = read_earlier(str(tmp_path))
    assert earlier.pieces(FILM) == CUT and earlier.pieces(ADA) == WHOLE
    for changed in (SourceFile(FILM.path, 901, 3), SourceFile(FILM.path, 900, 4), SourceFile("/other.mkv", 900, 3)):
        assert earlier.pieces(changed) is None


def test_a_label_is_for_ever(tmp_path):
    write(tmp_path)
    write(tmp_path, {"Aaron": [ADA], "Bo": [BO]})
    assert names_of(tmp_path) == {2: "Bo", 3: "Aaron"}
    write(tmp_path, {"Ada": [ADA], "Zoë Smith": [BO]})
    assert names_of(tmp_path) == {1: "Ada", 4: "Zoë Smith"}
    assert read_given(str(tmp_path)) == {"Ada": 1, "Bo": 2, "Aaron": 3, "Zoë Smith": 4}


def test_two_names_may_have_one_label(tmp_path):
    write(tmp_path)
    (tmp_path / "gt_v2/labels.csv").write_text("label,name\n1,Ada\n1,Bo\n")
    write(tmp_path, {"Ada": [ADA], "Bo": [BO], "Cy": [SHORT]}, films=[FILM])
    assert set(read_labels_of(str(tmp_path)).values()) == {1, 2}
    assert names_of(tmp_path) == {1: "Ada", 2: "Cy"}


def test_what_others_put_there_stays(tmp_path):
    write(tmp_path)
    more = ListedClip("photo_of_ada", "train", "/elsewhere/photo.jpg")
    write_listed(str(tmp_path), [*read_listed(str(tmp_path), {"train", "val", "test"}), more])
    with open(tmp_path / "gt_v2/train_v2.txt", "a") as file:
        file.write("photo_of_ada 1\n")
    (tmp_path / "gt_v2/test_v2.txt").write_text("1 a\n")
    assert write(tmp_path, films=[FILM])
    assert read_labels_of(str(tmp_path))["photo_of_ada"] == 1
    assert "/elsewhere/photo.jpg" in {clip.path for clip in list_clips(str(tmp_path), "trainval")}
    assert (tmp_path / "gt_v2/test_v2.txt").read_text() == "1 a\n"


def test_a_file_of_a_person_is_no_film_as_well(tmp_path):
    write(tmp_path, films=[ADA, FILM])
    assert {clip.path for clip in list_clips(str(tmp_path), "test")} == {FILM.path}


def test_a_kill_leaves_the_one_before_or_the_new_one(tmp_path, monkeypatch):
    """Whatever call comes last."""
    write(tmp_path)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "gt_v2").iterdir()}
    calls = ("os.replace", "shutil.rmtree", "rcnn.clips.in_place.write_listed", "rcnn.clips.in_place.write_lines")
    for call in calls:
        for count in range(20):
            root = tmp_path / f"{call}{count}"
            shutil.copytree(tmp_path / "gt_v2", root / "gt_v2")
            with monkeypatch.context() as patch:
                killed = _kill_at(patch, call, count)
                with suppress(SystemError):
                    write(root, films=[SHORT])
            earlier = read_earlier(str(root))
            assert earlier.labels == {"Ada": 1, "Bo": 2} and earlier.pieces(SHORT) == WHOLE
            listed = {path.name: path.read_bytes() for path in (root / "gt_v2").iterdir()}
            assert listed == whole or earlier.pieces(FILM) is None
            assert is_in_place(str(root))
            write(root, films=[SHORT])
            assert {clip.path for clip in list_clips(str(root), "test")} == {SHORT.path}
            if not killed:
                break


def _kill_at(patch: pytest.MonkeyPatch, call: str, count: int) -> list[bool]:
    """Raise where a function is called for the n-th time; the list has an entry once it was."""
    import importlib

    place, name = call.rsplit(".", 1)
    module = importlib.import_module(place)
    real, left, killed = getattr(module, name), [count], []

    def dying(*arguments, **named):
        if left[0] == 0 and not killed:
            killed.append(True)
            raise SystemError("killed")
        left[0] -= 1
        return real(*arguments, **named)

    patch.setattr(module, name, dying)
    return killed


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("labels.csv", "label,name\nx,Ada\n", "label 'x'"),
        ("labels.csv", "name,label\n", "first line is not label,name"),
        ("planned.csv", "source,size,changed\n/a,b,c\n", "is not source,size,changed"),
        ("planned.csv", "source,size,changed\n/a,1\n", "is not source,size,changed"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, file, text, words):
    write(tmp_path)
    (tmp_path / "gt_v2" / file).write_text(text)
    with pytest.raises(InputError, match=words) as error:
        write(tmp_path)
    assert file in str(error.value)


def test_names_of_clips_can_be_read(tmp_path):
    assert clip_name("/films/Holiday in  Rome (2).MP4", 30.03).startswith("Holiday-in-Rome-2_")
    assert clip_name("/films/Holiday.mp4", 30.03).endswith("_000030030")
    assert clip_name("s3://bucket/films/家族の夏.mp4", 0).startswith("家族の夏_")
    assert slug("हिन्दी में").count("-") == 1  # vowel signs are not letters
    assert slug("...") == "clip" and slug("e\u0301") == "é"


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), st.floats(0, 86400))
def test_any_file_name_gives_a_name_that_every_stage_takes(stem, start):
    if stem in (".", ".."):
        return
    name = clip_name(f"/films/{stem}", start)
    assert name and not any(letter.isspace() for letter in name) and "/" not in name and name.isprintable()
    assert len(os.fsencode(name)) <= 255 - len(".jpg")
    assert name == clip_name(f"/films/{stem}", start)
    assert sorted([clip_name(f"/films/{stem}", start + 30), name])[0] == name
