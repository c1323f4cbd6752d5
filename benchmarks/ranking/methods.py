"""The lines of the tables: ways to rank, as options of the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
BEFORE = Method("best, before", options={"train": {"head": "auto"}})
FIRST = (SEED_LINE, SEED_CENTROIDS, CENTROIDS, BEFORE)
QUALITIES = (0.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0)
THRESHOLDS = tuple(
    Method(f"{name}, quality {quality:g}", options=options, centroids=centroids, quality=quality)
    for quality in QUALITIES
    for name, options, centroids in (("centroids", {}, True), ("best, before", BEFORE.options, False))
)
LEVERS = (
    Method("cosine head, asked for", options={"train": {"head": "cosine"}}),
    Method("templates, asked for", options={"train": {"head": "templates"}}),
    Method("mirrored crops", options={"feature": {"aug": 1}, **BEFORE.options}),
    Method("mirrored and colour variants", options={"feature": {"aug": 2}, **BEFORE.options}),
    Method("main tracks teach", options={"genfeat": {"tracks": "main"}, **BEFORE.options}),
)
GROUPS: Mapping[str, tuple[Method, ...]] = {"first": FIRST, "thresholds": THRESHOLDS, "levers": LEVERS}
