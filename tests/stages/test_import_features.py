"""Features as iQIYI-VID-2019 shipped them, from the pickle to the score. 5 s."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from killing import Killed, kill_at

from rcnn.clips.labels import label_files, read_labels_of
from rcnn.clips.official import clip_name, listed_parts, part_in
from rcnn.errors import InputError, Stopped
from rcnn.faces.vectors import normalise
from rcnn.files.lock import Lock
from rcnn.stages import official_clips
from rcnn.stages.genfeat import genfeat
from rcnn.stages.import_features import import_features
from rcnn.stages.merge import merge
from rcnn.stages.predict import predict
from rcnn.stages.settings import (
    GenfeatSettings,
    ImportSettings,
    MergeSettings,
    PredictSettings,
    SubmitSettings,
    TrainSettings,
)
from rcnn.stages.submit import submit
from rcnn.stages.train import train_mlp
from rcnn.tables import StageReader, vectors

WIDTH, PEOPLE = 16, 5


def face(vector, frame="8", box=(10, 20, 40, 60), quality=60.0, score=0.9):
    return [frame, list(box), score, quality, np.asarray(vector, np.float16)]


def made_up(part, count, seed=0):
    """Clips in no order of names, and the label of each; every fourth of val and test shows nobody known."""
    rng = np.random.default_rng([seed, len(part)])
    centres = np.random.default_rng(7).standard_normal((PEOPLE + 1, WIDTH))
    clips, labels = {}, {}
    for number in rng.permutation(count).tolist():
        name = f"IQIYI_VID_{part.upper()}_{number:07d}"
        label = 0 if part != "train" and number % 4 == 3 else 1 + number % PEOPLE
        centre = centres[label] if label else rng.standard_normal(WIDTH)
        clips[name.encode()] = [
            face(centre + 0.3 * rng.standard_normal(WIDTH), str(8 * place), quality=float(rng.uniform(0, 100)))
            for place in range(number % 4)
        ]
        labels[f"{name}.mp4"] = label
    return clips, labels


@pytest.fixture
def shipped(tmp_path):
    """A folder with the pickles and the files of labels of 2019."""
    for part, count in (("train", 60), ("val", 24), ("test", 30)):
        clips, labels = made_up(part, count)
        (tmp_path / f"face_{part}.pickle").write_bytes(pickle.dumps(clips, 2))
        known = {name: label for name, label in labels.items() if label}
        if part == "train":
            lines = [f"{name} {label}" for name, label in known.items()]
        else:
            lines = [
                " ".join([str(label), *(name for name in known if known[name] == label)])
                for label in range(1, PEOPLE + 1)
            ]
        (tmp_path / f"{part}_gt.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def settings_of(folder, *parts, output="feat", **options):
    inputs = tuple(str(folder / f"face_{part}.pickle") for part in parts or ("train", "val"))
    return ImportSettings(inputs, str(folder / output), **{"dataset": str(folder), **options})


def rows_of(path):
    """Of each clip its rows (track or 0, vector), and all rows of the table of clips by name."""
    reader = StageReader(str(path), ("feature",))
    rows, clips = {}, {}
    for batch in reader.batches():
        tracks = batch.column("track").to_pylist() if reader.tracked else [0] * len(batch)
        for name, track, vector in zip(
            batch.column("name").to_pylist(), tracks, vectors(batch.column("feature")), strict=True
        ):
            rows.setdefault(name, []).append((track, vector))
    for batch in reader.clips():
        clips |= {row["name"]: row for row in batch.to_pylist()}
    return rows, clips


def write(folder, clips, name="train", protocol=2):
    path = folder / f"face_{name}.pickle"
    path.write_bytes(pickle.dumps(clips, protocol))
    return settings_of(folder, name, dataset=None)


def test_a_vector_a_clip(shipped, capsys):
    import_features(settings_of(shipped))
    rows, clips = rows_of(shipped / "feat")
    assert list(clips) == sorted(clips) and len(clips) == 84
    content = made_up("train", 60)[0] | made_up("val", 24)[0]
    for key, faces in content.items():
        name = f"{key.decode()}.mp4"
        clip = clips[name]
        assert clip["split"] == ("train" if "TRAIN" in name else "val")
        assert clip["state"] == ("ok" if faces else "no face") and clip["frames"] == len(faces)
        if faces:
            good = [one for one in faces if one[3] >= 40] or faces
            assert clip["faces"] == len(good)
            wanted = normalise(normalise(np.stack([one[4] for one in good]).astype(np.float32)).sum(0))
            ((track, vector),) = rows[name]
            assert track == 0
            np.testing.assert_allclose(vector, wanted, atol=1e-6)
    manifest = StageReader(str(shipped / "feat"), ("feature",)).manifest
    assert set(manifest["models"]) == {"face_train.pickle", "face_val.pickle"}
    assert not (shipped / "feat.reading").exists()
    capsys.readouterr()
    import_features(settings_of(shipped))
    assert "it is kept" in capsys.readouterr().out
    with pytest.raises(InputError, match="quality_threshold"):
        import_features(settings_of(shipped, quality_threshold=10.0))


def test_from_the_pickle_to_the_score(shipped, capsys):
    import_features(settings_of(shipped))
    import_features(settings_of(shipped, "test", output="feat_test", stage="test", dataset=None))
    out, data, model = (str(shipped / name) for name in ("pred", "trainval", "model"))
    genfeat(GenfeatSettings((str(shipped / "feat"),), data))
    train_mlp(TrainSettings(data, model, gpu=-1, head="templates"))
    predict(PredictSettings(f"{model},40", (str(shipped / "feat_test"),), out, gpu=-1))
    submit(SubmitSettings((out,), str(shipped / "submission.txt"), gt=str(shipped / "test_gt.txt")))
    said = capsys.readouterr().out
    assert "84 clips, 63 with features (6 of nobody known)" in said
    score = float(said.rpartition("MAP@100 ")[2].split()[0])
    assert score > 0.6  # a quarter of the clips has no face


@pytest.mark.parametrize("layout", ["2019", "2019 by label", "2018"])
def test_labels_of_both_layouts(shipped, layout):
    labels = {**made_up("train", 60)[1], **made_up("val", 24)[1]}
    if layout == "2019 by label":
        (shipped / "val_gt.txt").write_text(
            "".join(f"{name.removesuffix('.mp4')} {label}\n" for name, label in made_up("val", 24)[1].items() if label)
        )
    if layout == "2018":
        (shipped / "gt_v2").mkdir()
        (shipped / "train_gt.txt").rename(shipped / "gt_v2/train_v2.txt")
        (shipped / "val_gt.txt").rename(shipped / "gt_v2/val_v2.txt")
        (shipped / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in labels))
    known = {name: label for name, label in labels.items() if label}
    assert read_labels_of(str(shipped)) == known and len(label_files(str(shipped))) == 2
    assert listed_parts(str(shipped)) == {name: "train" if "TRAIN" in name else "val" for name in known}


def test_clips_that_no_pickle_has_are_in_the_account(shipped):
    with open(shipped / "train_gt.txt", "a") as file:
        file.write("IQIYI_VID_TRAIN_9999999.mp4 1\n")
    import_features(settings_of(shipped, "train"))
    _, clips = rows_of(shipped / "feat")
    assert len(clips) == 61  # none of val, of which no pickle was given
    assert clips["IQIYI_VID_TRAIN_9999999.mp4"]["reason"] == "no pickle has it"


def test_parts_make_the_whole(shipped):
    import_features(settings_of(shipped))
    for part in range(3):
        import_features(settings_of(shipped, output=f"part{part}", split=(part, 3)))
    merge(MergeSettings(tuple(str(shipped / f"part{part}") for part in range(3)), str(shipped / "whole")))
    whole, wanted = (StageReader(str(shipped / name), ("feature",)).manifest for name in ("whole", "feat"))
    assert whole["parts"] == wanted["parts"]


def big(folder, count=2300):
    rng = np.random.default_rng(0)
    order = rng.permutation(count).tolist()
    return write(folder, {f"IQIYI_VID_TRAIN_{n:07d}": [face(rng.standard_normal(WIDTH))] for n in order})


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    settings = big(tmp_path)
    monkeypatch.setattr(official_clips, "CHUNK_BYTES", 50_000)
    import_features(replace(settings, output=str(tmp_path / "wanted")))
    taken = []
    take = official_clips.ClipsOfPickles._take

    def stopping(self, path, key, entries):
        taken.append(key)
        if len(taken) == 1500:
            raise Stopped(15)
        take(self, path, key, entries)

    monkeypatch.setattr(official_clips.ClipsOfPickles, "_take", stopping)
    with pytest.raises(Stopped):
        import_features(settings)
    first = len(taken)
    with pytest.raises(InputError, match="start again"):  # not with other arguments
        import_features(replace(settings, weights="quality"))
    import_features(settings)
    assert len(taken) - first == 1300  # of 2,300, 1,000 stay read
    found, wanted = (StageReader(str(tmp_path / name), ("feature",)).manifest for name in ("feat", "wanted"))
    assert found["parts"] == wanted["parts"] and found["counts"] == wanted["counts"]
    assert not (tmp_path / "feat.reading").exists()


def let_go(lock):
    """As the kernel does for a process that is killed: the file stays."""
    if lock._descriptor >= 0:
        os.close(lock._descriptor)
        lock._descriptor = -1


def test_kills_between_any_two_operations_on_files(shipped):
    settings = settings_of(shipped)
    import_features(replace(settings, output=str(shipped / "wanted")))
    wanted = StageReader(str(shipped / "wanted"), ("feature",)).manifest["parts"]
    for step in range(1, 60, 2):
        output = str(shipped / f"killed{step}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lock, "release", let_go)
            kill_at(patch, step)
            try:
                import_features(replace(settings, output=output))
                break
            except Killed:
                pass
        import_features(replace(settings, output=output))
        assert StageReader(output, ("feature",)).manifest["parts"] == wanted
    assert step > 10


def test_all_faces_make_a_track_a_person(tmp_path):
    first, second = np.eye(WIDTH)[:2]
    faces = []
    for frame in range(6):
        faces.append(face(first, str(frame), (0, 0, 100, 100)))
        if frame % 2:
            faces.append(face(second, str(frame), (300, 0, 340, 40)))
    settings = write(tmp_path, {"a_train": faces})
    import_features(replace(settings, faces="all"))
    rows, clips = rows_of(tmp_path / "feat")
    assert [track for track, _ in rows["a_train.mp4"]] == [0, 1]
    np.testing.assert_allclose(np.stack([vector for _, vector in rows["a_train.mp4"]]), [first, second], atol=1e-6)
    assert clips["a_train.mp4"]["frames"] == 6 and clips["a_train.mp4"]["faces"] == 9
    import_features(replace(settings, output=str(tmp_path / "central")))
    ((_, vector),) = rows_of(tmp_path / "central")[0]["a_train.mp4"]
    np.testing.assert_allclose(vector, first, atol=1e-6)


def test_weights_and_heads(tmp_path):
    first, second = np.eye(WIDTH)[:2]
    clips = {"a_train": [face(first, quality=90.0, score=0.5), face(second, "9", quality=45.0, score=1.0 / 3)]}
    import_features(replace(write(tmp_path, clips), weights="quality"))
    ((_, vector),) = rows_of(tmp_path / "feat")[0]["a_train.mp4"]
    np.testing.assert_allclose(vector[:2], normalise(np.array([45.0, 15.0])), atol=1e-6)
    heads = {"a_train": [[frame, box, score, one] for frame, box, score, _, one in clips["a_train"]]}
    import_features(replace(write(tmp_path, heads), output=str(tmp_path / "heads"), weights="quality"))
    ((_, vector),) = rows_of(tmp_path / "heads")[0]["a_train.mp4"]
    np.testing.assert_allclose(vector[:2], normalise(np.ones(2)), atol=1e-6)


def test_a_bad_clip_stops_nothing(tmp_path):
    good = np.ones(WIDTH)
    clips = {
        "good_train": [face(good)],
        "other_train": [face(-good)],
        "more_train": [face(good, frame=8), face(good, frame=b"9")],
        "still_train": (face(good, box=np.arange(4.0)),),
        "wide_train": [face(np.ones(WIDTH + 1))],
        "short_train": [["1", [1, 2, 3, 4]]],
        "odd_train": 7,
        "empty_train": [],
        "zero_train": [face(good * 0)],
        "nan_train": [face(good * np.nan), face(good)],
    }
    clips["itself_train"] = clips["empty_train"]
    import_features(write(tmp_path, clips))
    rows, found = rows_of(tmp_path / "feat")
    states = {name.split("_")[0]: clip["state"] for name, clip in found.items()}
    assert states == {
        **dict.fromkeys(("good", "other", "more", "still", "nan"), "ok"),
        **dict.fromkeys(("wide", "short", "odd"), "unreadable"),
        **dict.fromkeys(("empty", "zero", "itself"), "no face"),
    }
    assert found["wide_train.mp4"]["reason"] == "has vectors of 17 numbers, the first clip of 16"
    assert found["short_train.mp4"]["reason"] == "face 1 is not [frame, box, score, quality, vector]"
    np.testing.assert_allclose(rows["nan_train.mp4"][0][1], normalise(good), atol=1e-3)


@pytest.mark.parametrize(
    ("clips", "said"),
    [
        ({"a_train": [face(np.ones(3))], "b": 1, "c_train": 1, "d": 2}, "3 of 4 clips have no faces"),
        ({"a_train": [face(np.ones(3))], "a_train.mp4": []}, "a_train.mp4 is in the pickles twice"),
        ({"a_train": []}, "no clip has a face"),
        ({"a b": [face(np.ones(3))]}, "'a b' is not a valid clip name"),
        ({"a/b": [face(np.ones(3))]}, "is not a valid clip name"),
        ({"": [face(np.ones(3))]}, "is not a valid clip name"),
        (["a"], "it contains something other than a dict"),
    ],
)
def test_a_wrong_pickle_is_refused_in_one_line(tmp_path, clips, said):
    with pytest.raises(InputError, match=said):
        import_features(write(tmp_path, clips))


def test_a_clip_of_no_known_part_is_named(tmp_path):
    path = tmp_path / "features.pickle"
    path.write_bytes(pickle.dumps({"b": [face(np.ones(3))]}))
    settings = ImportSettings((str(path),), str(tmp_path / "feat"))
    with pytest.raises(InputError, match=r"whether clip b\.mp4 is of train or val"):
        import_features(settings)
    import_features(replace(settings, stage="test", overwrite=True))
    assert rows_of(tmp_path / "feat")[1]["b.mp4"]["split"] == "test"


def test_names_and_parts():
    assert clip_name(b"IQIYI_VID_TRAIN_0000001") == clip_name("IQIYI_VID_TRAIN_0000001.mp4")
    assert clip_name("b.webm") == "b.webm"
    assert [part_in(name) for name in ("IQIYI_VID_VAL_01.mp4", "face_train_v2.pickle", "interval.mp4", "test")] == [
        "val", "train", None, "test",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="is not a valid clip name"):
        clip_name("a\u202eb")


@pytest.mark.parametrize("text", ["a b c\n", "a.mp4\n", "a.mp4 0\n", "a.mp4 1\na.mp4 2\n", "1 a/b\n"])
def test_a_wrong_line_of_labels_is_named(tmp_path, text):
    (tmp_path / "train_gt.txt").write_text(text)
    with pytest.raises(InputError, match=r"train_gt.txt:[12]: .*fix the (line|file)"):
        read_labels_of(str(tmp_path))
