"""The rows of the tables: ranking methods, as options of the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rcnn.stages.recipes import BEST, SEED

STAGES = ("feature", "genfeat", "train", "predict", "submit")
Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Method:
    """A row of the tables.

    recipe : recipe of all stages
    options : additional options of stages, by their names in `STAGES`
    centroids : rank by cosine to the nearest centroid of the recipe's training set, instead of stages 4 to 6
    quality : quality threshold; None for the models' own
    joined : concatenate the vectors of the project's own embedding to those of the models'
    scene : share of its scores that a clip gives to clips of its film with the same scene; None: none
    bare : give scores only to clips without a face
    """

    name: str
    recipe: str = BEST
    options: Options = field(default_factory=dict)
    centroids: bool = False
    quality: float | None = None
    joined: bool = False
    scene: float | None = None
    bare: bool = False


SEED_LINE = Method("seed", SEED)
SEED_CENTROIDS = Method("centroids of seed's features", SEED, centroids=True)
# `best` before the protocol existed: options that it lacked have their defaults.
BEFORE = Method(
    "best, unweighted",
    options={
        "feature": {"weights": "none"},
        "genfeat": {"tracks": "agree"},
        "train": {"head": "auto"},
    },
)
CENTROIDS = replace(BEFORE, name="centroids", centroids=True)  # of the training tracks of `best`
BEST_NOW = Method("best")
FIRST = (SEED_LINE, SEED_CENTROIDS, CENTROIDS, BEFORE)
SHOWN = (SEED_LINE, CENTROIDS, BEFORE, BEST_NOW)
AT_THE_END = (*FIRST, BEST_NOW)
QUALITIES = (0.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0)


def but(name: str, quality: float | None = None, **options: Mapping[str, Any]) -> Method:
    """`best` before the protocol, with other options of some stages."""
    merged = {**BEFORE.options, **{stage: {**BEFORE.options.get(stage, {}), **of} for stage, of in options.items()}}
    return Method(name, options=merged, quality=quality)


THRESHOLDS = tuple(
    method
    for quality in QUALITIES
    for method in (
        but(f"best, unweighted, quality {quality:g}", quality),
        replace(BEST_NOW, name=f"best, quality {quality:g}", quality=quality),
    )
)
MEANS = {"feature": {"means": (1, 3, 5), "draws": 2}, "genfeat": {"means": "on"}}
CLASSES = {"strangers": "classes", "stranger_clips": 2}
LEVERS = (
    but("cosine head, asked for", train={"head": "cosine"}),
    but("templates, asked for", train={"head": "templates"}),
    but("main tracks teach", genfeat={"tracks": "main"}),
)
EIGHTH = {"weights": "quality", "weight_power": 8.0}  # of the current best
VARIANTS = (
    but("mirrored crops", feature={"aug": 1}),
    but("mirrored and colour variants", feature={"aug": 2}),
    but("eighth power, mirrored crops", feature={"aug": 1, **EIGHTH}),
    but("eighth power, mirrored and colour variants", feature={"aug": 2, **EIGHTH}),
)
JOINED = (
    replace(but("two embeddings"), joined=True),
    replace(but("two embeddings, eighth power", feature=EIGHTH), joined=True),
)
SCENES = tuple(
    replace(but(f"scenes at {share:g}{words}", feature=EIGHTH), scene=share, bare=bare)
    for share in (0.1, 0.5)
    for bare, words in ((True, ", to clips without a face"), (False, ""))
)
ROWS = (
    but("weights by quality", feature={"weights": "quality"}),
    but("weights by quality, squared", feature={"weights": "quality", "weight_power": 2.0}),
    but("weights by quality, fourth power", feature={"weights": "quality", "weight_power": 4.0}),
    but("weights by score", feature={"weights": "score"}),
    but("weights by score, eighth power", feature={"weights": "score", "weight_power": 8.0}),
    but("weights by both", feature={"weights": "both"}),
    but("means of 1, 3, 5 faces", **MEANS),
    but("means of 1, 3, 5 faces, cosine head", **MEANS, train={"head": "cosine"}),
    but("strangers as classes", genfeat=CLASSES),
    but("strangers as classes, cosine head", genfeat=CLASSES, train={"head": "cosine"}),
    but("not this one", genfeat={"not_this_one": "on"}),
    but("not this one, as classes", genfeat={**CLASSES, "not_this_one": "on"}),
)
HEADS = (
    but("5 folds, cosine head", train={"head": "cosine", "folds": 5}),
    but("doubtful labels left out", train={"noise": "drop"}),
    but("calibrated by impostors", predict={"calibrate": "impostors"}),
    but("propagated by faces", predict={"propagate": "faces"}),
    but("gaps at a half", submit={"gaps": 0.5}),
    but("gaps at a tenth", submit={"gaps": 0.1}),
    *(but(f"re-ranked by {name}", submit={"rerank": name}) for name in ("expansion", "reciprocal", "diffusion")),
    *(
        but(f"re-ranked by {name}, 5 neighbours", submit={"rerank": name, "neighbours": 5})
        for name in ("expansion", "reciprocal", "diffusion")
    ),
)


def by_quality(power: float) -> dict[str, Any]:
    return {"weights": "quality", "weight_power": power}


FOLDED = {"head": "cosine", "folds": 5}
TOGETHER = (
    but("weights by quality, sixth power", feature=by_quality(6.0)),
    but("weights by quality, eighth power", feature=by_quality(8.0)),
    but("weights by quality, 12th power", feature=by_quality(12.0)),
    but("weights by quality, 16th power", feature=by_quality(16.0)),
    but("weights by quality, 24th power", feature=by_quality(24.0)),
    but("weights by quality, eighth power, no threshold", 0.0, feature=by_quality(8.0)),
    but("weights by quality, 12th power, no threshold", 0.0, feature=by_quality(12.0)),
    but("weights by quality, 16th power, no threshold", 0.0, feature=by_quality(16.0)),
    but("weights by quality, eighth power, 5 folds", feature=by_quality(8.0), train=FOLDED),
    but("weights by quality, fourth power, 5 folds", feature=by_quality(4.0), train=FOLDED),
    but("weights by quality, eighth power, cosine head", feature=by_quality(8.0), train={"head": "cosine"}),
    but("weights by quality, eighth power, strangers as classes", feature=by_quality(8.0), genfeat=CLASSES),
)
GROUPS: Mapping[str, tuple[Method, ...]] = {
    "first": FIRST,
    "thresholds": THRESHOLDS,
    "levers": LEVERS,
    "variants": VARIANTS,
    "joined": JOINED,
    "scenes": SCENES,
    "rows": ROWS,
    "heads": HEADS,
    "together": TOGETHER,
    "end": AT_THE_END,
}
