"""Prints the values that run.sh needs, one per line: data set, prefix of the classifier, last epoch, recipe, and its
reason.

    python -m rcnn.commands.driver [DATASET [OUTPUT [RECIPE]]]     an empty word stands for one that is left out

An existing run keeps its recipe. A new one uses `best` for the user's own data, which has names of people, and `seed`
for the challenge's.
"""

from __future__ import annotations

import json
import os
import sys

from ..clips.layout import PEOPLE_FILE
from ..stages.recipes import BEST, RECIPES, SEED, recipe_of
from ..stages.settings import TrainSettings
from ..stages.settings.places import DATASET, TRAINVAL


def choose_recipe(dataset: str, output: str) -> tuple[str, str]:
    """The recipe of a run for which none is given, and why in words."""
    try:
        with open(os.path.join(output, f"det_{TRAINVAL}", "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        recipe = recipe_of(manifest["arguments"])
        if recipe in RECIPES:
            return recipe, f"what {output} was begun with"
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not begun, or nothing that the stages would keep
    if os.path.isfile(os.path.join(dataset, PEOPLE_FILE)):
        return BEST, "what ranks best, for data of your own"
    return SEED, "the seed's, for the challenge's data"


def main() -> None:
    dataset, output, recipe = [*sys.argv[1:4], "", "", ""][:3]
    dataset = dataset or DATASET
    training = TrainSettings()
    chosen, why = (recipe, "asked for") if recipe else choose_recipe(dataset, output)
    print(dataset, training.prefix, training.last_epoch, chosen, why, sep="\n")


if __name__ == "__main__":
    main()
