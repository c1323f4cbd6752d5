"""Real videos of real people: their faces, detected once per pair of models, with a vector per face."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.models import own_models, published_models
from rcnn.clips.dataset import NAMES_FILE
from rcnn.clips.layout import FOLDERS
from rcnn.faces.load import load_embedder
from rcnn.networks.engine import CPU
from rcnn.stages.crops import decode_crop
from rcnn.stages.detect import detect
from rcnn.stages.settings import DetectSettings
from rcnn.tables import StageReader
from rcnn.tables.faces import ClipFaces, read_faces

RATE = 8  # sampled frames per second, as in --recipe best
CHUNK = 512  # crops embedded together
QUALITY = 6.0  # quality threshold
MODELS = {"ours": own_models(QUALITY), "published": published_models(QUALITY)}


@dataclass(frozen=True)
class Video:
    """A video of one person.

    looks : number of sampled frames, `RATE` per second
    turns : (n,) int, index of each face's sampled frame, from 0
    faces : n faces, without crops
    vectors : (n, D) float32, unit
    """

    person: str
    session: str
    width: int
    height: int
    looks: int
    turns: np.ndarray
    faces: ClipFaces
    vectors: np.ndarray


def make_set(source: Path, root: Path) -> None:
    """Create a data set of links to the videos, all as test clips."""
    folder = root / FOLDERS["test"]
    folder.mkdir(parents=True, exist_ok=True)
    (root / NAMES_FILE).parent.mkdir(exist_ok=True)
    names = []
    for row in _manifest(source):
        names.append(name_of(row["file"]))
        if not (folder / names[-1]).is_symlink():
            os.symlink((source / row["file"]).resolve(), folder / names[-1])
    (root / NAMES_FILE).write_text("".join(f"{name}\n" for name in names))


def read_videos(source: Path, output: Path, pair: str) -> list[Video]:
    """Detect and embed missing videos; returns the videos of a single person with at least one face."""
    models = MODELS[pair]
    place = f"{output}/det-{pair}"
    settings = {"model": models.embedding, "detector": models.detector, "quality_threshold": models.quality}
    detect(DetectSettings(**settings, dataset=f"{output}/data", stage="test", output=place, gpu=-1, recipe="best"))
    reader = StageReader(place, ("detect",))
    cache = output / f"vectors-{pair}.npz"
    if not cache.exists():
        np.savez(cache, **dict(_embed(reader, models.embedding)))
    vectors = np.load(cache)
    rows = {name_of(row["file"]): row for row in _manifest(source)}
    clips = {row["name"]: row for batch in reader.clips() for row in batch.to_pylist()}
    videos = []
    for faces in read_faces(reader, crops=False):
        name = faces.clip.name
        if rows[name]["person"]:
            turns = np.floor(faces.times * RATE + 1e-3).astype(int)
            clip = clips[name]
            videos.append(
                Video(
                    rows[name]["person"],
                    rows[name]["session"],
                    clip["width"],
                    clip["height"],
                    clip["frames"],
                    turns,
                    faces,
                    vectors[name],
                )
            )
    return videos


def _embed(reader: StageReader, model: str):
    embedder = load_embedder(model, CPU)
    for faces in read_faces(reader):
        crops = [decode_crop(crop, faces.clip.name) for crop in faces.crops]
        parts = [embedder.embed(crops[start : start + CHUNK]) for start in range(0, len(crops), CHUNK)]
        vectors = np.concatenate(parts).astype(np.float64)
        yield faces.clip.name, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _manifest(source: Path) -> list[dict[str, str]]:
    with open(source / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def name_of(file: str) -> str:
    """The clip name, without white space, for a file in a person's folder."""
    return "_".join(file.replace("/", "__").split())
