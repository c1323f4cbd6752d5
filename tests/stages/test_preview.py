"""detect.py --preview: a sheet for every K-th clip of each state, which shows the frames that were looked at."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rcnn.clips.dataset import Clip
from rcnn.demo.demo_set import DemoOptions, write_demo
from rcnn.errors import InputError
from rcnn.faces.types import Faces
from rcnn.stages.preview import (
    BACK,
    DROPPED,
    FAINT,
    KEPT,
    OTHER,
    PreviewSettings,
    SeenFrame,
    Viewer,
    chosen_clips,
    describe,
    draw_frame,
    draw_sheet,
    preview,
    spread,
)
from rcnn.stages.sheets import RECORD, Sheets, sheet_name
from rcnn.tables import StageReader
from rcnn.video.frames import read_frames

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, str]:
    """Two test clips of drawn people, two of nobody and a broken one, through detect.py --preview."""
    work = tmp_path_factory.mktemp("preview")
    write_demo(DemoOptions(work / "data", str(ROOT / "model/people"), people=2, clips=2, strangers=0, nobody=4))
    (work / "data/IQIYI_VID_TEST/broken_é.mp4").write_bytes(b"no video")
    with open(work / "data/gt_v2/IQIYI_VID.txt", "a", encoding="utf-8") as file:
        file.write("broken_é.mp4\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "detect.py"), "--dataset", str(work / "data"), "--stage", "test", "--gpu", "-1",
         "--output", str(work / "det"), "--preview", str(work / "sheets"), "--preview-every", "1", "--max-bad", "50"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return work, done.stdout


def near(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels have about this colour."""
    return int((np.abs(image.astype(int) - colour).max(2) < 40).sum())


def test_every_clip_has_a_sheet_under_its_state(run):
    work, text = run
    rows = [row for batch in StageReader(str(work / "det"), ("detect",)).clips() for row in batch.to_pylist()]
    assert {row["state"] for row in rows} == {"ok", "no face", "unreadable"}
    for row in rows:
        sheet = cv2.imread(str(work / "sheets" / sheet_name(row["name"], row["state"])))
        assert sheet is not None, row
        frames = sheet[62:-34]  # without the lines, and without the key, which has all colours
        assert (near(frames, KEPT) > 100) == (row["state"] == "ok"), row
    assert f"preview: {len(rows)} sheets" in text


def test_the_manifest_counts_the_quality_of_every_face(run):
    counts = StageReader(str(run[0] / "det"), ("detect",)).manifest["counts"]
    assert sum(counts["quality_histogram"].values()) == counts["faces_seen"] >= counts["rows"] > 0
    assert counts["quality_step"] == 0.05


def test_sheets_of_a_run_that_is_complete(run, tmp_path, capsys):
    work, _ = run
    preview(PreviewSettings(str(work / "det"), str(tmp_path / "again"), every=1000, gpu=-1))
    assert len(list((tmp_path / "again").rglob("*.jpg"))) == 3  # the first of each state
    text = capsys.readouterr().out
    assert "3 sheets" in text
    clips = sum(batch.num_rows for batch in StageReader(str(work / "det"), ("detect",)).clips())
    assert f"; {clips - 3} clips are left out, " in text
    assert text.rstrip().endswith(f"{tmp_path}/again --every 1 draws all")


def test_few_clips_are_all_drawn_and_of_many_every_50th(run, tmp_path, capsys, monkeypatch):
    from rcnn.stages import preview as stage

    work, _ = run
    preview(PreviewSettings(str(work / "det"), str(tmp_path / "few"), gpu=-1))
    text = capsys.readouterr().out
    clips = sum(batch.num_rows for batch in StageReader(str(work / "det"), ("detect",)).clips())
    assert f"{clips} sheets" in text and "left out" not in text and clips > 3
    monkeypatch.setattr(stage, "DRAWN_WHOLE", clips - 1)
    preview(PreviewSettings(str(work / "det"), str(tmp_path / "many"), gpu=-1))
    assert "3 sheets" in capsys.readouterr().out


def test_every_kth_of_each_state_the_first_one_too(run):
    reader = StageReader(str(run[0] / "det"), ("detect",))
    every = chosen_clips(reader, 1)
    wanted = {
        row["name"]
        for state in ("ok", "no face", "unreadable")
        for row in [row for row in every if row["state"] == state][::2]
    }
    assert {row["name"] for row in chosen_clips(reader, 2)} == wanted
    assert len(wanted) < len(every)


class Blind:
    """A detector that sees nothing."""

    threshold = 0.5

    def detect(self, images, threshold, batch_size):
        return [Faces.none() for _ in images]


