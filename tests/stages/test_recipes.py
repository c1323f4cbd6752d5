"""--recipe: other defaults for a whole run, and no mixing of two by accident."""

import sys
from dataclasses import fields, replace

import pytest

from rcnn.commands.arguments import read_settings
from rcnn.errors import InputError
from rcnn.stages.feature import weighting_of
from rcnn.stages.recipes import ANY, BEST, OPTIONS, SEED, check_made_by, recipe_of
from rcnn.stages.settings import (
    DetectSettings,
    FeatureSettings,
    GenfeatSettings,
    PredictSettings,
    SubmitSettings,
    TrainSettings,
)

STAGES = {
    "detect": DetectSettings,
    "feature": FeatureSettings,
    "genfeat": GenfeatSettings,
    "train_mlp": TrainSettings,
    "predict": PredictSettings,
    "submit": SubmitSettings,
}

HOW = {"train_mlp": {"lr": 0.2}}  # with a flag that says how to train it is the recipe's head, whatever the clips


def test_best_sets_other_defaults_and_what_is_given_counts():
    assert TrainSettings().head == TrainSettings(recipe=BEST).head == "auto"
    assert (TrainSettings(lr=0.2).head, TrainSettings(lr=0.2, recipe=BEST).head) == ("mlp", "cosine")
    assert TrainSettings(recipe=BEST, head="mlp").head == "mlp"
    assert (DetectSettings(recipe=BEST).faces, DetectSettings().faces) == ("all", "central")
    weights = [(made.weights, made.weight_power) for made in (FeatureSettings(recipe=BEST), FeatureSettings())]
    assert weights == [("quality", 8.0), (None, None)]
    other = FeatureSettings(recipe=BEST, weights="score")  # with its own usual power, not that of the recipe's
    assert (other.weights, other.weight_power) == ("score", 1.0)
    plain = FeatureSettings(recipe=BEST, weights="none")
    assert weighting_of(plain) is None and plain.weight_power is None
    assert weighting_of(replace(plain, sampling=1)) is None  # as the stage does; it stays what was asked for
    assert (GenfeatSettings(recipe=BEST).tracks, GenfeatSettings().tracks) == ("agree", "main")
    with pytest.raises(InputError, match=r"^--recipe any: must be seed, best or fast$"):
        TrainSettings(recipe=ANY)
    assert SubmitSettings(recipe=ANY).recipe == ANY


@pytest.mark.parametrize("stage", OPTIONS)
def test_the_library_and_the_script_mean_the_same_by_a_recipe(stage, monkeypatch):
    kind = STAGES[stage]
    for recipe in (SEED, BEST):
        monkeypatch.setattr(sys, "argv", [f"{stage}.py", "--recipe", recipe])
        assert read_settings("", f"python {stage}.py", kind) == kind(recipe=recipe)
        if recipe == BEST:
            made = kind(recipe=recipe, **HOW.get(stage, {}))
            assert {name: getattr(made, name) for name in OPTIONS[stage]} == OPTIONS[stage]


@pytest.mark.parametrize("stage", OPTIONS)
def test_what_a_recipe_sets_can_be_left_out(stage):
    """Else nobody could tell a default from a value that was given."""
    defaults = {field.name: field.default for field in fields(STAGES[stage])}
    assert [name for name in OPTIONS[stage] if defaults[name] is not None] == []


def test_the_recipe_of_older_runs_is_the_seeds():
    assert recipe_of({"aug": 0}) == recipe_of(None) == SEED
    assert recipe_of({"recipe": "best"}) == BEST


def test_a_mix_up_is_named_and_any_takes_both():
    check_made_by(SEED, "x", SEED)
    check_made_by(ANY, "x", BEST)
    with pytest.raises(InputError, match=r"output/feat: was made with --recipe seed.*give --recipe seed, or make"):
        check_made_by(BEST, "output/feat", SEED)
