"""Derives detect.py's output for a recipe and a quality threshold from all detected faces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from rcnn.faces.choice import central_face
from rcnn.faces.types import Faces
from rcnn.stages.recipes import BEST
from rcnn.tables import FACES_SCHEMA, MANIFEST, NO_FACE, OK, TRACKED_FACES_SCHEMA, StageReader, StageWriter
from rcnn.tables.faces import ClipFaces, read_faces


def choose_faces(
    sources: Sequence[Path], target: Path, recipe: str, quality: float, names: Collection[str], dataset: Path
) -> None:
    """Write a directory of some clips, unless it exists.

    Parameters
    ----------
    sources : detect directories with all faces
    names : clips to include
    """
    if (target / MANIFEST).exists():
        return
    readers = [StageReader(str(source), ("detect",)) for source in sources]
    clips = {
        row["name"]: row
        for reader in readers
        for batch in reader.clips()
        for row in batch.to_pylist()
        if row["name"] in names
    }
    kept: dict[str, ClipFaces] = {}
    for reader in readers:
        for faces in read_faces(reader):
            name = faces.clip.name
            if name in clips:
                rows = np.flatnonzero(faces.qualities >= quality)
                if recipe != BEST:
                    rows = np.intersect1d(rows, central_rows(faces, clips[name]["width"], clips[name]["height"]))
                kept[name] = faces.take(rows)
    schema = TRACKED_FACES_SCHEMA if recipe == BEST else FACES_SCHEMA
    given = {"dataset": str(dataset), "quality_threshold": quality, "recipe": recipe}
    with StageWriter(str(target), "detect", schema, arguments={**readers[0].arguments, **given}) as writer:
        for name in sorted(clips):
            count = len(kept[name]) if name in kept else 0
            row = {**clips[name], "faces": count}
            if row["state"] == OK and not count:
                row |= {"state": NO_FACE, "reason": "no face passes the threshold"}
            writer.add_clips([row])
            if count:
                writer.add_rows(kept[name].record(schema))


def central_rows(faces: ClipFaces, width: int, height: int) -> np.ndarray:
    """The rows of each frame's central face."""
    rows = []
    for frame in np.unique(faces.frames):
        mine = np.flatnonzero(faces.frames == frame)
        found = Faces(faces.boxes[mine], faces.scores[mine], faces.landmarks[mine])
        rows.append(mine[central_face(found, width, height)])
    return np.array(rows, np.int64)
