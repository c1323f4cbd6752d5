"""A small data set of clips and the arguments of a run on it."""

from __future__ import annotations

import pytest
from drawn_people import framed, portrait, put_clip
from reference_models import SHIPPED


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """What `DetectSettings` takes but for the output: 20 clips of 6 frames, one of which is broken."""
    root = tmp_path_factory.mktemp("clips")
    folder = root / "IQIYI_VID_TEST"
    for number in range(20):
        put_clip(folder / f"{number:02d}.mp4", [framed(portrait(number), 40 * (number % 10))] * 6)
    (folder / "07.mp4").write_bytes(b"no video")
    (root / "gt_v2").mkdir()
    (root / "gt_v2/IQIYI_VID.txt").write_text("\n".join(path.name for path in folder.iterdir()))
    return {
        **SHIPPED,
        "dataset": str(root),
        "stage": "test",
        "gpu": -1,
        "max_bad": 100.0,
        "quality_threshold": 1.0,
    }
