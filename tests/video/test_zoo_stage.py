"""detect.py over files as people have them: what the tables say of each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from zoo import KINDS, Zoo

from rcnn.stages.detect import detect
from rcnn.stages.settings import DetectSettings
from rcnn.tables import StageReader

MODEL = Path(__file__).resolve().parents[2] / "model"
NAMES = ("plain", "truncated", "interlaced", "portrait", "av1", "240p")
BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(scope="module")
def reader(zoo: Zoo, tmp_path_factory) -> StageReader:
    root = tmp_path_factory.mktemp("files")
    (root / "gt_v2").mkdir()
    (root / "IQIYI_VID_TEST").mkdir()
    for name in NAMES:
        path = zoo.path(BY_NAME[name])
        shutil.copyfile(path, root / "IQIYI_VID_TEST" / f"{name}{path.suffix}")
    names = sorted(path.name for path in (root / "IQIYI_VID_TEST").iterdir())
    (root / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in names))
    models = {"detector": f"{MODEL / 'essh-m25'},0", "model": f"{MODEL / 'face-m'},0"}
    output = str(root / "det")
    detect(
        DetectSettings(**models, dataset=str(root), output=output, stage="test", rate=8, quality_threshold=0, gpu=-1)
    )
    return StageReader(output, ("detect",))


def test_a_clip_says_what_its_video_is_and_what_is_missing(reader: StageReader):
    rows = {row["name"].partition(".")[0]: row for batch in reader.clips() for row in batch.to_pylist()}
    assert {row["state"] for row in rows.values()} == {"ok"}
    assert {name: row["codec"] for name, row in rows.items()} == {
        name: {"av1": "av1", "truncated": "mjpeg"}.get(name, "h264") for name in NAMES
    }
    assert (rows["plain"]["width"], rows["plain"]["height"], rows["plain"]["fps"]) == (640, 360, 30.0)
    assert (rows["portrait"]["width"], rows["portrait"]["height"]) == (404, 720)
    assert rows["plain"]["seconds"] == pytest.approx(2.0, abs=0.05)
    assert (rows["plain"]["promised"], rows["plain"]["read"], rows["plain"]["reason"]) == (60, 60, "")
    assert rows["truncated"]["read"] < rows["truncated"]["promised"] == 60
    assert rows["truncated"]["reason"] in ("58% of its frames could be read", "60% of its frames could be read")
    assert rows["240p"]["frames"] == 8  # looks go by time: a second at 240 frames a second


def test_faces_have_times_and_lie_in_the_upright_frame(reader: StageReader):
    rows = [row for batch in reader.batches() for row in batch.to_pylist()]
    times = [row["time"] for row in rows if row["name"] == "plain.mp4"]
    assert times == pytest.approx([k / 8 for k in range(16)], abs=1 / 30)
    for row in rows:
        if row["name"].startswith("portrait"):
            assert 0 <= row["box"][0] < row["box"][2] <= 404 and 0 <= row["box"][1] < row["box"][3] <= 720
