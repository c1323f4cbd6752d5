"""The detected kind of a model, in words: for a log line, at INFO, and the manifest.

Python code sees the lines after `logging.basicConfig(level=logging.INFO)`; the scripts print them.
"""

from __future__ import annotations

import logging
from typing import Protocol

from ..networks.engine.images import ImageInput


class Worded(Protocol):
    """A model with its detected kind in `words`."""

    words: str


LOG = logging.getLogger("rcnn.models")


def say(role: str, model: str, words: str) -> str:
    """Log the detected kind of a model, and return it in words.

    Parameters
    ----------
    role : "detector" or "model"
    model : as given to --detector and --model
    """
    LOG.info("%s %s: %s", role, model, words)
    return words


def recognised(detector: Worded | None = None, embedder: Worded | None = None) -> dict[str, str]:
    """The detected kinds of models, for manifests; unused ones are left out."""
    given = {"detector": detector, "model": embedder}
    return {role: model.words for role, model in given.items() if model is not None}


def described(image: ImageInput) -> str:
    """The input format, in words."""
    order = "RGB" if image.rgb else "BGR"
    if image == ImageInput(rgb=image.rgb):
        return f"{order} of 0 to 255"
    mean, std = (
        f"{v[0]:g}" if len(set(v)) == 1 else f"({', '.join(f'{x:g}' for x in v)})" for v in (image.mean, image.std)
    )
    if image.std == (1.0,) * 3:
        return f"{order}, {order.lower()} - {mean}"
    return f"{order}, ({order.lower()} - {mean}) / {std}"
