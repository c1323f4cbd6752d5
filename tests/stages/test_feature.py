"""feature.py: one vector a clip, from the right faces, summed in the right order."""

import shutil

import cv2
import numpy as np
import pyarrow as pa
import pytest
from drawn_people import portrait, portrait_landmarks

from rcnn.errors import InputError
from rcnn.faces.alignment import align_faces
from rcnn.faces.load import load_embedder
from rcnn.faces.pooling import RandomMeans, clip_features
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.merge import MergeSettings, merge
from rcnn.tables import FACES_SCHEMA, StageReader, StageWriter, vectors


@pytest.fixture(scope="module")
def model(models):
    return models["model"]


@pytest.fixture(scope="module")
def crops():
    return [align_faces(portrait(n), portrait_landmarks(n)[None].astype(np.float32))[0] for n in range(8)]


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def write_faces(path, clips: dict[str, list[tuple[int, np.ndarray]]], qualities=()) -> None:
    with StageWriter(str(path), "detect", FACES_SCHEMA) as writer:
        for name, faces in sorted(clips.items()):
            who = {"name": name, "split": "val"}
            state = "ok" if faces else "no face"
            writer.add_clips([{**who, "state": state, "reason": "", "frames": 9, "faces": len(faces)}])
            if faces:
                fixed = {"score": 1.0, "quality": 10.0, "time": 0.1, "box": [0.0] * 4, "landmarks": [0.0] * 10}
                rows = [
                    {**who, **fixed, "frame": frame, "crop": cv2.imencode(".png", crop)[1].tobytes()}
                    for frame, crop in faces
                ]
                for row, quality in zip(rows, qualities, strict=False):
                    row["quality"] = quality
                writer.add_rows(pa.RecordBatch.from_pylist(rows, FACES_SCHEMA))


def run(path, model, **changes) -> tuple[StageReader, dict[str, np.ndarray]]:
    output = str(path) + "-feat"
    feature(FeatureSettings(model, str(path), output, gpu=-1, **{"overwrite": True, **changes}))
    reader = StageReader(output, ("feature",))
    batches = list(reader.batches())
    names = [n for b in batches for n in b.column("name").to_pylist()]
    return reader, dict(zip(names, np.concatenate([vectors(b.column("feature")) for b in batches]), strict=True))


def test_a_clip_is_the_normalised_sum_of_normalised_faces(crops, model):
    embedder = load_embedder(model)
    found = clip_features(embedder, [crops[:3], crops[3:4], crops[4:]], 0)
    single = unit(embedder.embed(crops))
    expected = unit(np.stack([single[:3].sum(0), single[3], single[4:].sum(0)]))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_variants_are_summed_before_a_face_is_normalised(crops, model):
    embedder = load_embedder(model)
    both = embedder.embed(crops[:2]) + embedder.embed([cv2.flip(crop, 1) for crop in crops[:2]])
    np.testing.assert_allclose(clip_features(embedder, [crops[:2]], 1)[0], unit(unit(both).sum(0)), atol=1e-5)
    assert not np.allclose(clip_features(embedder, [crops[:2]], 2), clip_features(embedder, [crops[:2]], 1), atol=1e-3)


def test_sampling_keeps_multiples_and_never_loses_a_clip(tmp_path, crops, model):
    clips = {
        "a.mp4": [(3, crops[0]), (4, crops[1]), (6, crops[2])],
        "b.mp4": [(4, crops[3]), (5, crops[4])],  # found at sampling 1 only
        "c.mp4": [],
    }
    write_faces(tmp_path / "det", clips)
    reader, found = run(tmp_path / "det", model)
    embedder = load_embedder(model)
    single = unit(embedder.embed(crops))
    assert list(found) == ["a.mp4", "b.mp4"]
    np.testing.assert_allclose(found["a.mp4"], unit(single[0] + single[2]), atol=1e-4)
    np.testing.assert_allclose(found["b.mp4"], unit(single[3] + single[4]), atol=1e-4)
    states = [(row["name"], row["state"]) for batch in reader.clips() for row in batch.to_pylist()]
    assert states == [("a.mp4", "ok"), ("b.mp4", "ok"), ("c.mp4", "no face")]
    assert reader.manifest["counts"]["faces_used"] == 4
    assert reader.manifest["sources"][0]["path"].endswith("det")
    _, every = run(tmp_path / "det", model, sampling=1)
    np.testing.assert_allclose(every["a.mp4"], unit(single[:3].sum(0)), atol=1e-4)


def test_no_face_at_all_is_an_empty_table(tmp_path, model):
    write_faces(tmp_path / "det", {"c.mp4": []})
    output = str(tmp_path / "feat")
    feature(FeatureSettings(model, str(tmp_path / "det"), output, gpu=-1))
    reader = StageReader(output, ("feature",))
    assert (reader.rows, reader.width) == (0, 128)


