"""Answers in the training set, in find, in run.sh, and where people are merged, renamed and forgotten. 10 s."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from made_run import FILMS, NAMES, MadeRun, make_run, put_back
from reference_models import ROOT

from rcnn.clips.gather import SourceFile
from rcnn.clips.given import read_given as read_labels
from rcnn.clips.in_place import read_earlier, write_in_place
from rcnn.clips.names import read_people
from rcnn.errors import InputError
from rcnn.people.answers import ANSWERS_FILE, Answer, Answers, Given, Spot, read_given
from rcnn.report import Lineage
from rcnn.stages.answered import enlist
from rcnn.stages.changed_labels import check_labels
from rcnn.stages.forget import forget
from rcnn.stages.genfeat import genfeat
from rcnn.stages.people import merge_people, rename_person
from rcnn.stages.settings import GenfeatSettings
from rcnn.stages.settings.people import ForgetSettings, MergePeopleSettings, RenamePersonSettings
from rcnn.stages.training_set import read_training_set
from rcnn.tables import StageReader, vectors


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("answered"))


@pytest.fixture
def run(made, tmp_path) -> MadeRun:
    with put_back(made, tmp_path) as run:
        yield run


def clips(run: MadeRun, part: str = "test") -> dict[str, str]:
    found = {}
    for batch in StageReader(f"{run.root}/feat_{part}", ("feature",)).clips():
        found |= {name.partition("_")[0]: name for name in batch.column("name").to_pylist()}
    return found


def say(run: MadeRun, *answers: Answer) -> None:
    with Answers.open(f"{run.root}/{ANSWERS_FILE}") as log:
        log.add(str(log.revision()), answers)


def taught(run: MadeRun, **settings) -> tuple[dict[str, tuple[int, np.ndarray]], str]:
    """Label and vector of each row of the training set that the answers give; and what was said."""
    wanted = GenfeatSettings(
        inputs=(f"{run.root}/feat_trainval",), output=f"{run.root}/trainval", tracks="main", renew=True,
        answers=f"{run.root}/{ANSWERS_FILE}", answered=(f"{run.root}/feat_test",),
    )  # fmt: skip
    with redirect_stdout(StringIO()) as said:
        genfeat(replace(wanted, **settings))
    rows = {}
    for batch in StageReader(f"{run.root}/trainval", ("genfeat",)).batches():
        columns = batch.column("name").to_pylist(), batch.column("label").to_pylist(), vectors(batch.column("feature"))
        rows |= {name: (label, vector) for name, label, vector in zip(*columns, strict=True)}
    return rows, said.getvalue()


def test_answered_tracks_join_the_training_set(run):
    before, _ = taught(run, answers=None, answered=None)
    films, own = clips(run), clips(run, "trainval")
    first, third = films["first"], films["third"]
    known = next(name for name, (label, _) in before.items() if label == 2)
    say(
        run,
        Answer("yes", Spot(first, 1), 9),
        Answer("no", Spot(first, 1), 2),
        Answer("no", Spot(third, 0), 3),
        Answer("no", Spot(known, 0), 2),
        Answer("merge", label=1, other=3),
        Answer("hide", Spot(third, 1)),
        Answer("yes", Spot("gone.mp4", 0), 1),
    )
    after, said = taught(run)
    assert after.keys() - before.keys() == {f"{first}/1", f"{third}/0"}
    assert (after[f"{first}/1"][0], after[f"{third}/0"][0]) == (9, 0)
    assert after[known][0] == 0
    assert sorted(after) == list(after), "rows are sorted"
    for name, (label, vector) in before.items():
        assert after[name][0] == {3: 1}.get(label, label) or name == known
        np.testing.assert_array_equal(after[name][1], vector)
    films_vectors = {
        (name, track): vector
        for batch in StageReader(f"{run.root}/feat_test", ("feature",)).batches()
        for name, track, vector in zip(
            batch.column("name").to_pylist(), batch.column("track").to_pylist(), vectors(batch.column("feature")),
            strict=True,
        )
    }  # fmt: skip
    np.testing.assert_array_equal(after[f"{first}/1"][1], films_vectors[first, 1])
    assert "answers: 7; 1 are about tracks that no longer exist, and are not used" in said
    assert "and 2 tracks that were answered about" in said and "it is made again" in said
    assert read_training_set(f"{run.root}/trainval").labels.max() == 9
    assert "it is kept" in taught(run)[1]
    say(run, Answer("hide", Spot(first, 0)))
    assert "it is kept" in taught(run)[1], "what is hidden teaches nothing"
    with Answers.open(f"{run.root}/{ANSWERS_FILE}") as log:
        log.undo("u1"), log.undo("u2")
    again, said = taught(run)
    assert "it is made again" in said
    assert {name: label for name, (label, _) in again.items()} == {name: label for name, (label, _) in before.items()}
    assert len(own) and len(FILMS)


def test_answers_of_other_models_are_refused(run):
    with pytest.raises(InputError, match=r"--answered .*: must be made with the models of --inputs"):
        taught(run, answered=(f"{run.root}/feat_test", f"{run.root}/feat_trainval"), answers=None)


def test_who_was_named_at_the_desk_stays_in_the_data_set_and_in_the_next_find(run):
    first = clips(run)["first"]
    say(run, Answer("person", label=7, name="Grace Hopper"), Answer("yes", Spot(first, 1), 7))
    say(run, Answer("rename", label=2, name="Bo Diddley"), Answer("person", label=8, name="Zoë"))
    enlist(str(run.root), str(run.dataset))
    names = {1: NAMES[0], 2: "Bo Diddley", 3: "Zoë", 7: "Grace Hopper", 8: "Zoë (8)"}
    assert read_people(str(run.dataset / "gt_v2/names.txt")) == names
    given = read_labels(str(run.dataset))
    assert given["Grace Hopper"] == 7 and given["Bo"] == given["Bo Diddley"] == 2 and given["Zoë"] == 3
    answers, earlier = read_given(f"{run.root}/{ANSWERS_FILE}"), read_earlier(str(run.dataset))
    earlier.name(answers.names)  # as find does
    plans = {file: pieces for file, (_, pieces) in earlier.plans.items()}
    people: dict[str, list[SourceFile]] = {"Next": []}
    for file in plans:
        if file.path not in earlier.films:
            people.setdefault(Path(file.path).parent.name, []).append(file)
    people["Next"].append(people["Bo"].pop())
    films = [file for file in plans if file.path in earlier.films]
    write_in_place(str(run.dataset), people, films, plans, earlier, answers.people)
    assert read_people(str(run.dataset / "gt_v2/names.txt")) == {**names, 9: "Next"}
    assert read_labels(str(run.dataset))["Grace Hopper"] == 7


def test_people_merge_and_rename_agree_with_the_answers(run, capsys):
    first = clips(run)["first"]
    say(run, Answer("person", label=7, name="Grace"), Answer("yes", Spot(first, 1), 7), Answer("no", Spot(first, 0), 2))
    merge_people(MergePeopleSettings("Bo", "Grace", str(run.root)))
    given = read_given(f"{run.root}/{ANSWERS_FILE}")
    assert given.shown == {Spot(first, 1): 2} and given.merged == {7: 2}
    rename_person(RenamePersonSettings("Grace", "Grace Hopper", str(run.root)))
    assert read_given(f"{run.root}/{ANSWERS_FILE}").names == {2: "Grace Hopper"}
    rows = [
        row for batch in StageReader(f"{run.root}/appearances", ("appearances",)).batches() for row in batch.to_pylist()
    ]
    shown = {(row["name"], row["track"]): (row["person"], row["verdict"], row["probability"]) for row in rows}
    assert shown[first, 1] == ("Grace Hopper", "yes", 1.0)
    assert read_people(str(run.dataset / "gt_v2/names.txt"))[2] == "Grace Hopper"


def test_answers_about_a_person_go_with_the_person(run, capsys):
    films = clips(run)
    say(run, Answer("person", label=7, name="Grace"), Answer("yes", Spot(films["first"], 1), 7))
    say(run, Answer("no", Spot(films["first"], 1), 2), Answer("yes", Spot(films["third"], 0), 1))
    rows, _ = taught(run)
    assert f"{films['first']}/1" in rows
    forget(ForgetSettings("Grace", str(run.root), yes=True))
    said = capsys.readouterr().out
    assert "3 answers about the person are removed" in said
    assert read_given(f"{run.root}/{ANSWERS_FILE}") == Given(shown={Spot(films["third"], 0): 1})
    left = {
        name for batch in StageReader(f"{run.root}/trainval", ("genfeat",)).batches(["name"])
        for name in batch.column("name").to_pylist()
    }  # fmt: skip
    assert left & rows.keys() == left and f"{films['first']}/1" not in left and f"{films['third']}/0" in left
    tracks = [
        row for batch in StageReader(f"{run.root}/feat_test", ("feature",)).batches(["name", "track"])
        for row in batch.to_pylist()
    ]  # fmt: skip
    assert {"name": films["first"], "track": 1} not in tracks and {"name": films["first"], "track": 0} in tracks
    for path in run.root.rglob("*"):
        assert not path.is_file() or b"Grace" not in path.read_bytes(), path


def test_run_sh_learns_the_head_from_the_answers(finished, tmp_path):
    shutil.copytree(finished.output, tmp_path / "output")
    shutil.copytree(finished.data, tmp_path / "data", symlinks=True)
    reader = StageReader(str(tmp_path / "output/feat_test"), ("feature",))
    batch = next(reader.batches())
    names = batch.column("name").to_pylist()
    tracks = batch.column("track").to_pylist() if reader.tracked else [0] * len(names)
    label = 1 + max(read_labels(str(tmp_path / "data")).values())
    with Answers.open(str(tmp_path / "output" / ANSWERS_FILE)) as log:
        log.add("1", [Answer("person", label=label, name="Grace"), Answer("yes", Spot(names[0], tracks[0]), label)])
    given = (
        "--dataset", "data", "--output", "output", "--prefix", "output/iqiyi", "--gpu", "-1", "--stage", "3",
        "--stop-stage", "4",
    )  # fmt: skip
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", str(ROOT / "run.sh"), *given], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    data = read_training_set(str(tmp_path / "output/trainval"))
    assert (data.labels == label).sum() == 1 and data.classes == label + 1
    record = json.loads((tmp_path / "output/iqiyi-train.json").read_text())
    assert record["arguments"]["num_classes"] == label + 1
    assert read_people(str(tmp_path / "data/gt_v2/names.txt"))[label] == "Grace"


def test_labels_that_answers_changed_are_those_that_the_classifier_learnt(run):
    labels = run.dataset / "gt_v2/train_v2.txt"
    denied, other = (
        next(line.split()[0] for line in labels.read_text().splitlines() if line.endswith(f" {label}"))
        for label in (1, 2)
    )
    say(run, Answer("merge", label=1, other=3), Answer("no", Spot(denied, 0), 1))
    taught(run)
    reader = StageReader(f"{run.root}/trainval", ("genfeat",))
    lines = labels.read_text().splitlines(keepends=True)
    labels.write_text("".join(line for line in lines if not line.startswith(denied)))
    lineage = Lineage([str(run.root)], learnt=[reader])
    check_labels(lineage)
    labels.write_text(labels.read_text().replace(f"{other} 2\n", f"{other} 1\n"))
    with pytest.raises(InputError, match=f"{other} has label 1"):
        check_labels(lineage)
