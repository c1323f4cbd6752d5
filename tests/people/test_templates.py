"""Templates of known people, and the trials that their clips make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rcnn.errors import InputError
from rcnn.people import blocks
from rcnn.people.templates import Gallery
from rcnn.tables import StageWriter, features_schema, vector_array

WIDTH = 16
Rows = list[tuple[str, int, int, np.ndarray]]  # clip, label, track, vector


def write(path: Path, rows: Rows, split: str = "train", tracked: bool = True, model: str = "m") -> str:
    schema = features_schema(WIDTH, tracked)
    rows = sorted(rows, key=lambda row: row[:3:2])
    columns = [pa.array([row[0] for row in rows]), pa.array([split] * len(rows))]
    columns += [pa.array([row[2] for row in rows], pa.int32())] if tracked else []
    with StageWriter(str(path), "feature", schema, models={"x": model}) as out:
        columns.append(vector_array(np.stack([row[3] for row in rows])))
        out.add_rows(pa.RecordBatch.from_arrays(columns, schema=schema))
        state = {"split": split, "state": "ok", "reason": "", "frames": 1, "faces": 1}
        out.add_clips([{"name": name, **state} for name in dict.fromkeys(row[0] for row in rows)])
        out.close()
    return str(path)


def labels_of(*rows: Rows) -> dict[str, int]:
    return {row[0]: row[1] for some in rows for row in some}


def axis(number: int, beside: int | None = None, share: float = 0.0) -> np.ndarray:
    vector = np.zeros(WIDTH, np.float32)
    vector[number] = 3.0  # of any length
    if beside is not None:
        vector[beside] = 3.0 * share
    return vector


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_templates_are_mean_directions_and_trials_leave_the_clip_out(tmp_path):
    rows = [
        ("a1", 7, 0, axis(0, 8, 0.5)), ("a2", 7, 0, axis(0, 9, 0.5)), ("a3", 7, 0, axis(0, 10, 0.5)),
        ("b1", 9, 0, axis(1, 8, 1.0)), ("c1", -1, 0, axis(2, 0, 1.0)),
    ]  # fmt: skip
    gallery = Gallery.read([write(tmp_path / "f", rows, tracked=False)], labels_of(rows))
    assert gallery.labels.tolist() == [7, 9] and gallery.labels.dtype == np.int32
    mean = unit(sum(unit(row[3]) for row in rows[:3]))
    np.testing.assert_allclose(gallery.templates[0], mean, atol=1e-6)
    trials = gallery.trials()
    without = unit(unit(rows[1][3]) + unit(rows[2][3]))
    assert trials.genuine.tolist() == pytest.approx([float(unit(rows[0][3]) @ without)] * 3, abs=1e-6)
    assert trials.genuine_person.tolist() == [0, 0, 0]  # b has one clip
    # three clips of a with b, the one of b with a, and the stranger with both
    assert trials.impostor.tolist() == pytest.approx(
        [float(unit(rows[0][3]) @ gallery.templates[1]), 0, 0, float(unit(rows[3][3]) @ mean), float(mean[0]) / 2**0.5],
        abs=1e-6,
    )
    assert trials.impostor_person.tolist() == [1, 1, 1, 0, 0]
    assert trials.compared == pytest.approx((4 * 1 + 2) / 5)
    assert trials.rival is not None and trials.rival.tolist() == pytest.approx(trials.impostor[:3].tolist(), abs=1e-6)


def test_of_several_tracks_the_one_like_the_others_of_the_label_counts(tmp_path):
    rows = [
        ("a1", 1, 0, axis(5)), ("a1", 1, 1, axis(0)), ("a2", 1, 0, axis(0)), ("a3", 1, 0, axis(0)),
        ("b1", 2, 0, axis(1)), ("s1", -1, 0, axis(3)), ("s1", -1, 1, axis(1, 4, 1.0)),
    ]  # fmt: skip
    gallery = Gallery.read([write(tmp_path / "f", rows)], labels_of(rows))
    assert gallery.known["a1"] == (0, 1)
    np.testing.assert_allclose(gallery.templates[0], unit(axis(0)), atol=1e-6)
    trials = gallery.trials()
    assert trials.genuine.tolist() == pytest.approx([1, 1, 1])
    assert trials.impostor[-1] == pytest.approx(0.5**0.5)  # any track of a stranger
    assert len(trials.impostor) == 5


def test_a_searched_clip_that_is_known_is_judged_without_itself(tmp_path):
    rows = [("a1", 1, 0, axis(0)), ("a2", 1, 0, axis(1)), ("b1", 2, 0, axis(2))]
    gallery = Gallery.read([write(tmp_path / "f", rows)], labels_of(rows))
    names, tracks = ["a1", "a1", "b1", "new"], np.array([0, 1, 0, 0])
    vectors = np.stack([axis(0), axis(1), axis(2), axis(0)])
    cosines, people = gallery.nearest(names, tracks, vectors)
    assert cosines.dtype == np.float32 and people.dtype == np.int32
    # a1 against a2 alone; beside it a track like a2; b's only clip is the template
    assert cosines.tolist() == pytest.approx([0, 1, 1, 0.5**0.5], abs=1e-6)
    assert people[1:].tolist() == [0, 1, 0]


def test_tracks_that_go_over_the_edge_of_a_block_stay_together(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [
        (f"c{clip:02d}", clip % 3 - 1 or 2, track, rng.normal(size=WIDTH)) for clip in range(20) for track in range(3)
    ]
    path = write(tmp_path / "f", rows)
    whole = Gallery.read([path], labels_of(rows))
    wanted = whole.trials()
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    parts = Gallery.read([path], labels_of(rows))
    found = parts.trials()
    np.testing.assert_allclose(parts.templates, whole.templates, atol=1e-6)
    np.testing.assert_allclose(found.genuine, wanted.genuine, atol=1e-6)
    np.testing.assert_allclose(found.impostor, wanted.impostor, atol=1e-6)
    assert found.compared == wanted.compared


def test_a_clip_in_two_directories_counts_once_and_test_has_no_strangers(tmp_path):
    rows = [("a1", 1, 0, axis(0)), ("b1", 2, 0, axis(1))]
    first = write(tmp_path / "f", rows)
    second = write(tmp_path / "g", [*rows, ("t1", 1, 0, axis(0))], "test")
    gallery = Gallery.read([first, second], {"a1": 1, "b1": 2, "t1": 1})
    assert gallery.counts.tolist() == [1, 1]
    assert len(gallery.trials().impostor) == 2


def test_one_person_alone_has_no_impostors(tmp_path):
    rows = [("a1", 1, 0, axis(0)), ("a2", 1, 0, np.zeros(WIDTH, np.float32))]
    gallery = Gallery.read([write(tmp_path / "f", rows)], labels_of(rows))
    trials = gallery.trials()
    assert len(trials.impostor) == 0 and trials.compared is None
    assert np.isfinite(trials.genuine).all() and np.isfinite(gallery.templates).all()


def test_a_person_of_zeros_is_like_nobody(tmp_path):
    rows = [("a1", 1, 0, np.zeros(WIDTH, np.float32)), ("b1", 2, 0, axis(0))]
    gallery = Gallery.read([write(tmp_path / "f", rows)], labels_of(rows))
    cosines, people = gallery.nearest(["x"], np.array([0]), axis(0)[None])
    assert cosines[0] == pytest.approx(1) and people[0] == 1


def test_a_directory_without_a_face_adds_nothing(tmp_path):
    known = write(tmp_path / "f", [("a1", 1, 0, axis(0)), ("b1", 2, 0, axis(1))])
    with StageWriter(str(tmp_path / "g"), "feature", features_schema(WIDTH, True), models={"x": "m"}) as out:
        out.close()
    assert len(Gallery.read([known, str(tmp_path / "g")], {"a1": 1, "b1": 2}).trials().impostor) == 2


def test_nobody_known_and_two_models_are_refused(tmp_path):
    strangers = write(tmp_path / "f", [("a1", -1, 0, axis(0))])
    with pytest.raises(InputError, match="no clip has a label"):
        Gallery.read([strangers], {"b1": 1})
    known = write(tmp_path / "g", [("a1", 1, 0, axis(0))])
    other = write(tmp_path / "h", [("a2", 1, 0, axis(0))], model="n")
    with pytest.raises(InputError, match="another model"):
        Gallery.read([known, other], {"a1": 1, "a2": 1})
