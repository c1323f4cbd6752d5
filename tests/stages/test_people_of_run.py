"""People who come to a run that is done, are merged, renamed and listed."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from pathlib import Path

import cv2
import pytest
from drawn_people import framed, portrait
from made_run import NAMES, PHOTOGRAPHS, MadeRun, make_run, put_back
from reference_models import ROOT

from rcnn.__main__ import main
from rcnn.clips.gather import SourceFile
from rcnn.clips.given import read_given
from rcnn.clips.in_place import read_earlier, write_in_place
from rcnn.clips.names import read_people
from rcnn.errors import InputError
from rcnn.stages.detect import detect
from rcnn.stages.feature import feature
from rcnn.stages.forgotten import check_none_under_way
from rcnn.stages.people import add_person, list_people, merge_people, rename_person
from rcnn.stages.run_folder import held
from rcnn.stages.settings import DetectSettings, FeatureSettings
from rcnn.stages.settings.people import (
    AddPersonSettings,
    ListPeopleSettings,
    MergePeopleSettings,
    RenamePersonSettings,
)
from rcnn.tables import StageReader


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("people"))


@pytest.fixture
def run(made, tmp_path) -> MadeRun:
    with put_back(made, tmp_path) as run:
        yield run


def texts(run: MadeRun) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run.dataset / "gt_v2").iterdir()}


def seen(run: MadeRun) -> set[tuple[int, str, str]]:
    rows = StageReader(str(run.root / "appearances"), ("appearances",)).batches(["name", "who", "person", "verdict"])
    return {
        (row["who"], row["person"], row["name"][:5])
        for batch in rows
        for row in batch.to_pylist()
        if row["verdict"] == "yes"
    }


def test_a_new_name_is_shown_at_once_and_the_label_stays(run):
    rename_person(RenamePersonSettings("Bo", "Bo Diddley", str(run.root)))
    assert {(2, "Bo Diddley", "first"), (2, "Bo Diddley", "secon")} <= seen(run)
    assert "Bo Diddley" in (run.root / "who.csv").read_text()
    assert read_given(str(run.dataset))["Bo"] == 2
    before = texts(run)
    rename_person(RenamePersonSettings("Bo", "Bo Diddley", str(run.root)))  # as after a kill
    assert texts(run) == before


def test_two_people_become_one(run, capsys):
    merge_people(MergePeopleSettings("Zoë", "Bo", str(run.root)))
    assert {who for who, *_ in seen(run)} <= {1, 3}
    assert read_people(str(run.dataset / "gt_v2/names.txt")) == {1: NAMES[0], 3: "Zoë"}
    assert f"label 3, {2 * PHOTOGRAPHS} photographs" in capsys.readouterr().out
    merge_people(MergePeopleSettings("Zoë", "Bo", str(run.root)))
    assert "Bo is already Zoë" in capsys.readouterr().out


def test_a_name_that_is_taken_is_refused(run):
    before = texts(run)
    with pytest.raises(InputError, match="is label 1 already; if both are one person"):
        rename_person(RenamePersonSettings("Bo", NAMES[0], str(run.root)))
    with pytest.raises(InputError, match="did you mean Ada Lovelace"):
        merge_people(MergePeopleSettings("Bo", "Ada Lovelase", str(run.root)))
    assert texts(run) == before


def test_the_list_counts_photographs_and_appearances(run, capsys):
    list_people(ListPeopleSettings(str(run.root)))
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:4] for line in lines[1:]] == [
        ["1", NAMES[0], "8", "3"], ["2", "Bo", "8", "2"], ["3", "Zoë", "8", "2"]
    ]  # fmt: skip


@pytest.mark.parametrize("flag", ["--run", "--output"])
def test_a_folder_that_may_not_be_read_is_no_stopped_removal(run, monkeypatch, flag):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("rcnn.stages.forgotten.read_json", refuse)
    with pytest.raises(
        InputError, match=rf"^{flag} {run.root}: can't be read: Permission denied; give {flag} a folder"
    ):
        check_none_under_way(str(run.root), flag)


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("rcnn.stages.run_folder.take_lock", refuse)
    words = "can't be written: Permission denied; give --output a folder that you may write"
    with pytest.raises(InputError, match=words), held(str(tmp_path), "--output"):
        pass


def test_nothing_is_changed_while_a_removal_is_under_way(run):
    (run.root / "forget.json").write_text("[]")
    with pytest.raises(InputError, match=r"forget\.json: can't be read"):
        list_people(ListPeopleSettings(str(run.root)))


@pytest.fixture
def photographed(portraits, tmp_path) -> Path:
    """A run of its own, at the same place."""
    shutil.copytree(portraits / "found", tmp_path / "kept")
    yield portraits
    shutil.rmtree(portraits / "found")
    shutil.copytree(tmp_path / "kept", portraits / "found")


@pytest.fixture(scope="module")
def portraits(tmp_path_factory) -> Path:
    """A run of two people with a portrait each, found by the models that ship, and no films."""
    root = tmp_path_factory.mktemp("photographed")
    people = {}
    for number, name in enumerate(("Ada", "Bo")):
        path = root / f"{name}.png"
        cv2.imwrite(str(path), portrait(number))
        people[name] = [SourceFile(str(path), path.stat().st_size, path.stat().st_mtime_ns)]
    plans = {file: ((0.0, 0.0),) for mine in people.values() for file in mine}
    dataset = root / "found/dataset"
    write_in_place(str(dataset), people, [], plans, read_earlier(str(dataset)))
    face, detector = str(ROOT / "model/face-m,0"), str(ROOT / "model/essh-m25,0")
    where = {"output": str(root / "found/det_trainval"), "dataset": str(dataset)}
    detect(DetectSettings(**where, model=face, detector=detector, stage="trainval", gpu=-1, recipe="best"))
    feature(
        FeatureSettings(
            model=face, input=where["output"], output=str(root / "found/feat_trainval"), gpu=-1, recipe="best"
        )
    )
    return root


def clips_of(root: Path) -> dict[str, str]:
    reader = StageReader(str(root / "found/feat_trainval"), ("feature",))
    return {row["source"]: row["state"] for batch in reader.clips() for row in batch.to_pylist()}


def add(root: Path, name: str, *photographs: Path, **more) -> None:
    add_person(AddPersonSettings(name, photographs, str(root / "found"), **more))


def test_a_person_joins_with_a_photograph_and_others_are_not_looked_at_again(photographed, tmp_path, capsys):
    root = photographed
    photograph = tmp_path / "somebody.png"
    cv2.imwrite(str(photograph), portrait(2))
    add(root, "Cy Twombly", photograph)
    assert "Cy Twombly takes part: label 3" in capsys.readouterr().out
    (copy,) = (root / "found/dataset/photographs").iterdir()
    assert copy.read_bytes() == photograph.read_bytes() and stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert clips_of(root) == {str(root / "Ada.png"): "ok", str(root / "Bo.png"): "ok", "photographs/" + copy.name: "ok"}
    assert "2 clips kept, 1 new" in (root / "found/log/people.log").read_text()
    add(root, "Cy Twombly", photograph)  # as after a kill
    assert len(clips_of(root)) == 3
    with pytest.raises(InputError, match="is a photograph of Cy Twombly; if both are one person"):
        add(root, "Dee", photograph)


def test_a_photograph_without_a_face_changes_nothing(photographed, tmp_path):
    root = photographed
    empty, text = tmp_path / "empty.png", tmp_path / "text.jpg"
    cv2.imwrite(str(empty), framed(portrait(0))[:90])
    text.write_text("no photograph")
    before = sorted(path for path in root.rglob("*"))
    for path, why in ((empty, "no face was found in it"), (text, "can't be read as a photograph")):
        with pytest.raises(InputError, match=why):
            add(root, "Cy", path)
    assert sorted(path for path in root.rglob("*")) == before


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_person_joins_a_run_that_was_copied_and_not_the_original(photographed, tmp_path):
    original = photographed / "found"
    before = files_in(original)
    shutil.copytree(original, tmp_path / "found")
    photograph = tmp_path / "somebody.png"
    cv2.imwrite(str(photograph), portrait(2))
    add(tmp_path, "Cy", photograph)
    assert read_people(str(tmp_path / "found/dataset/gt_v2/names.txt"))[3] == "Cy"
    assert sorted(clips_of(tmp_path)) == sorted([*clips_of(photographed), *added(tmp_path)])
    assert files_in(original) == before


def added(root: Path) -> list[str]:
    return [f"photographs/{path.name}" for path in (root / "found/dataset/photographs").iterdir()]


def test_another_data_set_is_refused_before_anything_is_written(photographed, tmp_path):
    shutil.copytree(photographed / "found/dataset", tmp_path / "other")
    before = files_in(photographed), files_in(tmp_path / "other")
    photograph = tmp_path / "somebody.png"
    cv2.imwrite(str(photograph), portrait(2))
    with pytest.raises(InputError, match=r"was made of .*found/dataset, and not of .*other"):
        add(photographed, "Cy", photograph, dataset=str(tmp_path / "other"))
    assert (files_in(photographed), files_in(tmp_path / "other")) == before


def test_a_link_takes_the_photograph_from_where_it_lies(photographed, tmp_path):
    root = photographed
    photograph = tmp_path / "somebody.png"
    cv2.imwrite(str(photograph), portrait(2))
    add(root, "Cy", photograph, link=True)
    assert str(photograph) in clips_of(root) and not (root / "found/dataset/photographs").exists()


@pytest.mark.parametrize(
    "words",
    [
        "groups --run {} --output {}/groups",
        "review {}",
        "people list --run {}",
        "people add Ada ada.jpg --run {}",
        "people rename Ada Grace --run {}",
        "people merge Ada Grace --run {}",
        "forget Ada --run {}",
    ],
)
def test_a_folder_that_is_no_run_is_named_and_left_alone(tmp_path, monkeypatch, words):
    (tmp_path / "films").mkdir()
    monkeypatch.setattr(sys, "argv", ["rcnn", *words.format(tmp_path, tmp_path).split()])
    with pytest.raises(InputError, match=r"is not a run; give the --output of find or run\.sh"):
        main()
    assert [path.name for path in tmp_path.rglob("*")] == ["films"]
