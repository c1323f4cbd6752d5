"""A data set of three clips, its faces by track, and a table of who appears when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow as pa

from rcnn.tables import TRACKED_FACES_SCHEMA, StageWriter
from rcnn.tables.schema import APPEARANCES_SCHEMA
from rcnn.video.motion import write_video

SIDE = 112  # pixels of a crop
SIZE = (64, 48)  # of a video
FPS, SECONDS = 25, 4
GREEN, RED = (0, 200, 0), (0, 0, 200)  # BGR: of the person who won, and of who stands beside them
TWO, OLD, GONE = "two.mp4", "old.mp4", "zz_gone.mp4"  # played by a browser, not played, not there
SOURCES = {
    TWO: "Summer 2024/with the family & <b>friends</b>/IMG_0042_which_has_a_very_long_name_indeed.MOV",
    OLD: "tapes/1998.avi",
    GONE: "lost/Zoë's.mp4",
}
RECORD = {
    "false_hits": 1.0,
    "words": "Yes means at most 1 false hit per 1,000 clips, from impostors of this run (120).",
    "bins": [
        {"predicted": 0.05, "observed": 0.0, "count": 90},
        {"predicted": 0.5, "observed": 0.4, "count": 10},
        {"predicted": 0.98, "observed": 1.0, "count": 20},
    ],
}


def crop(colour: tuple[int, int, int]) -> bytes:
    return cv2.imencode(".jpg", np.full((SIDE, SIDE, 3), colour, np.uint8))[1].tobytes()


def appearance(clip: str, who: int, start: float, end: float, **changes: Any) -> dict[str, Any]:
    """A row of the table."""
    return {
        "name": clip, "split": "test", "who": who, "person": "", "source": SOURCES.get(clip, clip),
        "start": start, "end": end, "seen": end - start, "time": start, "box": [0.0] * 4, "track": 0, "cosine": 0.6,
        "probability": 0.99, "verdict": "yes", **changes,
    }  # fmt: skip


ROWS = [
    appearance(OLD, 1, 0.0, 1.0),
    appearance(TWO, 2, 0.2, 3.0, time=0.4, probability=0.6, cosine=0.4, verdict="maybe"),
    appearance(TWO, 1, 1.0, 2.0, track=1, time=1.2, cosine=0.8),
    appearance(TWO, 1, 3.0, 3.6, track=1, time=3.2, cosine=0.7, probability=0.97),
    appearance(GONE, 3, 0.0, 2.0, probability=0.01, cosine=0.1, verdict="no"),
]


def write_appearances(
    path: Path, rows: Sequence[dict[str, Any]], sources: Sequence[Path] = (), record: Any = RECORD, **clip: Any
) -> None:
    """An appearances directory; `clip` is what the table of clips says of all of them."""
    with StageWriter(
        str(path), "appearances", APPEARANCES_SCHEMA, arguments={"recipe": "best"}, sources=list(map(str, sources))
    ) as writer:
        writer._header["operating_point"] = record
        for name in sorted({row["name"] for row in rows}):
            who = {"name": name, "split": "test", "state": "ok", "reason": "", "frames": 9, "faces": 2}
            codec = "mpeg4" if name == OLD else "h264"
            writer.add_clips([{**who, "seconds": float(SECONDS), "codec": codec, **clip}])
        writer.add_rows(pa.RecordBatch.from_pylist(sorted(rows, key=lambda row: row["name"]), APPEARANCES_SCHEMA))


def write_dated_run(root: Path) -> Path:
    """The data set, its detections, and the table of appearances, whose directory is given."""
    folder = root / "data/IQIYI_VID_TEST"
    folder.mkdir(parents=True)
    frames = [np.full((SIZE[1], SIZE[0], 3), 2 * number, np.uint8) for number in range(FPS * SECONDS)]
    write_video(folder / TWO, frames, SIZE, 30)
    with av.open(str(folder / OLD), "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    fixed = {"split": "test", "frame": 1, "score": 0.9, "box": [1.0] * 4, "landmarks": [1.0] * 10}
    faces = [
        {**fixed, "name": OLD, "time": 0.0, "quality": 11.0, "crop": crop(GREEN), "track": 0},
        # who stands beside the person has the better pictures, and is seen at the same time
        {**fixed, "name": TWO, "time": 0.4, "quality": 15.0, "crop": crop(RED), "track": 0},
        {**fixed, "name": TWO, "time": 1.2, "quality": 19.0, "crop": crop(RED), "track": 0},
        {**fixed, "name": TWO, "time": 1.2, "quality": 12.0, "crop": crop(GREEN), "track": 1},
        {**fixed, "name": GONE, "time": 0.0, "quality": 12.0, "crop": crop(RED), "track": 0},
    ]
    arguments = {"dataset": str(root / "data"), "quality_threshold": 10.0, "faces": "all", "recipe": "best"}
    with StageWriter(str(root / "det"), "detect", TRACKED_FACES_SCHEMA, arguments=arguments) as writer:
        for name in (OLD, TWO, GONE):
            mine = [face for face in faces if face["name"] == name]
            who = {"name": name, "split": "test", "state": "ok", "reason": "", "frames": 9}
            writer.add_clips([{**who, "faces": len(mine)}])
            writer.add_rows(pa.RecordBatch.from_pylist(mine, TRACKED_FACES_SCHEMA))
        writer.close(faces_seen=len(faces))
    write_appearances(root / "appearances", ROWS, [root / "det"])
    return root / "appearances"
