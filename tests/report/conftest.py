"""A small finished run, and a browser to look at its report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from chromium import launched
from dated_run import write_dated_run

from rcnn.networks.checkpoint import checkpoint_files, save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.tables import FACES_SCHEMA, StageWriter, features_schema, scores_schema, training_schema, vector_array
from rcnn.training.mlp import Classifier

HOSTILE = (
    "<script>document.title = 'broken'</script>", '"><img src=x onerror="document.title=1">', "Zoë & O'Brien",
    "\u202eeverse", "person 10",
)  # fmt: skip
EVIL_CLIP = "zz_<b>&'\"evil.mp4"
UNSEEN_CLIP = "yy_without_a_face.mp4"
PEOPLE, CLIPS = 5, 3  # known people, test clips of each


def crop(seed: int, side: int = 112) -> bytes:
    """A picture that isn't a person, as a JPEG."""
    image = np.random.default_rng(seed).integers(0, 255, (side // 8, side // 8, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(image, (side, side)))[1].tobytes()


def write_detections(path: Path, clips: dict[str, str], without: dict[str, str], dataset: Path) -> None:
    """A detect directory: split by clip, two faces a clip; and clips without a face, with the reason."""
    arguments = {"dataset": str(dataset), "quality_threshold": 10.0}
    with StageWriter(str(path), "detect", FACES_SCHEMA, arguments=arguments) as writer:
        for number, name in enumerate(sorted([*clips, *without])):
            split = clips.get(name, "test")
            who = {"name": name, "split": split}
            state = "no face" if name in without else "ok"
            faces = 0 if name in without else 2
            writer.add_clips([{**who, "state": state, "reason": without.get(name, ""), "frames": 6, "faces": faces}])
            fixed = {"score": 0.9, "time": 0.1, "box": [1.0] * 4, "landmarks": [1.0] * 10}
            rows = [
                {**who, **fixed, "frame": 3 * face, "quality": 11.0 + face, "crop": crop(2 * number + face)}
                for face in range(faces)
            ]
            if rows:
                writer.add_rows(pa.RecordBatch.from_pylist(rows, FACES_SCHEMA))
        writer.close(faces_seen=2 * len(clips) + 3, quality_step=0.5, quality_histogram={"22": 40, "24": 9, "18": 3})


def write_vectors(path: Path, stage: str, rows: dict[str, np.ndarray], source: Path, **arguments: str) -> None:
    """A feature, genfeat or predict directory."""
    width = len(next(iter(rows.values())))
    schema = {"predict": scores_schema, "feature": features_schema, "genfeat": training_schema}[stage](width)
    models = checkpoint_files(arguments["model"])[1:] if "model" in arguments else []
    with StageWriter(str(path), stage, schema, arguments=arguments, models=models, sources=[str(source)]) as writer:
        for name in sorted(rows):
            writer.add_clips([{"name": name, "split": "test", "state": "ok", "reason": "", "frames": 6, "faces": 2}])
        columns = [pa.array(sorted(rows)), pa.array(["test"] * len(rows))]
        if stage == "genfeat":
            columns.append(pa.array([int(name[1]) for name in sorted(rows)], pa.int32()))
        vectors = vector_array(np.stack([rows[name] for name in sorted(rows)]))
        writer.add_rows(pa.RecordBatch.from_arrays([*columns, vectors], schema=schema))


@dataclass(frozen=True)
class Run:
    """Where a small run lies; person L has the clips `L_0.mp4` ... of the test part."""

    root: Path

    @property
    def truth(self) -> Path:
        return self.root / "data/gt_v2/test_v2.txt"

    def submit(self, **changes: object) -> Path:
        """Write the report and give its path."""
        settings = {
            "inputs": (str(self.root / "pred"),), "output": str(self.root / "s.txt"), "gt": str(self.truth),
            "report": str(self.root / "report.html"), **changes,
        }  # fmt: skip
        submit(SubmitSettings(**settings))
        return Path(str(settings["report"]))


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Run:
    """Five people, three test clips each, one of a stranger, one without a face; person 2's clips look like 1's."""
    root = tmp_path_factory.mktemp("run")
    lists = root / "data/gt_v2"
    lists.mkdir(parents=True)
    test = {f"{label}_{take}.mp4": "test" for label in range(1, PEOPLE + 1) for take in range(CLIPS)}
    test[EVIL_CLIP] = "test"
    truth = [f"{label} " + " ".join(f"{label}_{take}.mp4" for take in range(CLIPS)) for label in range(1, PEOPLE + 1)]
    truth[2] += f" {UNSEEN_CLIP}"
    (lists / "test_v2.txt").write_text("\n".join(truth) + "\n")
    (lists / "names.txt").write_text("".join(f"{number} {name}\n" for number, name in enumerate(HOSTILE, 1)))
    write_detections(root / "det", test, {UNSEEN_CLIP: "best quality 9.20 is under the threshold 10"}, root / "data")
    train = {f"t{label}_{take}.mp4": "train" for label in range(1, PEOPLE + 1) for take in range(4)}
    write_detections(root / "det_train", train, {}, root / "data")
    write_vectors(root / "feat", "feature", dict.fromkeys(test, np.ones(8, np.float32)), root / "det")
    write_vectors(root / "feat_train", "feature", dict.fromkeys(train, np.ones(8, np.float32)), root / "det_train")
    write_vectors(root / "set", "genfeat", dict.fromkeys(train, np.ones(8, np.float32)), root / "feat_train")
    shape = ClassifierShape(8, 16, PEOPLE + 1)
    save_checkpoint(f"{root / 'mlp'},7", build_graph(shape, Classifier(shape).arrays()))
    curve = [{"epoch": epoch, "accuracy": epoch / 8, "loss": 3 / epoch, "val_accuracy": 0.1} for epoch in range(1, 8)]
    (root / "mlp-train.json").write_text(json.dumps({"arguments": {"data": str(root / "set")}, "curve": curve}))
    scores = {}
    for name in test:
        row = np.full(PEOPLE + 1, 0.01, np.float32)
        if name[0].isdigit():
            row[int(name[0])] = 0.9
        if name == "2_0.mp4":
            row[1] = 0.95  # before all of person 1's own
        if name == EVIL_CLIP:
            row[4] = 0.5
        scores[name] = row
    write_vectors(root / "pred", "predict", scores, root / "feat", model=f"{root / 'mlp'},7")
    return Run(root)


@pytest.fixture(scope="session")
def report(run) -> Path:
    """The report of the run."""
    return run.submit()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def dated(tmp_path_factory) -> Path:
    """An appearances directory, beside the data set and the detections that it was made from."""
    return write_dated_run(tmp_path_factory.mktemp("dated"))
