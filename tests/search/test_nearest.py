"""The clips most like a vector: the same as comparing with all of them at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn.errors import InputError
from rcnn.faces.vectors import normalise
from rcnn.search import nearest, open_features
from rcnn.tables import StageWriter, features_schema, vector_array


def write(path: Path, names: list[str], rows: np.ndarray, models: tuple[str, ...] = ()) -> str:
    schema = features_schema(rows.shape[1])
    with StageWriter(str(path), "feature", schema, models=models) as writer:
        columns = [pa.array(names), pa.array(["train"] * len(names))]
        writer.add_rows(pa.RecordBatch.from_arrays([*columns, vector_array(rows)], schema=schema))
        clip = {"split": "train", "state": "ok", "reason": "", "frames": 1, "faces": 1}
        writer.add_clips([{"name": name, **clip} for name in names])
    return str(path)


@pytest.fixture
def clips() -> tuple[list[str], np.ndarray, list[int]]:
    generator = np.random.default_rng(0)
    names = [f"{number:05d}.mp4" for number in range(9000)]  # more than two blocks
    return names, generator.normal(size=(9000, 16)).astype(np.float32), generator.integers(-1, 40, 9000).tolist()


@pytest.mark.parametrize("count", [1, 100, 9000, 20000])
def test_it_finds_what_comparing_with_all_at_once_finds(tmp_path, clips, count):
    names, rows, labels = clips
    path = write(tmp_path / "feat", names, rows)
    wanted = np.random.default_rng(1).normal(size=16).astype(np.float32)
    found = nearest(open_features([path]), wanted, count, labels=dict(zip(names, labels, strict=True)))
    similarities = normalise(rows) @ normalise(wanted)
    order = np.argsort(-similarities, kind="stable")[:count]
    np.testing.assert_allclose([match.similarity for match in found.matches], similarities[order], atol=1e-5)
    places = [int(match.clip[:5]) for match in found.matches]  # not in the same order where two differ by a rounding
    np.testing.assert_allclose(similarities[places], similarities[order], atol=1e-5)
    assert len(set(places)) == min(count, len(names))
    assert [match.label for match in found.matches] == [labels[place] for place in places]
    assert found.clips == 9000
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-5)
    assert found.tracks == 9000 and not len(found.known) and not len(found.people)


def test_equal_clips_stand_by_name_whatever_the_block(tmp_path):
    names = [f"{number:05d}.mp4" for number in range(5000)]
    path = write(tmp_path / "feat", names, np.ones((5000, 4), np.float32))
    found = nearest(open_features([path]), np.ones(4, np.float32), 7)
    assert [match.clip for match in found.matches] == names[:7]


def test_several_directories_are_one_set_and_a_clip_counts_once(tmp_path):
    one = write(tmp_path / "a", ["a", "b"], np.array([[1, 0], [0.9, 0.1]], np.float32))
    two = write(tmp_path / "b", ["b", "c"], np.array([[0.5, 0.5], [0.7, 0.3]], np.float32))
    found = nearest(open_features([one, two]), np.array([1, 0], np.float32), 10)
    assert [match.clip for match in found.matches] == ["a", "b", "c"]
    assert found.matches[1].similarity == pytest.approx(0.9 / np.hypot(0.9, 0.1))


def test_a_clip_of_zeros_is_like_nothing(tmp_path):
    path = write(tmp_path / "a", ["a", "b"], np.array([[0, 0], [1, 0]], np.float32))
    found = nearest(open_features([path]), np.array([2, 0], np.float32), 2)
    assert [(match.clip, match.similarity) for match in found.matches] == [("b", 1.0), ("a", 0.0)]


def test_what_does_not_fit_is_named(tmp_path):
    (tmp_path / "m").write_text("other")
    one = write(tmp_path / "a", ["a"], np.ones((1, 4), np.float32))
    two = write(tmp_path / "b", ["b"], np.ones((1, 4), np.float32), models=(str(tmp_path / "m"),))
    with pytest.raises(InputError, match="another model"):
        open_features([one, two])
    with pytest.raises(InputError, match="twice"):
        open_features([one, one])
    with pytest.raises(InputError, match="4 wide, that of the photograph 5"):
        nearest(open_features([one]), np.ones(5, np.float32))


@pytest.mark.parametrize("count", [1, 10, 5000])
def test_a_clip_counts_once_with_its_most_similar_track(tmp_path, count):
    random = np.random.default_rng(2)
    tracks = random.integers(1, 5, 3000)  # some clip's go on in another block
    names = [f"{number:05d}.mp4" for number in np.repeat(np.arange(3000), tracks)]
    rows = random.normal(size=(len(names), 8)).astype(np.float32)
    schema = features_schema(8, tracked=True)
    numbers = [number for many in tracks for number in range(many)]
    with StageWriter(str(tmp_path / "feat"), "feature", schema) as writer:
        columns = [pa.array(names), pa.array(["train"] * len(names))]
        columns += [pa.array(numbers, pa.int32()), vector_array(rows)]
        writer.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
        clip = {"split": "train", "state": "ok", "reason": "", "frames": 1, "faces": 1}
        writer.add_clips([{"name": f"{n:05d}.mp4", **clip} for n in range(3000)])
    wanted = random.normal(size=8).astype(np.float32)
    starts = np.cumsum([0, *tracks[:-1]])
    best = np.maximum.reduceat(normalise(rows) @ normalise(wanted), starts)
    found = nearest(open_features([str(tmp_path / "feat")]), wanted, count)
    order = np.argsort(-best, kind="stable")[:count]
    np.testing.assert_allclose([match.similarity for match in found.matches], best[order], atol=1e-5)
    assert len({match.clip for match in found.matches}) == len(found.matches) == min(count, 3000)
    assert found.clips == 3000 and found.tracks == len(names)
    cosines = normalise(rows) @ normalise(wanted)
    for match in found.matches:
        assert cosines[starts[int(match.clip[:5])] + match.track] == pytest.approx(match.similarity, abs=1e-5)


def test_cosines_of_known_people_and_of_strangers(tmp_path):
    """Of a known clip the track that shows the person counts, of a stranger's all; nobody says who is in test."""
    rows = [  # clip, split, label, track, cosine with (1, 0)
        ("a", "train", 5, 0, 0.1), ("a", "train", 5, 1, 0.9), ("b", "val", 7, 0, 0.3), ("c", "val", -1, 0, 0.2),
        ("c", "val", -1, 1, 0.4), ("d", "test", -1, 0, 0.8), ("e", "train", 7, 0, 0.5),
    ]  # fmt: skip
    schema = features_schema(2, tracked=True)
    with StageWriter(str(tmp_path / "feat"), "feature", schema) as writer:
        names, splits, labels, tracks, cosines = zip(*rows, strict=True)
        vectors = vector_array(np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in cosines], np.float32))
        columns = [pa.array(names), pa.array(splits), pa.array(tracks, pa.int32())]
        writer.add_rows(pa.RecordBatch.from_arrays([*columns, vectors], schema=schema))
        clips = {name: {"split": split} for name, split, *_ in rows}
        state = {"state": "ok", "reason": "", "frames": 1, "faces": 1}
        writer.add_clips([{"name": name, **clip, **state} for name, clip in clips.items()])
    taught = dict(zip(names, labels, strict=True)) | {"d": 5}  # what is said of a clip of test does not count
    known = {"a": (0, 0), "b": (1, 0)}  # e was left out, as a clip that another directory has, too
    found = nearest(open_features([str(tmp_path / "feat")]), np.array([1, 0], np.float32), 2, known, taught)
    np.testing.assert_allclose(found.known, [0.1, 0.3], atol=1e-6)
    assert found.people.tolist() == [0, 1]
    np.testing.assert_allclose(found.strangers, [0.4], atol=1e-6)
    assert (found.stranger_tracks, found.tracks, found.clips) == (2, 7, 5)
    assert [(match.clip, match.track) for match in found.matches] == [("a", 1), ("d", 0)]
