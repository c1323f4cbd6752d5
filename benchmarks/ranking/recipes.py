"""The stages over a data set of the protocol, by both recipes: MAP@100 on test.

Detection is done once, with `--faces all` and no threshold, and both recipes' directories are taken from it: the central
faces for `seed`, all for `best`. What detect.py would have written is the same but for val and test clips that it looks at
a second time because no central face passes, which it never does: that is decided before the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rcnn.dataset import NAMES_FILE, read_ground_truth, read_names
from rcnn.detector.essh import central_face
from rcnn.faces import Faces
from rcnn.layout import TEST_FILE
from rcnn.metrics import mean_average_precision, score
from rcnn.recipes import BEST, OPTIONS, SEED
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.store import FACES_SCHEMA, NO_FACE, OK, TRACKED_FACES_SCHEMA, StageReader, StageWriter

from .sets import FEW_FOLDER, PEOPLE

CHECKPOINTS = "../shared/checkpoints"
DETECTOR = f"{CHECKPOINTS}/retinaface-mnet25/mnet.25,0"
EMBEDDER = f"{CHECKPOINTS}/mobilefacenet-y1/model,0"
THRESHOLD = 6.0  # of quality: the norm that a tenth of the faces of clean clips lies under with this model
WIDTH, HEIGHT = 888, 480  # of the frames that boxes are in
STAGES = ("trainval", "test")


def find_faces(data: Path, output: Path) -> None:
    """All faces of a data set, whatever their quality, unless they are there."""
    for stage in STAGES:
        target = output / f"all_{stage}"
        if not (target / "manifest.json").exists():
            detect(
                DetectSettings(
                    EMBEDDER, DETECTOR, str(target), str(data), stage, gpu=-1, quality_threshold=0.0, faces="all"
                )
            )


def clips_of(reader: StageReader) -> Iterator[list[dict[str, Any]]]:
    """The faces of each clip that has some."""
    rows: list[dict[str, Any]] = []
    for batch in reader.batches(rows=1024):
        for row in batch.to_pylist():
            if rows and row["name"] != rows[0]["name"]:
                yield rows
                rows = []
            rows.append(row)
    if rows:
        yield rows


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
    """What detect.py writes by a recipe, of the clips that a data set (or its `few`) names."""
    if (target / "manifest.json").exists():
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


def run(data: Path, output: Path, recipe: str, few: bool) -> float:
    """MAP@100 of a recipe on the test clips, in percent; training on train and val, as the seed's commands do."""
    dataset = data / FEW_FOLDER if few else data
    place = output / (f"{recipe}_few" if few else recipe)
    whole = output / recipe
    options = OPTIONS if recipe == BEST else dict.fromkeys(OPTIONS, {})
    for stage in STAGES:
        if few and stage == "test":
            continue
        choose_faces(output / f"all_{stage}", place / f"det_{stage}", recipe, dataset)
        if not (place / f"feat_{stage}" / "manifest.json").exists():
            feature(
                FeatureSettings(
                    EMBEDDER,
                    str(place / f"det_{stage}"),
                    str(place / f"feat_{stage}"),
                    gpu=-1,
                    recipe=recipe,
                    **options["feature"],
                )
            )
    common: dict[str, Any] = {"recipe": recipe, "overwrite": True}
    genfeat(GenfeatSettings((str(place / "feat_trainval"),), str(place / "trainval"), **common, **options["genfeat"]))
    train_mlp(
        TrainSettings(
            str(place / "trainval"),
            str(place / "iqiyi"),
            num_classes=PEOPLE + 1,
            gpu=-1,
            **common,
            **options["train_mlp"],
        )
    )
    predict(
        PredictSettings(
            f"{place / 'iqiyi'},40", (str(whole / "feat_test"),), str(place / "pred_test"), gpu=-1, **common
        )
    )
    submission = str(place / "submission.txt")
    submit(SubmitSettings((str(place / "pred_test"),), submission, recipe=recipe))
    truth = read_ground_truth(str(data / TEST_FILE))
    return 100 * mean_average_precision(score(read_ground_truth(submission), truth))


RECIPES = (SEED, BEST)
