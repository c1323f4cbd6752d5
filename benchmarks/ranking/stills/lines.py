"""The rows of the ablation table: `best`, the effect of each of its parts, and rejected alternatives."""

from __future__ import annotations

from dataclasses import replace

from .levers import CENTROID, COSINE, Levers

CENTRAL_CENTROIDS = Levers(head=CENTROID, by_softmax=False)
BEST = Levers(tracks=True, agree=True, head=COSINE)

LINES = {
    "best": BEST,
    "best, but the central face": replace(BEST, tracks=False),
    "best, but main tracks teach": replace(BEST, agree=False),
    "best, but without a margin": replace(BEST, margin=0.0),
    "best, but centroids for a head": replace(BEST, head=CENTROID, by_softmax=False),
    "centroids of central faces": CENTRAL_CENTROIDS,
    "best + mirrored crops": replace(BEST, augment=1),
    "best + weights by quality squared": replace(BEST, quality=2.0),
    "best + weights by score squared": replace(BEST, confidence=2.0),
    "best + weights by quality squared, no threshold": replace(BEST, quality=2.0, threshold=0.0),
    "best + outliers dropped": replace(BEST, outliers=0.15),
    "best + random subsets of faces": replace(BEST, subset=True),
    "best + no class 0": replace(BEST, strangers=False),
    "best, margin 0.2": replace(BEST, margin=0.2),
    "best, scale 32": replace(BEST, scale=32.0),
    "best, scale 64": replace(BEST, scale=64.0),
    "best, rate 0.2 whatever the batch": replace(BEST, rate=0.2),
    "best, scored by cosine": replace(BEST, by_softmax=False),
    "best + k-reciprocal re-ranking": replace(BEST, rounds=2),
    "best + re-ranking, a quarter": replace(BEST, rounds=1, share=0.25),
    "best + query expansion": replace(BEST, expand=3.0),
    "best + less half the runner-up": replace(BEST, runner_up=0.5),
}
