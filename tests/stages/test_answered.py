"""Answers in the training set, in find, in run.sh, and where people are merged, renamed and forgotten. 10 s."""

from __future__ import annotations

import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from made_run import FILMS, MadeRun, make_run

from rcnn.errors import InputError
from rcnn.people.answers import ANSWERS_FILE, Answer, Answers, Spot
from rcnn.stages.genfeat import genfeat
from rcnn.stages.settings import GenfeatSettings
from rcnn.stages.training_set import read_training_set
from rcnn.tables import StageReader, vectors


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("answered"))


@pytest.fixture
def run(made, tmp_path) -> MadeRun:
    shutil.copytree(made.root, tmp_path / "kept")
    yield made
    shutil.rmtree(made.root)
    shutil.copytree(tmp_path / "kept", made.root)


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
    assert "answers: 7; 1 found no track any more, and are not used" in said
    assert "and 2 tracks that were answered about" in said and "made anew" in said
    assert read_training_set(f"{run.root}/trainval").labels.max() == 9
    assert "it is kept" in taught(run)[1]
    say(run, Answer("hide", Spot(first, 0)))
    assert "it is kept" in taught(run)[1], "what is hidden teaches nothing"
    with Answers.open(f"{run.root}/{ANSWERS_FILE}") as log:
        log.undo("u1"), log.undo("u2")
    again, said = taught(run)
    assert "made anew" in said
    assert {name: label for name, (label, _) in again.items()} == {name: label for name, (label, _) in before.items()}
    assert len(own) and len(FILMS)


def test_answers_of_other_models_are_refused(run):
    with pytest.raises(InputError, match=r"--answered .*: must be made with the models of --inputs"):
        taught(run, answered=(f"{run.root}/feat_test", f"{run.root}/feat_trainval"), answers=None)