@pytest.mark.parametrize("sampling", [1, 3])
def test_it_shows_the_frames_that_were_looked_at(run, sampling):
    work, _ = run
    path = next(path for path in (work / "data/IQIYI_VID_TEST").iterdir() if "broken" not in path.name)
    total = int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))
    assert total > 9
    viewer = Viewer(Blind(), None, 3, None, (112, 112))
    frames, error = viewer.look(Clip(path.name, str(path), "test"), {"frames": total // sampling}, frozenset())
    numbers = [frame.number for frame in frames]
    assert error == ""
    assert numbers[0] == sampling and total - sampling < numbers[-1] <= total
    assert all(number % sampling == 0 for number in numbers)
    assert len(numbers) == min(9, total // sampling)
    right = {frame.number: frame.image for frame in read_frames(str(path))}
    assert all(np.array_equal(frame.image, right[frame.number]) for frame in frames)


def test_a_clip_that_can_not_be_read_says_so(run):
    path = run[0] / "data/IQIYI_VID_TEST/broken_é.mp4"
    frames, error = Viewer(Blind(), None, 3, None, (112, 112)).look(
        Clip(path.name, str(path), "test"), {"frames": 0}, frozenset()
    )
    assert frames == [] and error
    assert draw_sheet(("a", "b"), frames).shape[2] == 3


def seen(chosen: int | None, kept: bool, scores: tuple[float, ...], threshold: float = 0.5) -> SeenFrame:
    corners = [[60 + 200 * index, 100, 160 + 200 * index, 220] for index in range(len(scores))]
    boxes = np.array(corners, np.float32).reshape(-1, 4)
    landmarks = np.repeat(boxes[:, None, :2] + 50, 5, 1)
    faces = Faces(boxes, np.array(scores, np.float32), landmarks)
    qualities = np.full(len(scores), 9.5, np.float32)
    return SeenFrame(3, np.zeros((480, 888, 3), np.uint8), faces, qualities, chosen, kept, threshold)


@pytest.mark.parametrize(
    ("frame", "colours"),
    [
        (seen(0, True, (0.9,)), {KEPT}),
        (seen(0, False, (0.9,)), {DROPPED}),
        (seen(1, True, (0.9, 0.8)), {KEPT, OTHER}),
        (seen(None, False, (0.4,)), {FAINT}),
        (seen(None, False, (0.4,), threshold=0.3), {OTHER}),  # a detector has a threshold of its own
        (seen(None, False, (0.6,), threshold=0.7), {FAINT}),
        (seen(None, False, ()), set()),
    ],
)
def test_colours_say_what_became_of_a_face(frame, colours):
    tile = draw_frame(frame)
    assert tile.shape == (240, 444, 3)
    # the sides of a box: far more pixels than its numbers have, whose edges are blended
    assert {colour for colour in (KEPT, DROPPED, OTHER) if near(tile, colour) > 150} == colours - {FAINT}
    if FAINT in colours:
        assert near(tile[45:115, 25:85], FAINT) > 100


def test_lines_name_label_state_and_reason():
    row = {"name": "a\x1b.mp4", "split": "train", "state": "no face", "reason": "no face detected"}
    first, second = describe({**row, "frames": 12, "faces": 0}, 7, {7: "Ada"}, 10.0)
    assert "\x1b" not in first and "label 7 (Ada)" in first and "train" in first
    assert "no face (no face detected)" in second and "12 frames" in second


def test_a_sheet_leads_back_to_the_file(run, tmp_path, monkeypatch):
    row = {"name": "a.mp4", "split": "test", "state": "ok", "reason": "", "frames": 12, "faces": 3}
    path = f"/films/{'a long way/' * 60}Käthe\x1b.mp4"
    lines = describe(row, -1, {}, 10.0, source=path)
    assert len(lines) == 3 and "Käthe\ufffd.mp4" in lines[1]
    sheet = draw_sheet(lines, [])
    assert sheet.shape[0] > draw_sheet(describe(row, -1, {}, 10.0), []).shape[0]
    line = (sheet[31:54] != BACK).any((0, 2))
    assert line[6:1000].any() and not line[-6:].any()  # it ends before the edge
    found = {
        row["name"]: f"/films/{row['state']}"
        for row in chosen_clips(StageReader(str(run[0] / "det"), ("detect",)), 1000)
    }
    (tmp_path / "sources.txt").write_text("".join(f"{name}\t{path}\n" for name, path in found.items()))
    seen = []
    monkeypatch.setattr(Viewer, "look", lambda *_: ([], ""))
    monkeypatch.setattr("rcnn.stages.preview.draw_sheet", lambda lines, _: seen.append(lines) or sheet)
    table = str(tmp_path / "sources.txt")
    preview(PreviewSettings(str(run[0] / "det"), str(tmp_path / "sheets"), every=1000, gpu=-1, sources=table))
    assert {lines[0].split()[0]: lines[1].removeprefix("made of ") for lines in seen} == found


@pytest.mark.parametrize("count", [0, 1, 8, 9, 10, 1000])
def test_frames_are_spread_over_the_clip(count):
    places = spread(count)
    assert 0 in places and len(places) == 9
    assert count < 9 or max(places) == count - 1


def test_a_sheet_stays_in_its_folder():
    assert sheet_name("../../x.mp4", "no face") == "no-face/x.mp4.jpg"
    assert "\n" not in sheet_name("a\nb", "ok")
    assert len(os.path.basename(sheet_name("é" * 127, "ok")).encode()) <= 255


def test_a_directory_of_another_stage_is_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"detect\.py"):
        preview(PreviewSettings(str(tmp_path), str(tmp_path / "out")))


def lying(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_sheets_of_clips_that_left_go_and_what_others_wrote_stays(tmp_path, capsys):
    folder = tmp_path / "sheets"
    with Sheets(str(folder)) as sheets:
        for name in ("ok/a.jpg", "ok/b.jpg", "ok/c.jpg", "no-face/d.jpg"):
            sheets.add(name, name.encode())
    done = subprocess.run(["sha256sum", "-c", RECORD], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("OK") == 4
    (folder / "ok/c.jpg").write_bytes(b"painted over")
    (folder / "ok/mine.jpg").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    with Sheets(str(folder)) as sheets:
        sheets.add("ok/a.jpg", b"new")
    assert lying(folder) == {"ok/a.jpg", "ok/c.jpg", "ok/mine.jpg", "notes.txt", RECORD}
    assert (folder / "ok/a.jpg").read_bytes() == b"new"
    assert (folder / "ok/c.jpg").read_bytes() == b"painted over"
    assert "2 files that no recorded preview wrote are kept, for example 'ok/c.jpg'" in capsys.readouterr().out


def test_a_preview_that_fails_leaves_no_sheet_of_an_earlier_one_and_its_own_go_next_time(tmp_path):
    with Sheets(str(tmp_path)) as sheets:
        sheets.add("ok/a.jpg", b"a")
    with pytest.raises(RuntimeError), Sheets(str(tmp_path)) as sheets:
        sheets.add("ok/b.jpg", b"b")
        raise RuntimeError
    assert lying(tmp_path) == {"ok/b.jpg", RECORD}
    with Sheets(str(tmp_path)):
        pass
    assert lying(tmp_path) == {RECORD}


def test_a_sheet_takes_no_file_of_others(tmp_path):
    (tmp_path / "ok").mkdir()
    (tmp_path / "ok/a.jpg").write_bytes(b"mine")
    with (
        pytest.raises(InputError, match=r"ok/a\.jpg: was not written by a recorded preview"),
        Sheets(str(tmp_path)) as sheets,
    ):
        sheets.add("ok/a.jpg", b"b")
    assert (tmp_path / "ok/a.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["../out.jpg", "ok/../../out.jpg", "/etc/out.jpg", "other/out.jpg", "ok/x.txt"])
def test_a_record_of_a_stranger_removes_nothing_outside(tmp_path, name):
    folder = tmp_path / "sheets"
    (folder / "ok").mkdir(parents=True)
    (folder / "other").mkdir()
    digest = hashlib.sha256(b"x").hexdigest()
    places = [tmp_path / "out.jpg", folder / "other/out.jpg", folder / "ok/x.txt"]
    for place in places:
        place.write_bytes(b"x")
    (folder / RECORD).write_text(f"{digest}  {name}\n{digest[:9]}")
    with Sheets(str(folder)):
        pass
    assert all(place.read_bytes() == b"x" for place in places)


def test_one_preview_at_a_time(tmp_path):
    with Sheets(str(tmp_path)), pytest.raises(InputError, match="writes there"):
        Sheets(str(tmp_path))


def test_a_folder_of_sheets_that_is_moved_away_in_mid_run_is_named(tmp_path):
    folder = tmp_path / "sheets"
    with pytest.raises(InputError, match="was removed or moved"), Sheets(str(folder)) as sheets:
        sheets.add("ok/a.jpg", b"a")
        folder.rename(tmp_path / "elsewhere")
        folder.mkdir()
        sheets.add("ok/b.jpg", b"b")
    assert lying(folder) == set()
