"""The published models that benchmarks compare ours with, and pairs of a detector and an embedding."""

from __future__ import annotations

from dataclasses import dataclass

CHECKPOINTS = "../shared/checkpoints"
PUBLISHED_DETECTOR = f"{CHECKPOINTS}/retinaface-mnet25/mnet.25,0"
PUBLISHED_EMBEDDING = f"{CHECKPOINTS}/mobilefacenet-y1/model,0"
OWN_DETECTOR, OWN_EMBEDDING = "./model/essh-m25,0", "./model/face-m,0"


@dataclass(frozen=True)
class Models:
    """A pair of models, and the smallest quality of a face that goes with it."""

    detector: str
    embedding: str
    quality: float


def own_models(quality: float) -> Models:
    """The pair that ships."""
    return Models(OWN_DETECTOR, OWN_EMBEDDING, quality)


def published_models(quality: float) -> Models:
    """A pair of published ones."""
    return Models(PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING, quality)
