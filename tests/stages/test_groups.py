"""Groups of people whom nobody knows: table, file and page of a run, and naming. 5 s."""

from __future__ import annotations

import csv
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import made_run
import numpy as np
import pytest
from made_run import MadeRun, make_run, put_back

from rcnn.commands import people
from rcnn.errors import InputError
from rcnn.people.answers import ANSWERS_FILE, Answer, Answers, Spot
from rcnn.stages.forget import forget
from rcnn.stages.groups import groups
from rcnn.stages.people import add_person
from rcnn.stages.settings.groups import GroupsSettings
from rcnn.stages.settings.people import AddPersonSettings, ForgetSettings
from rcnn.tables import StageReader
from rcnn.tables.faces import ClipFaces

ADA, BO, ZOE, STRANGER, OTHER, ALONE = range(6)  # the first three are known
FILMS = {
    "first": (ADA, STRANGER), "second": (STRANGER, OTHER), "third": (OTHER, STRANGER), "alone": (ALONE, BO),
    "twice": (STRANGER, STRANGER),
}  # fmt: skip


def apart(make: Callable[..., ClipFaces], *of: Any) -> ClipFaces:
    """Faces of a clip, those of each track at a place of their own."""
    faces = make(*of)
    return replace(faces, boxes=faces.boxes + 200 * faces.tracks[:, None].astype(np.float32))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_run, "FILMS", FILMS)
        lists = {name: defaultdict(list) for name in ("crops", "vectors", "clips")}
        patch.setattr(made_run, "MadeRun", partial(MadeRun, **lists))
        patch.setattr(made_run, "_faces", partial(apart, made_run._faces))
        return make_run(tmp_path_factory.mktemp("groups"))


@pytest.fixture
def run(made, tmp_path) -> MadeRun:
    with put_back(made, tmp_path) as run:
        yield run


def table(path: Path | str) -> dict[tuple[str, int], int]:
    """The group of each track, by what the film is called."""
    batches = StageReader(str(path), ("groups",)).batches()
    rows = [row for batch in batches for row in batch.to_pylist()]
    return {(row["name"].partition("_")[0], row["track"]): row["group"] for row in rows}


def spot(run: MadeRun, film: str, track: int) -> Spot:
    rows = StageReader(f"{run.root}/feat_test", ("feature",)).batches(["name"])
    names = {name for batch in rows for name in batch.column("name").to_pylist()}
    return Spot(next(name for name in names if name.partition("_")[0] == film), track)


def answer(run: MadeRun, *answers: Answer) -> None:
    with Answers.open(f"{run.root}/{ANSWERS_FILE}") as log:
        log.add(repr(answers), answers)


