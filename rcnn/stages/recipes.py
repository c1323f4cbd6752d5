"""Named sets of options: `seed`, the challenge's own, `best`, which ranks best (docs/ranking.md), and `fast`, which is
`best` with less work for the detector (docs/performance.md).

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

SEED, BEST, FAST, ANY = "seed", "best", "fast", "any"  # --recipe; any: only where predictions are summed
RECIPES = (SEED, BEST, FAST)
# What `best` sets instead of a script's defaults. Flags given on the command line take precedence.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "detect": {"faces": "all", "rate": 8.0},
    "feature": {"weights": "quality", "weight_power": 8.0},  # by benchmarks/ranking
    "genfeat": {"tracks": "agree"},
    "train_mlp": {"head": "cosine"},
    "predict": {},
    "submit": {},
}
# what `fast` sets differently, by benchmarks/following.py
FASTER: Mapping[str, Mapping[str, Any]] = {"detect": {"rate": 4.0, "detect_every": 2}}


def options_of_recipe(stage: str, recipe: str) -> dict[str, Any]:
    """The options of a recipe for a stage, a key of `OPTIONS`."""
    if recipe in (SEED, ANY):
        return {}
    return {**OPTIONS[stage], **(FASTER.get(stage, {}) if recipe == FAST else {})}


def recipe_setting(stage: str, sums: bool = False) -> Any:
    """A field of settings, `str`: the recipe of a stage, a key of `OPTIONS`.

    Parameters
    ----------
    sums : whether inputs of several recipes may be mixed
    """
    faster = f"best with {_words(FASTER[stage])}" if stage in FASTER else "the same as best"
    text = (
        f"seed: the defaults shown here; best: {_words(OPTIONS[stage]) or 'the same, of inputs that best made'}; fast: "
        f"{faster}{'; any: inputs of all' if sums else ''}. The inputs must be of the same"
    )
    return setting(SEED, text, kinds.choice(*RECIPES, *([ANY] if sums else [])), None, METHOD)


def _words(options: Mapping[str, Any]) -> str:
    return " ".join(f"{flag_of(name)} {value}" for name, value in options.items())


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
