"""A small data set of real clips and the arguments of a run on it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def settings(shared, tmp_path_factory):
    """What `DetectSettings` takes but for the output: 20 clips of 6 frames, one of which is broken."""
    root = tmp_path_factory.mktemp("clips")
    folder = root / "IQIYI_VID_TEST"
    folder.mkdir()
    for number, photo in enumerate(sorted((shared / "faces").glob("*/*.jpg"))[:20]):
        frame = np.full((480, 888, 3), 90, np.uint8)
        frame[100:350, 40 * (number % 10) : 250 + 40 * (number % 10)] = cv2.resize(cv2.imread(str(photo)), (250, 250))
        writer = cv2.VideoWriter(str(folder / f"{number:02d}.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (888, 480))
        for _ in range(6):
            writer.write(frame)
        writer.release()
    (folder / "07.mp4").write_bytes(b"no video")
    (root / "gt_v2").mkdir()
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(path.name for path in folder.iterdir()))
    return {
        "model": f"{shared / 'checkpoints/mobilefacenet-y1/model'},0",
        "detector": f"{shared / 'checkpoints/retinaface-mnet25/mnet.25'},0",
        "dataset": str(root),
        "stage": "test",
        "gpu": -1,
        "max_bad": 100.0,
        "quality_threshold": 1.0,
    }