def test_a_run_has_groups_of_whom_nobody_knows(run, capsys):
    groups(GroupsSettings(run=str(run.root), report=f"{run.root}/groups.html"))
    found = table(run.root / "groups")
    assert ("first", 0) not in found and ("alone", 1) not in found  # who is known
    stranger = found["first", 1]
    assert [found["second", 0], found["third", 1]] == [stranger] * 2
    assert found["second", 1] == found["third", 0] not in (stranger, -1)
    assert found["alone", 0] == -1
    assert stranger in (found["twice", 0], found["twice", 1])  # of one moment: only one of the two
    assert found["twice", 0] != found["twice", 1]
    assert "2 groups with 6 of them, 2 are in no group" in capsys.readouterr().out
    with (run.root / "groups.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["clip", "track", "group", "source", "start", "end"]
    assert {(row["clip"].partition("_")[0], int(row["track"])): int(row["group"]) for row in rows} == found
    assert all(float(row["start"]) <= float(row["best_time"]) <= float(row["end"]) for row in rows)
    page = (run.root / "groups.html").read_text()
    assert "Group 0" in page and "Group 1" in page and "data:image/jpeg" in page and page.count("<li class=") == 6


def test_what_was_made_of_the_same_is_kept_and_answers_make_it_anew(run, capsys):
    settings = GroupsSettings(run=str(run.root))
    groups(settings)
    first = table(run.root / "groups")
    (run.root / "groups.csv").unlink()
    groups(settings)
    assert "it is kept" in capsys.readouterr().out and (run.root / "groups.csv").exists()
    answer(run, Answer("apart", spot(run, "first", 1), spot2=spot(run, "second", 0)),
           Answer("together", spot(run, "alone", 0), spot2=spot(run, "second", 1)))  # fmt: skip
    groups(settings)
    found = table(run.root / "groups")
    assert found["first", 1] != found["second", 0]
    assert found["alone", 0] == found["second", 1] >= 0 > first["alone", 0]


def test_features_alone_are_grouped_without_anybody_known(made, tmp_path):
    groups(GroupsSettings(inputs=(f"{made.root}/feat_test",), output=f"{tmp_path}/all.csv"))
    found = table(tmp_path / "all")
    assert len(found) == 2 * len(FILMS) and found["first", 0] == -1
    with pytest.raises(InputError, match="alike"):
        groups(GroupsSettings(inputs=(f"{made.root}/feat_test",), output=f"{tmp_path}/all", alike=0.99))
    groups(GroupsSettings(inputs=(f"{made.root}/feat_test",), output=f"{tmp_path}/all", alike=0.99, overwrite=True))
    assert set(table(tmp_path / "all").values()) == {-1}
    both = (f"{made.root}/feat_test", f"{made.root}/feat_trainval")
    groups(GroupsSettings(inputs=both, output=f"{tmp_path}/both"))
    rows = [row for batch in StageReader(f"{tmp_path}/both", ("groups",)).batches() for row in batch.to_pylist()]
    photographs = [(row["source"].split("/")[-2], row["group"]) for row in rows if row["source"].endswith(".jpg")]
    assert len(photographs) == 24 and len(set(photographs)) == 3


def test_a_group_gets_a_name_and_is_known_from_then_on(run, capsys):
    groups(GroupsSettings(run=str(run.root)))
    found = table(run.root / "groups")
    number = found["first", 1]
    add_person(AddPersonSettings("Grace Hopper", group=number, run=str(run.root)))
    said = capsys.readouterr().out
    members = [film for film, group in found.items() if group == number]
    assert f"group {number} is Grace Hopper, label 4: {len(members)} tracks were assigned" in said
    rows = StageReader(str(run.root / "appearances"), ("appearances",)).batches()
    grace = [row for batch in rows for row in batch.to_pylist() if row["person"] == "Grace Hopper"]
    films = {row["name"].partition("_")[0] for row in grace if row["verdict"] == "yes"}
    assert {film for film, _ in members} <= films
    assert "Grace Hopper" in (run.root / "who.csv").read_text()
    # once more, as after a kill, by the file
    add_person(AddPersonSettings("Grace Hopper", group=number, groups=f"{run.root}/groups.csv", run=str(run.root)))
    assert "0 tracks were assigned" in capsys.readouterr().out
    with sqlite3.connect(run.root / ANSWERS_FILE) as log:
        assert log.execute("SELECT count(*) FROM answers").fetchone() == (1 + len(members),)
    groups(GroupsSettings(run=str(run.root)))
    assert not table(run.root / "groups").keys() & set(members)


def test_a_name_that_somebody_has_is_that_person_and_what_was_said_before_stands(run, capsys):
    groups(GroupsSettings(run=str(run.root)))
    number = table(run.root / "groups")["second", 1]
    answer(run, Answer("yes", spot(run, "second", 1), label=2))
    add_person(AddPersonSettings("Ada Lovelace", group=number, run=str(run.root)))
    said = capsys.readouterr().out
    assert "is Ada Lovelace, label 1: 1 track was assigned" in said and "1 is left out" in said
    with Answers.open(f"{run.root}/{ANSWERS_FILE}") as log:
        assert log.given().shown == {spot(run, "second", 1): 2, spot(run, "third", 0): 1}


def test_who_is_forgotten_is_in_no_group(run):
    groups(GroupsSettings(inputs=(f"{run.root}/feat_test",), output=f"{run.root}/groups"))
    before = table(run.root / "groups")
    forget(ForgetSettings("Ada Lovelace", str(run.root), yes=True))
    assert table(run.root / "groups").items() == {*before.items()} - {(("first", 0), before["first", 0])}
    assert len((run.root / "groups.csv").read_text().splitlines()) == len(before)  # a header, and all but one


def test_wrong_input_is_told_in_a_line(run, tmp_path, monkeypatch):
    root = str(run.root)

    def name(**given):
        add_person(AddPersonSettings("Grace", run=root, **given))

    with pytest.raises(InputError, match="has no groups yet; run python -m rcnn groups"):
        name(group=0)
    with pytest.raises(InputError, match="give photographs of the person, or --group"):
        AddPersonSettings("Grace", run=root)
    with pytest.raises(InputError, match="replaces photographs"):
        AddPersonSettings("Grace", (Path("a.jpg"),), group=0)
    groups(GroupsSettings(run=root))
    with pytest.raises(InputError, match=r"has no group 7; it has 0, 1$"):
        name(group=7)
    many = tmp_path / "many.csv"
    many.write_text("clip,track,group\nx,0,-1\n" + "".join(f"x,{at},{at}\n" for at in range(7)))
    with pytest.raises(InputError, match=r"has no group 99; it has 0, 1, 2, 3, 4 and 2 more$"):
        name(group=99, groups=str(many))
    foreign = tmp_path / "who.csv"
    for text in ("person,label\nAda,1\n", "clip,track,group\nx,0\n", "clip,track,group\nx,0,none\n", "\0"):
        foreign.write_text(text)
        with pytest.raises(InputError, match=r"is not a file of groups|has no group 0"):
            name(group=0, groups=str(foreign))
    foreign.write_text("clip,track,group\nelsewhere,0,0\n")
    with pytest.raises(InputError, match="'elsewhere' is in no features of"):
        name(group=0, groups=str(foreign))
    with pytest.raises(InputError, match="can't be read"):
        name(group=0, groups=str(tmp_path / "none.csv"))
    assert not (run.root / ANSWERS_FILE).exists()
    part = next((run.root / "groups/groups").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(InputError, match="python -m rcnn groups"):
        name(group=0)
    monkeypatch.setattr("sys.argv", ["rcnn people", "add", "Grace", "--group", "x"])
    with pytest.raises((InputError, SystemExit)):
        people.main()


def test_wrong_inputs_of_groups_are_told_in_a_line(made, tmp_path):
    features, output = f"{made.root}/feat_test", f"{tmp_path}/groups"
    for given, message in (
        ({"inputs": (features, features)}, "twice"),
        ({"inputs": (f"{tmp_path}/none",)}, "there is no such directory"),
        ({"inputs": (f"{made.root}/det_test",)}, "was written by stage"),
        ({"run": f"{tmp_path}/none"}, "there is no such folder"),
        ({"run": f"{tmp_path}"}, "is not a run; give the --output of find or run.sh"),
        ({"inputs": (features,), "appearances": features}, "was written by stage"),
        ({"inputs": (features,), "alike": 1.5}, "--alike"),
    ):
        with pytest.raises(InputError, match=message):
            groups(GroupsSettings(**{"output": output, **given}))
    (tmp_path / "review.sqlite").write_text("no log of answers")
    with pytest.raises(InputError, match=r"review\.sqlite"):
        groups(GroupsSettings(inputs=(features,), answers=f"{tmp_path}/review.sqlite", output=output))
    (tmp_path / "own").mkdir()
    (tmp_path / "own/letter.txt").write_text("mine")
    with pytest.raises(InputError, match="no stage wrote"):
        groups(GroupsSettings(inputs=(features,), output=f"{tmp_path}/own"))
    assert np.sort([path.name for path in tmp_path.iterdir()]).tolist() == ["own", "review.sqlite"]
