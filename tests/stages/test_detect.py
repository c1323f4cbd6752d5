"""detect.py on real clips: which frames, which face, what is kept, and what becomes of bad clips."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from drawn_people import framed, portrait, portrait_landmarks, put_clip
from patience import held

from rcnn.clips.dataset import TO_THE_END, Clip
from rcnn.errors import InputError, UnreadableError
from rcnn.faces.load import load_detector, load_embedder
from rcnn.faces.vectors import norms
from rcnn.stages import detect as stage
from rcnn.stages.detect import DetectSettings, QualityHistogram, detect
from rcnn.stages.face_finder import ClipFaceFinder
from rcnn.tables import StageReader
from rcnn.video.decoder import FrameDecoder
from rcnn.video.frames import read_frames
from rcnn.video.types import Frames
from rcnn.workers import crew

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def networks(models):
    return load_detector(models["detector"]), load_embedder(models["model"])


@pytest.fixture(scope="module")
def face():
    return framed(portrait(0))


@pytest.fixture(scope="module")
def root(tmp_path_factory, face):
    """Clips of ten frames: a face in all, in none, in frame 4 only (passed over by sampling 3), bad ones."""
    root = tmp_path_factory.mktemp("data")
    grey = np.full_like(face, 90)
    train, val, test = (
        root / "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN",
        root / "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL",
        root / "IQIYI_VID_TEST",
    )
    late = [face if number == 4 else grey for number in range(1, 11)]
    put_clip(train / "face.mp4", [face] * 10)
    put_clip(train / "late_train.mp4", late)
    put_clip(val / "late_val.mp4", late)
    put_clip(val / "nobody.mp4", [grey] * 10)
    (val / "broken.mp4").write_text("this is not a video")
    (val / "nothing.mp4").write_bytes(b"")
    put_clip(test / "late_test.mp4", late)
    (root / "gt_v2").mkdir()
    names = sorted(path.name for path in root.glob("**/*.mp4"))
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(names))
    (root / "gt_v2/train_v2.txt").write_text("face.mp4 3\nlate_train.mp4 4\n")
    (root / "gt_v2/val_v2.txt").write_text("3 late_val.mp4\n")
    return root


def run(root, models, output, **changes) -> StageReader:
    settings = {
        "dataset": str(root),
        "output": str(output),
        "stage": "trainval",
        "gpu": -1,
        "max_bad": 100,
        **models,
        **changes,
    }
    detect(DetectSettings(**settings))
    return StageReader(str(output), ("detect",))


def table(batches) -> list[dict]:
    return [row for batch in batches for row in batch.to_pylist()]


def test_every_clip_ends_in_one_state(root, models, tmp_path, capsys):
    reader = run(root, models, tmp_path / "det", quality_threshold=2.0)
    states = {row["name"]: (row["state"], row["frames"], row["faces"]) for row in table(reader.clips())}
    assert states == {
        "broken.mp4": ("unreadable", 0, 0),
        "face.mp4": ("ok", 3, 3),
        "late_train.mp4": ("no face", 3, 0),  # a train clip is not looked at again
        "late_val.mp4": ("ok", 10, 1),  # a val clip is, at every frame
        "nobody.mp4": ("no face", 10, 0),
        "nothing.mp4": ("unreadable", 0, 0),
    }
    faces = table(reader.batches())
    assert [(row["name"], row["frame"]) for row in faces] == [
        ("face.mp4", 3),
        ("face.mp4", 6),
        ("face.mp4", 9),
        ("late_val.mp4", 4),
    ]
    assert [row["split"] for row in faces] == ["train"] * 3 + ["val"]
    for row in table(reader.clips()):
        state = (root / row["source"]).stat()
        assert row["source"].endswith(f"_{row['split'].upper()}/{row['name']}")
        assert (row["size"], row["changed"]) == (state.st_size, state.st_mtime_ns)
        assert (row["start"], row["end"]) == (0, TO_THE_END)
    assert set(reader.manifest["models"]) == {
        "face-m-symbol.json",
        "face-m-0000.params",
        "essh-m25-symbol.json",
        "essh-m25-0000.params",
    }
    summary = capsys.readouterr().out
    assert "6 clips read, 2 with faces, 4 faces kept of 4, 2 without, 2 unreadable" in summary
    assert "50%" in summary
    again = run(root, models, tmp_path / "again", quality_threshold=2.0)
    assert table(again.batches()) == faces


def test_a_face_lies_where_the_row_says(root, models, networks, face, tmp_path):
    row = table(run(root, models, tmp_path / "det", quality_threshold=2.0).batches())[0]
    x1, y1, x2, y2 = row["box"]
    assert 320 < x1 < x2 < 570
    assert 100 < y1 < y2 < 350
    points = np.reshape(row["landmarks"], (5, 2))
    assert ((points > (x1, y1)) & (points < (x2, y2))).all()
    drawn = portrait_landmarks(0) + np.array([320, 100])
    assert np.abs(points - drawn).mean() < 0.16 * np.ptp(drawn[:2, 0])  # of the distance of the eyes
    crop = cv2.imdecode(np.frombuffer(row["crop"], np.uint8), cv2.IMREAD_COLOR)
    assert crop.shape == (112, 112, 3)
    assert norms(networks[1].embed([crop]))[0] == pytest.approx(row["quality"], rel=1e-4)


def test_faces_under_the_threshold_are_dropped_and_said(root, models, tmp_path):
    reader = run(root, models, tmp_path / "det", quality_threshold=1000.0)
    assert reader.rows == 0
    reasons = {row["name"]: row["reason"] for row in table(reader.clips())}
    assert "is under the threshold 1000" in reasons["face.mp4"]
    assert reasons["nobody.mp4"] == "no face detected"


def test_parts_join_to_the_whole(root, models, tmp_path):
    whole = table(run(root, models, tmp_path / "whole", quality_threshold=2.0).clips())
    parts = [
        row
        for index in range(3)
        for row in table(run(root, models, tmp_path / str(index), quality_threshold=2.0, split=(index, 3)).clips())
    ]
    assert sorted(parts, key=lambda row: row["name"]) == whole


def test_batches_do_not_change_faces(root, networks):
    folder = root / "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"
    clips = [Clip(name, str(folder / name), "train") for name in ("face.mp4", "late_train.mp4")]
    results = []
    for size in (1, 4, 8):
        finder = ClipFaceFinder(*networks, 1, 2.0, batch=size)
        results += [finder(clips), [*finder(clips[:1]), *finder(clips[1:])]]
    for both in results:
        assert [result.faces.frames.tolist() for result in both] == [list(range(1, 11)), [4]]
        for result, first in zip(both, results[0], strict=True):
            np.testing.assert_array_equal(result.qualities, first.qualities)


def files(path: Path) -> dict[str, bytes]:
    return {str(part.relative_to(path)): part.read_bytes() for part in path.rglob("*.parquet")}


def test_the_number_of_workers_changes_no_byte(root, models, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "GROUP_CLIPS", 2)
    for workers in (1, 2, 5):
        monkeypatch.setattr(crew, "cores", lambda count=workers: count)
        run(root, models, tmp_path / str(workers), quality_threshold=2.0)
    first = files(tmp_path / "1")
    assert {"clips/part-00000.parquet", "faces/part-00000.parquet"} == first.keys()
    assert files(tmp_path / "2") == first
    assert files(tmp_path / "5") == first


def test_a_clip_that_breaks_off_is_unreadable_and_its_neighbours_are_not(root, networks, monkeypatch):
    folder = root / "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL"
    clips = [Clip(name, str(folder / name), "val") for name in ("late_val.mp4", "nobody.mp4")]

    def broken(decoder: FrameDecoder, path: str, *how: Any) -> Frames:
        def items():
            frames = read_frames(path, *how)
            yield frames.info
            for frame in frames:
                if "nobody" in path and frame.number == 9:
                    raise UnreadableError("broke off")
                yield frame
            return frames.info

        return Frames(items())

    monkeypatch.setattr(FrameDecoder, "read_frames", broken)
    late, nobody = ClipFaceFinder(*networks, 3, 2.0)(clips)
    assert (late.unreadable, late.looks, late.faces.frames.tolist()) == ("", 10, [4])
    assert (nobody.unreadable, nobody.looks, len(nobody.faces)) == ("broke off", 0, 0)


def test_too_many_bad_clips_are_an_error_that_leaves_the_output_whole(root, models, tmp_path):
    with pytest.raises(InputError, match=r"2 of 6 clips can't be read, more than --max-bad 5%"):
        run(root, models, tmp_path / "det", quality_threshold=2.0, max_bad=5.0)
    assert StageReader(str(tmp_path / "det"), ("detect",)).manifest["counts"]["clips"] == 6


def test_quantiles_match_numpy():
    values = np.random.default_rng(0).gamma(9, 1, 5000).astype(np.float32)
    histogram = QualityHistogram()
    for chunk in np.split(values, 10):
        histogram.add(chunk)
    for percent, value in histogram.quantiles().items():
        assert value == pytest.approx(np.percentile(values, percent), abs=0.06)
    assert QualityHistogram().quantiles() == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "nowhere"], ["nowhere", "--dataset"]),
        (["--split", "3,3"], ["--split", "I,N"]),
        (["--sampling", "0"], ["--sampling"]),
        (["--image-size", "100,100"], ["112,112"]),
        (["--gpu", "99"], ["--gpu -1"]),
        (["--stage", "everything"], ["trainval"]),
    ],
)
def test_bad_arguments_are_one_line_and_exit_2(arguments, words, tmp_path, root):
    command = [sys.executable, str(ROOT / "detect.py"), "--output", str(tmp_path / "det"), "--dataset", str(root)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("detect.py: error:")
    for word in words:
        assert word in done.stderr
    assert not (tmp_path / "det").exists()


def test_a_signal_ends_it_before_the_next_group_and_the_same_command_goes_on(models, face, tmp_path):
    root = tmp_path / "data"
    names = [f"clip{number:02d}.mp4" for number in range(10)]
    for name in names:
        put_clip(root / "IQIYI_VID_TEST" / name, [face] * 5)
    (root / "gt_v2").mkdir()
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(names))
    for table_name in ("train_v2.txt", "val_v2.txt"):
        (root / "gt_v2" / table_name).write_text("")
    output = tmp_path / "det"
    words = [
        ROOT / "detect.py", "--dataset", root, "--output", output, "--stage", "test", "--gpu", "-1",
        "--quality-threshold", "2", "--model", models["model"], "--detector", models["detector"],
    ]  # fmt: skip
    with held(words, 3) as first:
        first.wait_until_held()
        first.process.send_signal(signal.SIGTERM)
        first.let_go()
        code, errors = first.end()
    assert code == 128 + signal.SIGTERM
    assert "detect.py: stopped; what was done is saved, and the same command resumes from there" in errors
    assert not (output / "manifest.json").exists()
    assert json.loads((output / "progress.json").read_text())["clips"]["total"] == 6
    subprocess.run([sys.executable, *map(str, words)], check=True, capture_output=True)
    run(root, models, tmp_path / "whole", stage="test", quality_threshold=2.0)
    assert files(output) == files(tmp_path / "whole")