def test_a_crop_that_is_no_picture_names_its_clip(tmp_path, model):
    row = {"name": "a.mp4", "split": "val", "frame": 3, "score": 1.0, "quality": 9.0}
    row |= {"time": 0.1, "box": [0.0] * 4, "landmarks": [0.0] * 10, "crop": b"no jpeg"}
    state = {"name": "a.mp4", "split": "val", "state": "ok", "reason": "", "frames": 9, "faces": 1}
    with StageWriter(str(tmp_path / "det"), "detect", FACES_SCHEMA) as writer:
        writer.add_clips([state])
        writer.add_rows(pa.RecordBatch.from_pylist([row], FACES_SCHEMA))
    with pytest.raises(InputError, match=r"a\.mp4: a crop can't be decoded"):
        feature(FeatureSettings(model, str(tmp_path / "det"), str(tmp_path / "feat"), gpu=-1))


def read_means(reader: StageReader) -> dict[str, np.ndarray]:
    rows = [row for batch in reader.batches(["name", "means"]) for row in batch.to_pylist()]
    return {row["name"]: np.array(row["means"], np.float32).reshape(-1, reader.width) for row in rows}


def test_means_lie_beside_the_vectors_and_only_who_asks_for_them_reads_them(tmp_path, crops, model):
    clips = {"a.mp4": [(n, crops[n]) for n in range(5)], "b.mp4": [(1, crops[5])]}
    write_faces(tmp_path / "det", clips)
    _, plain = run(tmp_path / "det", model, sampling=1)
    reader, found = run(tmp_path / "det", model, sampling=1, means=(1, 3), draws=2)
    assert all((found[name] == plain[name]).all() for name in clips)
    assert next(reader.batches()).schema.names == ["name", "split", "feature"]
    means = read_means(reader)
    assert [len(means[name]) for name in clips] == [4, 0]  # the one face of b is its vector
    single = unit(load_embedder(model).embed(crops[:5]))
    chosen = list(RandomMeans((1, 3), 2).choose(5, "a.mp4/0"))
    for mean, rows in zip(means["a.mp4"], chosen, strict=True):
        np.testing.assert_allclose(mean, unit(single[rows].sum(0)), atol=1e-4)


def test_a_grown_output_and_a_merged_one_keep_the_means(tmp_path, crops, model, capsys):
    clips = {f"{name}.mp4": [(n, crops[(at + n) % 8]) for n in range(4)] for at, name in enumerate("abcdef")}
    write_faces(tmp_path / "det", clips)
    options = {"sampling": 1, "means": (1, 3), "draws": 2, "overwrite": False}
    whole = read_means(run(tmp_path / "det", model, **options)[0])
    parts = [str(tmp_path / f"part{number}") for number in range(2)]
    for number, part in enumerate(parts):
        feature(FeatureSettings(model, str(tmp_path / "det"), part, gpu=-1, split=(number, 2), **options))
    merge(MergeSettings(tuple(parts), str(tmp_path / "merged")))
    merged = read_means(StageReader(str(tmp_path / "merged"), ("feature",)))
    write_faces(tmp_path / "grown", {name: clips[name] for name in list(clips)[:4]})
    run(tmp_path / "grown", model, **options)
    shutil.rmtree(tmp_path / "grown")
    write_faces(tmp_path / "grown", clips)
    grown = read_means(run(tmp_path / "grown", model, **options)[0])
    assert "4 clips kept, 2 new" in capsys.readouterr().out
    for name in clips:
        assert len(whole[name]) > 1
        np.testing.assert_array_equal(whole[name], merged[name])
        np.testing.assert_array_equal(whole[name], grown[name])


def test_weights_go_by_quality_and_score(tmp_path, crops, model):
    write_faces(tmp_path / "det", {"a.mp4": [(3, crops[0]), (6, crops[1])]}, qualities=[10.0, 5.0])
    single = unit(load_embedder(model).embed(crops[:2]))
    for changes, weight in (
        ({}, 1),
        ({"weights": "none"}, 1),
        ({"weights": "quality"}, 0.5),
        ({"weights": "quality", "weight_power": 2.0}, 0.25),
        ({"weights": "score"}, 1),
        ({"weights": "both"}, 0.5),
    ):
        reader, found = run(tmp_path / "det", model, **changes)
        np.testing.assert_allclose(found["a.mp4"], unit(single[0] + weight * single[1]), atol=1e-4)
    assert reader.arguments["weight_power"] == 1.0
    for wrong, words in (({"draws": 2}, "--draws: is for --means"), ({"weight_power": 2.0}, "--weight-power: is for")):
        with pytest.raises(InputError, match=words):
            run(tmp_path / "det", model, **wrong)
