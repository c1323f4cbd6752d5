"""All faces of a data set with their embeddings, as a table of arrays, created once from detect.py's output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rcnn.clips.dataset import TRAIN, VAL
from rcnn.faces.load import load_embedder
from rcnn.faces.pooling import variants
from rcnn.faces.vectors import normalise
from rcnn.stages.crops import decode_crop
from rcnn.tables import StageReader

from .recipes import EMBEDDER, central_of, clips_of
from .sets import Placed, few_of, plan


@dataclass(frozen=True)
class FaceTable:
    """The faces of train and val, n of them, sorted by clip and frame.

    clips : rows of each clip's faces, by clip name
    tracks, scores, qualities : (n,)
    central : (n,) bool
    embeddings : (n, V, D) float32, sums of a crop's variants by --aug 0, 1, ..., unit
    placed : all clips of the data set
    few : names of the clips in the lists of `few`
    """

    clips: dict[str, np.ndarray]
    tracks: np.ndarray
    scores: np.ndarray
    qualities: np.ndarray
    central: np.ndarray
    embeddings: np.ndarray
    placed: list[Placed]
    few: frozenset[str]


def read_faces(folder: Path, output: Path, level: str, seed: int, augment: int = 1) -> FaceTable:
    """The table of a data set; embeddings are cached in `output`. `augment` is the highest --aug needed."""
    clips: dict[str, np.ndarray] = {}
    kept, central, crops = [], [], []
    for rows in clips_of(StageReader(str(output / "all_trainval"), ("detect",))):
        chosen = {id(row) for row in central_of(rows)}
        clips[rows[0]["name"]] = np.arange(len(kept), len(kept) + len(rows))
        central += [id(row) in chosen for row in rows]
        kept += [(row["track"], row["score"], row["quality"]) for row in rows]
        crops += [row["crop"] for row in rows]
    cache = output / f"embeddings-{augment}.npy"
    if not cache.exists():
        embedder = load_embedder(EMBEDDER)
        parts = []
        for crop in crops:
            found = embedder.embed(variants(decode_crop(crop, str(folder)), augment))
            sums = [found[:count].sum(0) for count in (1, 2, len(found))[: augment + 1]]
            parts.append(normalise(np.stack(sums)))
        np.save(cache, np.stack(parts))
    placed = plan(folder, level, seed)
    tracks, scores, qualities = map(np.array, zip(*kept, strict=True))
    few = frozenset(clip.name for clip in few_of([clip for clip in placed if clip.split in (TRAIN, VAL)]))
    return FaceTable(clips, tracks, scores, qualities, np.array(central), np.load(cache), placed, few)
