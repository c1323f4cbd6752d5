"""A zoo of bad clips through all six stages: each one recorded with its reason, none fatal, none that hangs."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from drawn_people import framed, portrait
from patience import PATIENCE

from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.genfeat import GenfeatSettings, genfeat
from rcnn.stages.predict import PredictSettings, predict
from rcnn.stages.submit import SubmitSettings, submit
from rcnn.stages.train import TrainSettings, train_mlp
from rcnn.tables import StageReader
from rcnn.tables.whole import faults

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"val": "IQIYI_VID_DATA_Part1/IQIYI_VID_VAL", "test": "IQIYI_VID_TEST"}
TRAIN = "IQIYI_VID_DATA_Part1/IQIYI_VID_TRAIN"
WHITE_SPACE = "contains white space"
# file name, states that it may end in, and words of the reason where it is unreadable
ZOO = {
    "empty": ({"unreadable"}, "is empty"),
    "text": ({"unreadable"}, "is not a video, or its beginning is damaged"),
    "cut": ({"unreadable"}, "its index (moov atom) is missing"),
    "cut_late": ({"ok", "unreadable"}, "are damaged"),  # its index comes first, so its beginning can be seen
    "audio": ({"unreadable"}, "no video"),
    "absurd": ({"ok", "no face", "unreadable"}, ""),  # 65535x65535 says the header; the stream may know better
    "two_sizes": ({"ok", "no face", "unreadable"}, ""),
    "one_frame": ({"ok"}, ""),
    "thousand_hours": ({"ok"}, ""),
    "folder": ({"unreadable"}, "is not a file"),
    "pipe": ({"unreadable"}, "is not a file"),
    "loop": ({"unreadable"}, "is not a file"),
    "forbidden": ({"unreadable"}, "can't be read: Permission denied"),
    'it\'s "quoted" $(x)': ({"unreadable"}, WHITE_SPACE),
    "two words": ({"unreadable"}, WHITE_SPACE),
    'it\'s_"quoted"_$(x)': ({"ok"}, ""),
    "名前_ünï_🎬": ({"ok"}, ""),
}


def put_clip(path: Path, frames: list[np.ndarray], size: tuple[int, int] = (888, 480), form: str = "mp4", **options):
    """Write frames with PyAV; a name may be anything."""
    with av.open(str(path), "w", format=form, options=options) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in frames:
            image = av.VideoFrame.from_ndarray(cv2.resize(frame, size), format="bgr24")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))


def put_audio(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def put_bad(path: Path, kind: str, frames: list[np.ndarray]) -> None:
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("no video " * 200)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "audio":
        put_audio(path)
    elif kind == "two_sizes":
        parts = [path.with_suffix(f".{number}") for number in range(2)]
        for part, size in zip(parts, ((888, 480), (320, 240)), strict=True):
            put_clip(part, frames, size, "mpegts")
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        for part in parts:
            part.unlink()
    elif kind == "one_frame":
        put_clip(path, frames[:1])
    else:
        put_clip(path, frames, **({"movflags": "faststart"} if kind == "cut_late" else {}))
        data = path.read_bytes()
        if kind == "cut":
            path.write_bytes(data[: len(data) // 3])
        elif kind == "cut_late":
            path.write_bytes(data[: len(data) * 2 // 3])
        elif kind == "absurd":
            at = data.index(b"mp4v", data.index(b"stsd"))
            path.write_bytes(data[: at + 28] + struct.pack(">HH", 65535, 65535) + data[at + 32 :])
        elif kind == "thousand_hours":
            at = data.index(b"mvhd") + 16  # version and flags, two times, then units a second and the length in them
            path.write_bytes(data[:at] + struct.pack(">II", 1000, 3_600_000_000) + data[at + 8 :])
        elif kind == "forbidden":
            path.chmod(0)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> Path:
    """A data set: six good train clips of two people, and the zoo and a good clip in val and in test."""
    root = tmp_path_factory.mktemp("zoo")
    filmed = [[framed(portrait(number))] * 6 for number in range(2)]
    for folder in (TRAIN, *PLACES.values(), "gt_v2"):
        (root / folder).mkdir(parents=True)
    names = []
    for number in range(6):
        names.append(f"train_{number}.mp4")
        put_clip(root / TRAIN / names[-1], filmed[number % 2])
    for split, folder in PLACES.items():
        names.append(f"{split}_good.mp4")
        put_clip(root / folder / names[-1], filmed[0])
        for kind in ZOO:
            names.append(f"{split}_{kind}.mp4")
            put_bad(root / folder / names[-1], kind, filmed[1])
        put_clip(root / folder / "line\nbreak.mp4", filmed[1])  # stands in no list of lines, so it does not count
    (root / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in names))
    (root / "gt_v2/train_v2.txt").write_text("".join(f"train_{n}.mp4 {n % 2 + 1}\n" for n in range(6)))
    (root / "gt_v2/val_v2.txt").write_text("1 val_good.mp4\n2 val_one_frame.mp4 val_text.mp4\n")
    (root / "gt_v2/test_v2.txt").write_text("1 test_good.mp4\n2 test_one_frame.mp4 test_text.mp4\n")
    return root


def without_root() -> list[str]:
    """What a command is started by so that permissions hold for root, too."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root may read everything, and setpriv is not here")
    drop = "-dac_override,-dac_read_search"
    return ["setpriv", f"--inh-caps={drop}", f"--bounding-set={drop}"]


