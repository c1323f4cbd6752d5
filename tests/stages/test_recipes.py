"""--recipe: other defaults for a whole run, and no mixing of two by accident."""

import pytest

from rcnn.commands.arguments import METHOD, Parser, add_recipe
from rcnn.errors import InputError
from rcnn.stages.recipes import ANY, BEST, SEED, check_made_by, recipe_of


def parser() -> Parser:
    result = Parser("Trains.", "python train_mlp.py")
    add_recipe(result, "train_mlp")
    result.group(METHOD)("--head", default="mlp", choices=("mlp", "cosine"))
    return result


def test_best_sets_other_defaults_and_a_flag_that_is_given_counts():
    assert parser().parse_args([]).head == "mlp"
    assert parser().parse_args(["--recipe", "seed"]).head == "mlp"
    assert parser().parse_args(["--recipe", "best"]).head == "cosine"
    assert parser().parse_args(["--recipe", "best", "--head", "mlp"]).head == "mlp"
    with pytest.raises(InputError, match="recipe"):
        parser().parse_args(["--recipe", "any"])


def test_the_recipe_of_older_runs_is_the_seeds():
    assert recipe_of({"aug": 0}) == recipe_of(None) == SEED
    assert recipe_of({"recipe": "best"}) == BEST


def test_a_mix_up_is_named_and_any_takes_both():
    check_made_by(SEED, "x", SEED)
    check_made_by(ANY, "x", BEST)
    with pytest.raises(InputError, match=r"output/feat: was made with --recipe seed.*give --recipe seed, or make"):
        check_made_by(BEST, "output/feat", SEED)
