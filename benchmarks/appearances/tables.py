"""Films as stage directories, in the format of detect.py and feature.py."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.models import Models
from rcnn.clips.dataset import NAMES_FILE, TRAIN_FILE, VAL_FILE
from rcnn.clips.layout import LISTS, write_lines
from rcnn.networks.zoo.roles import model_files
from rcnn.tables import (
    OK,
    TRACKED_FACES_SCHEMA,
    StageWriter,
    features_schema,
    vector_array,
)
from rcnn.tables.header import file_sums

from .films import FPS, HEIGHT, WIDTH, Film
from .videos import RATE


def write_tables(
    films: Sequence[Film], place: Path, models: Models, labels: Mapping[str, int] | None = None
) -> tuple[str, str]:
    """Write the faces and the features of films (each with faces, sorted by name); returns both directories.

    Parameters
    ----------
    labels : labels of training clips, by name
    """
    shutil.rmtree(place, ignore_errors=True)
    faces, features = f"{place}/det", f"{place}/feat"
    dataset = _write_labels(films, place / "data", labels or {})
    arguments = {"rate": float(RATE), "recipe": "best", "faces": "all", "output": faces, "dataset": dataset}
    with StageWriter(faces, "detect", TRACKED_FACES_SCHEMA, arguments=arguments) as writer:
        for film in films:
            writer.add_clips([_clip(film)])
            writer.add_rows(film.faces.record(TRACKED_FACES_SCHEMA))
    schema = features_schema(films[0].vectors.shape[1], tracked=True)
    sums = file_sums(model_files(models.embedding))
    arguments = {"model": models.embedding, "recipe": "best", "output": features}
    with StageWriter(features, "feature", schema, arguments=arguments, models=sums, sources=[faces]) as writer:
        for film in films:
            clip, count = film.faces.clip, len(film.vectors)
            columns = [
                pa.array([clip.name] * count),
                pa.array([clip.split] * count),
                pa.array(np.arange(count, dtype=np.int32)),
                vector_array(film.vectors),
            ]
            writer.add_clips([_clip(film)])
            writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
    return faces, features


def _write_labels(films: Sequence[Film], root: Path, labels: Mapping[str, int]) -> str:
    """Write a data set that contains only labels."""
    (root / LISTS).mkdir(parents=True)
    write_lines(root / NAMES_FILE, [film.faces.clip.name for film in films])
    write_lines(root / TRAIN_FILE, [f"{name} {label}" for name, label in labels.items()])
    write_lines(root / VAL_FILE, [])
    return str(root)


def _clip(film: Film) -> dict:
    clip = film.faces.clip
    looks = int(np.ceil(film.seconds * RATE))
    return {
        "name": clip.name, "split": clip.split, "state": OK, "reason": "", "frames": looks,
        "faces": len(film.faces), "seconds": film.seconds, "fps": FPS, "width": WIDTH, "height": HEIGHT,
        "read": int(film.seconds * FPS),
    }  # fmt: skip
