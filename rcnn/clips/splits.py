"""Which items of known people train, validate and test: decided for each item alone, as far as possible.

The rules, in order:

1. An item that has a label in the data set to be replaced keeps its split.
2. Every other item has a number u from 0 to 1, a hash of the seed and its own name: test below the share of test,
   val below the shares of test and val together, else train.
3. If a person would have nothing to train on, the person's new item with the largest u goes to train.
4. If the whole data set would have nothing to test, the new item with the smallest u goes to test, among those that
   leave their person something to train on.

So a new item never moves an existing one. In another output folder, where rule 1 does not apply, it may move items that
rules 3 and 4 chose, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from ..files.json import read_json
from . import dataset
from .dataset import TEST, TRAIN, VAL
from .layout import LISTS, STAGING, TEST_FILE

SPLITS_FILE = f"{LISTS}/splits.json"


@dataclass(frozen=True)
class Shares:
    """What splits depend on besides the items.

    seed : a different seed gives different splits
    val, test : shares of a known person's items
    """

    seed: int
    val: float
    test: float

    def of(self, u: float) -> str:
        """The split of an item by rule 2."""
        if u < self.test:
            return TEST
        return VAL if u < self.test + self.val else TRAIN


def split_items(people: Iterable[Mapping[str, float]], kept: Mapping[str, str], shares: Shares) -> dict[str, str]:
    """The split of every item.

    Parameters
    ----------
    people : of each known person, u of each item by its name
    kept : splits of items that have one already; may include other items
    """
    people = list(people)
    splits = {item: kept.get(item, shares.of(u)) for mine in people for item, u in mine.items()}
    for mine in people:
        new = mine.keys() - kept.keys()
        if new and TRAIN not in {splits[item] for item in mine}:
            splits[max(new, key=lambda item: (mine[item], item))] = TRAIN
    if TEST not in splits.values():
        free = [
            (u, item)
            for mine in people
            for item, u in mine.items()
            if item not in kept and any(splits[other] == TRAIN for other in mine.keys() - {item})
        ]
        if free:
            splits[min(free)[1]] = TEST
    return splits


def read_splits(output: Path, shares: Shares) -> dict[str, str]:
    """Split of each clip that has a label in the data set in `output`, by the end of its name.

    Empty if there is none, or it was made with other shares or another seed. One from before `SPLITS_FILE` existed
    counts as made with these.
    """
    for root in (output, output / STAGING):  # it is there if a run ended while it published
        if not (root / LISTS).is_dir():
            continue
        try:
            if (root / SPLITS_FILE).exists() and read_json(str(root / SPLITS_FILE)) != asdict(shares):
                return {}
            listed = {
                TRAIN: dataset.read_train_labels(str(root / dataset.TRAIN_FILE)),
                VAL: dataset.read_labels(str(root / dataset.VAL_FILE)),
                TEST: dataset.read_labels(str(root / TEST_FILE)),
            }
        except (InputError, OSError, ValueError) as error:
            print(f"{error}; all items get new splits, ignoring those of the earlier data set", flush=True)
            return {}
        return {Path(name).stem.rpartition("_")[2]: split for split, names in listed.items() for name in names}
    return {}


def write_splits(staging: Path, shares: Shares) -> None:
    """Write the settings that the splits of a data set depend on."""
    (staging / SPLITS_FILE).write_text(json.dumps(asdict(shares)) + "\n")
