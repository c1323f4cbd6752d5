"""The stages with ONNX files: as good as the checkpoints they were made of, and what the quality may be."""

from pathlib import Path

import numpy as np
import pytest
from drawn_people import framed, portrait, put_clip

from rcnn.errors import InputError
from rcnn.exports import convert
from rcnn.faces.quality import quality_card
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.search.query import models_behind
from rcnn.stages import int8
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.preview import PreviewSettings, preview
from rcnn.tables import StageReader
from rcnn.training.mlp import Classifier

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    """The project's own models, and the same as ONNX."""
    folder = tmp_path_factory.mktemp("models")
    own = {"detector": "essh-m25", "model": "face-m"}
    result = {}
    for role, name in own.items():
        result[role] = f"{ROOT / 'model' / name},0"
        result[f"{role} onnx"] = str(folder / f"{name}.onnx")
        convert.convert(result[role], result[f"{role} onnx"])
    return result


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two train clips of a portrait each."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"
    (root / "gt_v2").mkdir()
    names = ["0.mp4", "1.mp4"]
    for number, name in enumerate(names):
        put_clip(folder / name, [framed(portrait(number, side=480), 200, 0)] * 6)
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(names))
    (root / "gt_v2/train_v2.txt").write_text("".join(f"{name} {n + 1}\n" for n, name in enumerate(names)))
    (root / "gt_v2/val_v2.txt").write_text("")
    return root


def rows(path: Path, stage: str) -> list[dict]:
    return [row for batch in StageReader(str(path), (stage,)).batches() for row in batch.to_pylist()]


def run_detect(data: Path, output: Path, **changes) -> list[dict]:
    settings = {"dataset": str(data), "output": str(output), "stage": "trainval", "gpu": -1, "quality_threshold": 0.1}
    detect(DetectSettings(**{**settings, **changes}))
    return rows(output, "detect")


def test_onnx_all_the_way(data, models, tmp_path):
    vectors, scores = [], []
    assert quality_card(models["model onnx"]).threshold == quality_card(models["model"]).threshold is not None
    for suffix in ("", " onnx"):
        model, detector = models[f"model{suffix}"], models[f"detector{suffix}"]
        where = tmp_path / f"run{suffix.strip()}"
        found = run_detect(data, where / "det", model=model, detector=detector)
        assert len(found) == 4
        feature(FeatureSettings(model, str(where / "det"), str(where / "feat"), gpu=-1))
        recipe = models_behind([StageReader(str(where / "feat"), ("feature",))], None, detector, {})
        assert (recipe.model, recipe.detector) == (model, detector)
        vectors.append([(row["name"], np.array(row["feature"])) for row in rows(where / "feat", "feature")])
        classifier = f"{tmp_path / 'mlp'},0"
        if not suffix:
            shape = ClassifierShape(len(vectors[0][0][1]), 16, 3)
            save_checkpoint(classifier, build_graph(shape, Classifier(shape).arrays()))
        else:
            convert.convert(classifier, str(tmp_path / "mlp.onnx"))
            classifier = str(tmp_path / "mlp.onnx")
        predict(PredictSettings(classifier, (str(where / "feat"),), str(where / "pred"), gpu=-1))
        scores.append([np.array(row["scores"]) for row in rows(where / "pred", "predict")])
        manifest = StageReader(str(where / "det"), ("detect",)).manifest
        assert len(manifest["models"]) == (3 if suffix else 4)
    for (name, first), (other, second) in zip(*vectors, strict=True):
        assert name == other
        np.testing.assert_allclose(first, second, atol=1e-5)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    assert np.ptp(scores[0]) > 0
    manifest = StageReader(str(tmp_path / "runonnx/det"), ("detect",)).manifest
    assert manifest["recognised"]["model"] == "embedding, 128 wide, RGB of 0 to 255"
    assert manifest["recognised"]["detector"].startswith("ESSH, RGB of 0 to 255")
    assert list(StageReader(str(tmp_path / "runonnx/feat"), ("feature",)).manifest["recognised"]) == ["model"]


def test_quality_is_the_score_where_that_is_wanted(data, models, tmp_path):
    found = run_detect(
        data, tmp_path / "det", model=None, detector=models["detector onnx"], quality="score", quality_threshold=0.5
    )
    assert len(found) == 4
    for row in found:
        assert row["quality"] == row["score"]
    manifest = StageReader(str(tmp_path / "det"), ("detect",)).manifest
    assert list(manifest["models"]) == ["essh-m25.onnx"]
    preview(PreviewSettings(str(tmp_path / "det"), str(tmp_path / "sheets"), every=1, gpu=-1))
    assert len(list((tmp_path / "sheets").glob("*/*.jpg"))) == 2
    highest = max(row["score"] for row in found)
    kept = run_detect(
        data, tmp_path / "some", model=None, detector=models["detector"], quality="score", quality_threshold=highest
    )
    assert 0 < len(kept) < 4


def test_a_norm_that_says_nothing_is_refused(data, models, tmp_path, monkeypatch):
    monkeypatch.setattr("rcnn.stages.detect.is_normalised", lambda embedder, size: True)
    with pytest.raises(InputError, match="its norm says nothing about a face; give another --quality-model, or --qual"):
        run_detect(data, tmp_path / "det", model=models["model"], detector=models["detector"])


def test_int8_of_onnx_files(data, models, tmp_path, monkeypatch):
    monkeypatch.setattr(int8, "FRAME_SAMPLING", 2)
    exact = run_detect(data, tmp_path / "a", model=models["model"], detector=models["detector"])
    fast = run_detect(
        data, tmp_path / "b", model=models["model onnx"], detector=models["detector onnx"], precision="int8"
    )
    assert {path.name for path in (tmp_path / "b/int8").iterdir()} >= {"detector.xml", "quality.xml"}
    assert len(exact) == len(fast)
    for first, second in zip(exact, fast, strict=True):
        np.testing.assert_allclose(first["box"], second["box"], atol=20)
        assert first["quality"] == pytest.approx(second["quality"], rel=0.25)
        assert first["quality"] != second["quality"]
