"""Runs the stages on a data set of the protocol with both recipes: MAP@100 on test.

Detection runs once, with `--faces all` and no threshold, and both recipes' directories are derived from it: the central
faces for `seed`, all faces for `best`, with sufficient quality. detect.py would write the same rows for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.models import PUBLISHED_DETECTOR, PUBLISHED_EMBEDDING
from rcnn.clips.dataset import NAMES_FILE, read_ground_truth, read_names
from rcnn.clips.layout import TEST_FILE
from rcnn.faces.choice import central_face
from rcnn.faces.types import Faces
from rcnn.scores.metrics import mean_average_precision, score
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.recipes import BEST, SEED
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import FACES_SCHEMA, MANIFEST, NO_FACE, OK, TRACKED_FACES_SCHEMA, StageReader, StageWriter

from ...centroids import rank_by_centroids
from .sets import FEW_FOLDER, PEOPLE

DETECTOR = PUBLISHED_DETECTOR
EMBEDDER = PUBLISHED_EMBEDDING
THRESHOLD = 6.0  # of quality: the 10% quantile of the norms of faces in clean clips with this model
WIDTH, HEIGHT = 888, 480  # of the frames of the boxes
STAGES = ("trainval", "test")


def find_faces(data: Path, output: Path) -> None:
    """Detect all faces of a data set, whatever their quality, unless this is done."""
    for stage in STAGES:
        target = output / f"all_{stage}"
        if not (target / MANIFEST).exists():
            detect(
                DetectSettings(
                    EMBEDDER, DETECTOR, str(target), str(data), stage, gpu=-1, quality_threshold=0.0, faces="all"
                )
            )


def clips_of(reader: StageReader) -> Iterator[list[dict[str, Any]]]:
    """The faces of each clip with faces."""
    rows = (row for batch in reader.batches(rows=1024) for row in batch.to_pylist())
    for _, faces in groupby(rows, itemgetter("name")):
        yield list(faces)


def central_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The central face of each frame."""
    frames: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        frames.setdefault(row["frame"], []).append(row)
    chosen = []
    for faces in frames.values():
        boxes = np.array([row["box"] for row in faces], np.float32)
        found = Faces(boxes, np.zeros(len(boxes), np.float32), np.zeros((len(boxes), 5, 2), np.float32))
        chosen.append(faces[central_face(found, WIDTH, HEIGHT)])
    return chosen


def choose_faces(source: Path, target: Path, recipe: str, dataset: Path) -> None:
    """Derive detect.py's output for a recipe, for the clips of a data set (or its `few`)."""
    if (target / MANIFEST).exists():
        return
    names = read_names(str(dataset / NAMES_FILE))
    reader = StageReader(str(source), ("detect",))
    kept: dict[str, list[dict[str, Any]]] = {}
    for rows in clips_of(reader):
        chosen = rows if recipe == BEST else central_of(rows)
        kept[rows[0]["name"]] = [row for row in chosen if row["quality"] >= THRESHOLD]
    schema = TRACKED_FACES_SCHEMA if recipe == BEST else FACES_SCHEMA
    arguments = {**reader.arguments, "dataset": str(dataset), "quality_threshold": THRESHOLD, "recipe": recipe}
    with StageWriter(str(target), "detect", schema, arguments=arguments) as writer:
        for batch in reader.clips():
            for clip in batch.to_pylist():
                if clip["name"] not in names:
                    continue
                rows = kept.get(clip["name"], [])
                if clip["state"] == OK and not rows:
                    clip.update(state=NO_FACE, reason="no face passes the threshold")
                writer.add_clips([{**clip, "faces": len(rows)}])
                if rows:
                    writer.add_rows(pa.RecordBatch.from_pylist(rows, schema))


@dataclass(frozen=True)
class Method:
    """A row of the table: a recipe and additional training options."""

    name: str
    recipe: str
    training: Mapping[str, Any] = field(default_factory=dict)


METHODS = (
    Method("seed", SEED),
    # the default rate is meant for batches of 1,024; a few hundred clips give too few steps at a low rate
    Method("seed, trained longer", SEED, {"per_batch_size": 32, "lr": 0.2, "lr_step": (75, 90, 100)}),
    Method("best", BEST),
)
CENTROIDS = "seed's features, centroids"


def run(data: Path, output: Path, few: bool) -> dict[str, float]:
    """MAP@100 on the test clips by method, in percent; training on train and val, as in the challenge's commands."""
    truth = read_ground_truth(str(data / TEST_FILE))
    results = {}
    for recipe in (SEED, BEST):
        make_features(data, output, recipe, few)
    for method in METHODS:
        results[method.name] = _score(_rank(output, method, few), truth)
    seed = _place(output, SEED, few)
    results[CENTROIDS] = _score(rank_by_centroids(str(seed / "trainval"), str(output / SEED / "feat_test")), truth)
    return results


def _place(output: Path, recipe: str, few: bool) -> Path:
    return output / (f"{recipe}_few" if few else recipe)


def _score(ranking: Mapping[int, Sequence[str]], truth: Mapping[int, Sequence[str]]) -> float:
    return 100 * mean_average_precision(score(ranking, truth))


def make_features(data: Path, output: Path, recipe: str, few: bool) -> None:
    """Stages 1 to 3 of a recipe; test clips are shared with `few`."""
    place = _place(output, recipe, few)
    for stage in STAGES[:1] if few else STAGES:
        dataset = data / FEW_FOLDER if few else data
        choose_faces(output / f"all_{stage}", place / f"det_{stage}", recipe, dataset)
        if not (place / f"feat_{stage}" / MANIFEST).exists():
            paths = (EMBEDDER, str(place / f"det_{stage}"), str(place / f"feat_{stage}"))
            feature(FeatureSettings(*paths, gpu=-1, recipe=recipe))
    genfeat(GenfeatSettings((str(place / "feat_trainval"),), str(place / "trainval"), overwrite=True, recipe=recipe))


def _rank(output: Path, method: Method, few: bool) -> dict[int, tuple[str, ...]]:
    """Run stages 4 to 6."""
    place = _place(output, method.recipe, few)
    common: dict[str, Any] = {"recipe": method.recipe, "overwrite": True, "gpu": -1}
    prefix = str(place / "iqiyi")
    training = TrainSettings(str(place / "trainval"), prefix, num_classes=PEOPLE + 1, **common, **method.training)
    train_mlp(training)
    model = f"{prefix},{training.last_epoch}"
    predict(PredictSettings(model, (str(output / method.recipe / "feat_test"),), str(place / "pred"), **common))
    submission = str(place / "submission.txt")
    submit(SubmitSettings((str(place / "pred"),), submission, recipe=method.recipe))
    return read_ground_truth(submission)
