"""Vectors that detect.py keeps beside the faces, and feature.py takes in place of a second pass."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import framed, portrait, put_clip

from rcnn.faces import load
from rcnn.stages import loaded
from rcnn.stages.detect import detect
from rcnn.stages.feature import feature, kept_vectors
from rcnn.stages.merge import merge
from rcnn.stages.settings import DetectSettings, FeatureSettings, MergeSettings
from rcnn.tables import StageReader, vectors
from rcnn.tables.faces import read_faces
from rcnn.tables.header import model_digest
from rcnn.tables.without import Removal, write_without

NAMES = ("ada.mp4", "bea.mp4", "cleo.mp4")


@pytest.fixture
def model(models):
    return models["model"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Three clips of six frames, of a person each."""
    root = tmp_path_factory.mktemp("data")
    for number, name in enumerate(NAMES):
        put_clip(root / "IQIYI_VID_TEST" / name, [framed(portrait(number))] * 6)
    (root / "gt_v2").mkdir()
    for table in ("train_v2.txt", "val_v2.txt"):
        (root / "gt_v2" / table).write_text("")
    listed(root, NAMES)
    return root


def listed(root: Path, names: tuple[str, ...]) -> None:
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(names))


def look(root, models, output, **changes) -> StageReader:
    files = {"dataset": str(root), "output": str(output), "stage": "test"}
    detect(DetectSettings(**files, gpu=-1, quality_threshold=2.0, **models, **changes))
    return StageReader(str(output), ("detect",))


def embed(model, source, output, **changes) -> tuple[list[tuple[str, int]], np.ndarray]:
    feature(FeatureSettings(model, str(source), str(output), gpu=-1, overwrite=True, **changes))
    reader = StageReader(str(output), ("feature",))
    batches = list(reader.batches())
    rows = [
        (row["name"], row.get("track", 0)) for batch in batches for row in batch.drop_columns("feature").to_pylist()
    ]
    return rows, np.concatenate([vectors(batch.column("feature")) for batch in batches])


@pytest.fixture(scope="module", params=["central", "all"])
def found(request, root, models, tmp_path_factory) -> StageReader:
    return look(root, models, tmp_path_factory.mktemp("run") / "det", faces=request.param)


def no_network(*_, **__):
    raise AssertionError("a network is loaded")


def test_the_vectors_are_those_of_the_crops_and_no_network_runs(found, model, tmp_path, monkeypatch, capsys):
    faces = list(read_faces(found, vectors=True))
    assert [piece.clip.name for piece in faces] == list(NAMES)
    for piece in faces:
        assert piece.vectors.dtype == np.float16
        crops = [cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR) for crop in piece.crops]
        again = load.load_embedder(model).embed(crops)
        lengths = np.linalg.norm(again, axis=1)
        np.testing.assert_allclose(piece.qualities, lengths, rtol=1e-4)
        assert ((again / lengths[:, None] * piece.vectors.astype(np.float32)).sum(1) > 0.9999).all()
    rows, plain = embed(model, found.path, tmp_path / "aug", aug=1)  # which takes the crops
    assert "by detect.py" not in capsys.readouterr().out
    monkeypatch.setattr(loaded, "load_embedder", no_network)
    monkeypatch.setattr("rcnn.stages.feature.load_embedder", no_network)
    same, kept = embed(model, found.path, tmp_path / "feat", weights="quality", sampling=2)
    assert "128 wide by detect.py" in capsys.readouterr().out
    assert same == rows
    assert 0.5 < (kept * plain).sum(1).min() < 0.9999
    monkeypatch.undo()
    monkeypatch.setattr("rcnn.stages.feature.kept_vectors", lambda *_: 0)
    _, computed = embed(model, found.path, tmp_path / "feat", weights="quality", sampling=2)
    assert (kept * computed).sum(1).min() > 0.9999


def test_vectors_of_another_model_or_precision_are_not_taken(found, model):
    sums = {name: found.manifest["models"][name] for name in ("face-m-symbol.json", "face-m-0000.params")}
    assert found.arguments["vectors_of"] == model_digest(sums)
    for changes, of, width in (
        ({}, sums, 128),
        ({"weights": "both", "means": (1,)}, sums, 128),
        ({"aug": 1}, sums, 0),
        ({"precision": "fp16"}, sums, 0),
        ({}, {**sums, "face-m-0000.params": "0" * 64}, 0),
    ):
        assert kept_vectors(found, FeatureSettings(model, found.path, **changes), of) == width


def test_an_output_that_grows_has_the_columns_that_it_had(root, models, tmp_path, capsys):
    for name, given, width in (("with", "on", 128), ("without", "off", 0)):
        output = tmp_path / name
        listed(root, NAMES[:2])
        look(root, models, output, vectors=given)
        listed(root, NAMES)
        grown = look(root, models, output)
        assert "2 clips kept, 1 new" in capsys.readouterr().out
        assert ("vector" in grown.schema.names) == bool(width)
        assert grown.accounts.ok == 3
        rows, _ = embed(models["model"], output, tmp_path / "feat")
        assert len(rows) == 3
        assert ("by detect.py" in capsys.readouterr().out) == bool(width)


def test_parts_that_are_merged_and_clips_that_go_keep_the_vectors(root, models, found, tmp_path):
    faces = found.arguments["faces"]
    parts = [str(tmp_path / str(number)) for number in range(2)]
    for number, part in enumerate(parts):
        look(root, models, part, split=(number, 2), faces=faces)
    merge(MergeSettings(tuple(parts), str(tmp_path / "merged"), dataset=str(root)))
    whole = [piece.vectors for piece in read_faces(found, False, vectors=True)]
    merged = StageReader(str(tmp_path / "merged"), ("detect",))
    assert merged.arguments["vectors_of"] == found.arguments["vectors_of"]
    for piece, expected in zip(read_faces(merged, False, vectors=True), whole, strict=True):
        np.testing.assert_array_equal(piece.vectors, expected)
    write_without(found.path, str(tmp_path / "less"), Removal(clips={NAMES[1]}), {})
    left = list(read_faces(StageReader(str(tmp_path / "less"), ("detect",)), False, vectors=True))
    assert [piece.clip.name for piece in left] == [NAMES[0], NAMES[2]]
    np.testing.assert_array_equal(left[1].vectors, whole[2])


def test_each_network_is_loaded_once_a_process(root, models, tmp_path, monkeypatch):
    loads = []
    for name in ("load_detector", "load_embedder"):
        own = getattr(load, name)
        monkeypatch.setattr(load, name, lambda *a, own=own, name=name, **k: loads.append(name) or own(*a, **k))
    loaded.forget_networks()
    own = {name: str(tmp_path / Path(path).name) for name, path in models.items()}
    for path in models.values():
        prefix, _, epoch = path.rpartition(",")
        for file in (f"{prefix}-symbol.json", f"{prefix}-{int(epoch):04d}.params"):
            shutil.copy(file, tmp_path)
    for number in range(2):
        look(root, own, tmp_path / f"det{number}")
        embed(own["model"], tmp_path / f"det{number}", tmp_path / "feat", aug=1)
    assert sorted(loads) == ["load_detector", "load_embedder"]