@pytest.fixture(scope="module")
def detected(zoo, models, tmp_path_factory) -> Path:
    """Where detect.py left its two directories."""
    output = tmp_path_factory.mktemp("output")
    for stage in ("trainval", "test"):
        command = [
            *without_root(), sys.executable, str(ROOT / "detect.py"), "--dataset", str(zoo), "--stage", stage,
            "--output", str(output / f"det_{stage}"), "--gpu", "-1", "--quality-threshold", "2",
            "--model", models["model"], "--detector", models["detector"],
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, cwd=output, timeout=PATIENCE)
        assert done.returncode == 2, done.stderr[-2000:]  # more than 5% of them are bad, which is said at the end
        assert "clips can't be read, more than --max-bad 5%; the output is complete" in done.stderr
        assert "Traceback" not in done.stderr
        assert "accounts: " in done.stdout
    return output


def clips(path: Path, stage: str) -> dict[str, dict]:
    return {row["name"]: row for batch in StageReader(str(path), (stage,)).clips() for row in batch.to_pylist()}


@pytest.mark.parametrize("split", PLACES)
def test_each_ends_in_one_state_with_its_reason(detected, split):
    found = clips(detected / f"det_{'test' if split == 'test' else 'trainval'}", "detect")
    of_split = {name for name in found if name.startswith(split)}
    assert of_split == {f"{split}_good.mp4", *(f"{split}_{kind}.mp4" for kind in ZOO)}
    assert found[f"{split}_good.mp4"]["state"] == "ok"
    for kind, (states, words) in ZOO.items():
        row = found[f"{split}_{kind}.mp4"]
        assert row["state"] in states, row
        if row["state"] == "unreadable":
            assert words in row["reason"], row
        assert bool(row["reason"]) == (row["state"] != "ok"), row
        assert "\n" not in row["reason"]


def test_the_stages_after_it_keep_the_accounts(detected, zoo, models, capsys):
    for stage in ("trainval", "test"):
        feature(
            FeatureSettings(models["model"], str(detected / f"det_{stage}"), str(detected / f"feat_{stage}"), gpu=-1)
        )
    genfeat(GenfeatSettings((str(detected / "feat_trainval"),), str(detected / "trainval")))
    prefix = str(detected / "mlp")
    train_mlp(TrainSettings(str(detected / "trainval"), prefix, num_classes=3, num_filter=16, lr_step=(2, 3), gpu=-1))
    predict(PredictSettings(f"{prefix},3", (str(detected / "feat_test"),), str(detected / "pred"), gpu=-1))
    truth = str(zoo / "gt_v2/test_v2.txt")
    submit(SubmitSettings((str(detected / "pred"),), str(detected / "submission.txt"), gt=truth))
    text = capsys.readouterr().out
    assert text.count("accounts: ") == 6
    for stage, before, after in (
        ("feature", "det_trainval", "feat_trainval"),
        ("genfeat", "det_trainval", "trainval"),
        ("feature", "det_test", "feat_test"),
        ("predict", "det_test", "pred"),
    ):
        states = {name: row["state"] for name, row in clips(detected / before, "detect").items()}
        assert {name: row["state"] for name, row in clips(detected / after, stage).items()} == states
        assert faults(str(detected / after)) == []
    good = {name for name, state in states.items() if state == "ok"}
    lines = [line.split() for line in (detected / "submission.txt").read_text(encoding="utf-8").splitlines()]
    assert {name for line in lines for name in line[1:]} == good
    assert "test_名前_ünï_🎬.mp4" in good
    assert f"of {len(good)} with scores {len(good)} are in the submission, 0 are not" in text
    assert "MAP@100" in text
