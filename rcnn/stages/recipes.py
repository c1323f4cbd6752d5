"""Two named sets of options: `seed`, the challenge's own, and `best`, which ranks best (docs/ranking.md).

Every manifest records its recipe, and a stage refuses inputs made with another recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..settings import kinds
from ..settings.fields import METHOD, flag_of, setting

if TYPE_CHECKING:
    from ..tables import StageReader

SEED, BEST, ANY = "seed", "best", "any"  # --recipe; any: only where predictions are summed
# What `best` sets instead of a script's defaults. Flags given on the command line take precedence.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "detect": {"faces": "all", "rate": 8.0},
    "feature": {"weights": "quality", "weight_power": 8.0},  # by benchmarks/ranking
    "genfeat": {"tracks": "agree"},
    "train_mlp": {"head": "cosine"},
    "predict": {},
    "submit": {},
}


def options_of_recipe(stage: str, recipe: str) -> dict[str, Any]:
    """The options of a recipe for a stage, a key of `OPTIONS`."""
    return dict(OPTIONS[stage]) if recipe == BEST else {}


def recipe_setting(stage: str, sums: bool = False) -> Any:
    """A field of settings, `str`: the recipe of a stage, a key of `OPTIONS`.

    Parameters
    ----------
    sums : whether inputs of both recipes may be mixed
    """
    changed = " ".join(f"{flag_of(name)} {value}" for name, value in OPTIONS[stage].items())
    text = (
        f"seed: the defaults shown here; best: {changed or 'the same, of inputs that best made'}"
        f"{'; any: inputs of both' if sums else ''}. The inputs must be of the same"
    )
    return setting(SEED, text, kinds.choice(SEED, BEST, *([ANY] if sums else [])), None, METHOD)


def recipe_of(arguments: Any) -> str:
    """The recipe in the arguments of a run, as a manifest has them; runs from before there were two are the seed's."""
    recipe = arguments.get("recipe", SEED) if isinstance(arguments, Mapping) else SEED
    return str(recipe)


def check_recipe(recipe: str, readers: Sequence[StageReader]) -> None:
    """Refuse inputs that another recipe made.

    Raises
    ------
    InputError
        Names the first of them, and its recipe.
    """
    for reader in readers:
        check_made_by(recipe, reader.path, recipe_of(reader.arguments))


def check_made_by(recipe: str, path: str, found: str) -> None:
    """`check_recipe` of one input that was made by the recipe `found`."""
    if recipe not in (found, ANY):
        raise InputError(
            f"{path}: was made with --recipe {found[:40]}, and this run has --recipe {recipe}; give --recipe "
            f"{found[:40]}, or make the input again"
        )
