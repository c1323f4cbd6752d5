"""The commands that messages name: what makes a place, and what goes on from it."""

from __future__ import annotations

import pytest

from rcnn.tables.next_steps import DRIVEN, following, making, predicting, say_next, training
from rcnn.tables.schema import KINDS


@pytest.fixture(autouse=True)
def beside_the_scripts(tmp_path, monkeypatch):
    """A directory to work in that has the scripts, as a clone has."""
    monkeypatch.chdir(tmp_path)
    for kind in KINDS.values():
        if kind.script.endswith(".py"):
            (tmp_path / kind.script).touch()
    for name in ("train_mlp.py", "submit.py"):
        (tmp_path / name).touch()


def test_the_stages_follow_each_other():
    """What a summary names makes the place that the next one asks for."""
    assert (
        following("detect", "out/det_trainval")
        == "python feature.py --input out/det_trainval --output out/feat_trainval"
    )
    assert following("detect", "out/det_trainval") == making("feature", "out/feat_trainval")
    assert following("feature", "out/feat_trainval") == making("genfeat", "out/trainval")
    assert following("genfeat", "out/trainval") == "python train_mlp.py --data out/trainval"
    assert predicting("./model/iqiyi,40", "out/trainval") == making("predict", "out/pred_test")
    assert following("feature", "out/feat_test") == making("predict", "out/pred_test")
    assert following("predict", "out/pred_test") == (
        "python submit.py --inputs out/pred_test --output out/submission.txt --report out/report.html"
    )
    assert training("out/mlp,40", "out/feat_test") == "python train_mlp.py --data out/trainval --prefix out/mlp"
    assert following("groups", "out/groups") == ""


def test_a_recipe_goes_on_and_names_are_quoted():
    assert following("detect", "my out/det_test", "best") == (
        "python feature.py --input 'my out/det_test' --output 'my out/feat_test' --recipe best"
    )
    assert making("detect", "det") == "python detect.py --stage test --output det"


@pytest.mark.parametrize("stage", KINDS)
def test_every_stage_can_be_made(stage):
    assert making(stage, "./output/x").endswith(" --output ./output/x")


def test_run_sh_goes_on_by_itself(monkeypatch, capsys):
    say_next("python feature.py")
    say_next("")
    monkeypatch.setenv(DRIVEN, "1")
    say_next("python feature.py")
    assert capsys.readouterr().out == "next: python feature.py\n"
