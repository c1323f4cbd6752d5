"""Lines of find that point to a mistake, or to the next step."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from appearance_tables import Seen, write_table

from rcnn.clips.gather import SourceFile
from rcnn.stages.find_set import FilmSet
from rcnn.stages.find_summary import summary


@pytest.mark.parametrize("verdict", ["no", "yes"])
def test_if_nobody_was_found_the_next_step_is_named(tmp_path, verdict):
    table = write_table(tmp_path / "appearances", [Seen("a.mp4", 0, 1, 1, "Ada", verdict=verdict)])
    lines = list(summary(table, {"Ada": 1, "Bo": 2}, str(tmp_path)))
    hints = [line for line in lines if "nobody was found" in line]
    assert len(hints) == (verdict == "no")
    for hint in hints:
        assert f"preview --input {tmp_path}/det_test --output {tmp_path}/preview shows" in hint and hint == lines[-1]


def files(folder: Path, *names: str) -> list[SourceFile]:
    """Photographs, and files that are no photographs."""
    folder.mkdir(exist_ok=True)
    for name in names:
        if name.endswith(".jpg"):
            cv2.imwrite(str(folder / name), np.zeros((8, 8, 3), np.uint8))
        else:
            (folder / name).write_bytes(b"\0\0\0\x18ftypmp42" + bytes(20))
    return [SourceFile(str(folder / name)) for name in names]


@pytest.mark.parametrize(
    ("people", "clips", "noted"),
    [
        (("a.mp4", "b.mp4"), ("c.jpg", "d.jpg"), True),
        (("a.mp4", "b.jpg"), ("c.jpg",), False),
        (("a.mp4",), ("c.jpg", "d.mp4"), False),
        (("a.jpg",), ("c.mp4",), False),
    ],
)
def test_arguments_that_seem_exchanged_are_noted(tmp_path, people, clips, noted):
    known = files(tmp_path / "people", *people)
    found = FilmSet(
        people={Path(file.path).stem: [file] for file in known},
        labels={},
        films=files(tmp_path / "films", *clips),
        new=0,
        changed=0,
        gone=0,
        skipped=[],
        folder=tmp_path / "people",
    )
    note = "find: --people holds only videos and --clips only photographs; were they exchanged?"
    assert (note in found.lines) == noted
