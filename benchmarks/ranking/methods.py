"""The lines of the tables: ways to rank, as options of the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rcnn.stages.recipes import BEST, SEED

STAGES = ("feature", "genfeat", "train", "predict", "submit")
Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Method:
    """A line.

    recipe : that all stages have
    options : what stages are given besides, by their names in `STAGES`
    centroids : ranked by the cosine to the nearest centroid of the recipe's training set, in place of stages 4 to 6
    quality : least quality of a face; None for the models'
    """

    name: str
    recipe: str = BEST
    options: Options = field(default_factory=dict)
    centroids: bool = False
    quality: float | None = None


SEED_LINE = Method("seed", SEED)
SEED_CENTROIDS = Method("centroids of seed's features", SEED, centroids=True)
CENTROIDS = Method("centroids", centroids=True)
# What `best` was before there was the protocol: options that it did not have are at what they do by themselves.
BEFORE = Method("best, before", options={"genfeat": {"tracks": "agree"}, "train": {"head": "auto"}})
BEST_NOW = Method("best")
FIRST = (SEED_LINE, SEED_CENTROIDS, CENTROIDS, BEFORE)
SHOWN = (SEED_LINE, CENTROIDS, BEFORE, BEST_NOW)
AT_THE_END = (*FIRST, BEST_NOW)
QUALITIES = (0.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0)


def but(name: str, quality: float | None = None, **options: Mapping[str, Any]) -> Method:
    """What `best` was before, with other options of some stages."""
    merged = {**BEFORE.options, **{stage: {**BEFORE.options.get(stage, {}), **of} for stage, of in options.items()}}
    return Method(name, options=merged, quality=quality)


THRESHOLDS = (
    *(replace(CENTROIDS, name=f"centroids, quality {quality:g}", quality=quality) for quality in QUALITIES),
    *(but(f"best, before, quality {quality:g}", quality) for quality in QUALITIES),
)
LEVERS = (
    but("cosine head, asked for", train={"head": "cosine"}),
    but("templates, asked for", train={"head": "templates"}),
    but("mirrored crops", feature={"aug": 1}),
    but("mirrored and colour variants", feature={"aug": 2}),
    but("main tracks teach", genfeat={"tracks": "main"}),
)
GROUPS: Mapping[str, tuple[Method, ...]] = {
    "first": FIRST,
    "thresholds": THRESHOLDS,
    "levers": LEVERS,
    "end": AT_THE_END,
}
