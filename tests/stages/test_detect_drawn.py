"""What detect.py writes about drawn people, with the models that ship, against the frames that were drawn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from reference_models import SHIPPED

import rcnn.stages.detect
import rcnn.tables.writer
from rcnn.demo.film import draw_take, film_frames, shown_landmarks
from rcnn.demo.person import load_people
from rcnn.errors import InputError, Stopped
from rcnn.faces.alignment import align_faces
from rcnn.files import sha256
from rcnn.networks.zoo.roles import model_files
from rcnn.stages.detect import DetectSettings, detect
from rcnn.tables import MANIFEST, StageReader, StageWriter
from rcnn.video.motion import write_video

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 888, 480  # pixels of a frame, as the detector sees it
SIDE = 200  # pixels of a portrait
MIDDLE = (510, 240)  # where the portrait is that a frame 888 wide and 480 high has in its middle,
ASIDE = (230, 365)  # and the one that would be in the middle of a frame 480 wide and 888 high
CLIPS = {"a_two.mp4": 2, "b_alone.mp4": 1, "c_nobody.mp4": 0, "d_alone.mp4": 1, "e_two.mp4": 2}  # people in each


def portrait(number: int) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8, BGR: a person who does not exist, the face in the middle."""
    person, take = load_people(str(ROOT / "model/people")).person(0, number), draw_take(0, number)
    frame = next(film_frames(person, take))
    points = shown_landmarks(person, take, 0)
    reach = 2.2 * float(np.ptp(points, axis=0).max())
    corner = points.mean(0) - reach
    matrix = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]]]) * SIDE / (2 * reach)
    return cv2.warpAffine(frame, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def drawn() -> dict[int, np.ndarray]:
    """The frame that shows so many people, each frame of a clip the same."""
    result = {}
    for people in range(3):
        frame = np.full((HEIGHT, WIDTH, 3), (150, 110, 70), np.uint8)  # blue is not red
        for number, (x, y) in enumerate((MIDDLE, ASIDE)[:people]):
            frame[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2] = portrait(number)
        result[people] = frame
    return result


@pytest.fixture(scope="module")
def data(drawn, tmp_path_factory) -> Path:
    """A data set of the clips, three frames each."""
    root = tmp_path_factory.mktemp("data")
    (root / "IQIYI_VID_TEST").mkdir()
    (root / "gt_v2").mkdir()
    for name, people in CLIPS.items():
        write_video(root / "IQIYI_VID_TEST" / name, [drawn[people]] * 3, (WIDTH, HEIGHT), 16)
    (root / "gt_v2/IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in CLIPS))
    return root


def run(data: Path, output: Path, **changes) -> list[dict]:
    """Run the stage as far as it goes; the rows of its faces."""
    settings = {
        "model": f"{ROOT / 'model/face-m'},0", "detector": f"{ROOT / 'model/essh-m25'},0", "dataset": str(data),
        "output": str(output), "stage": "test", "gpu": -1, "quality_threshold": 1.0, **changes,
    }  # fmt: skip
    detect(DetectSettings(**settings))
    return [row for batch in StageReader(str(output), ("detect",)).batches() for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> tuple[Path, list[dict]]:
    """What an undisturbed run writes, and its rows."""
    output = tmp_path_factory.mktemp("whole") / "det"
    return output, run(data, output)


def centre(row: dict) -> tuple[float, float]:
    x1, y1, x2, y2 = row["box"]
    return (x1 + x2) / 2, (y1 + y2) / 2


def test_a_card_that_changes_between_two_runs_is_another_model(whole, data, tmp_path, capsys):
    """A card of a checkpoint changes its normalisation and thresholds."""
    for path in model_files(SHIPPED["model"]):
        shutil.copy(path, tmp_path)
    output, model = whole[0], f"{tmp_path / 'face-m'},0"
    run(data, output, model=model)
    assert "is kept" in capsys.readouterr().out
    card = tmp_path / "face-m.toml"
    card.write_text("std = 64.0\n")
    with pytest.raises(InputError, match=r"was made with another face-m\.toml \(None, now "):
        run(data, output, model=model)
    carded = tmp_path / "det"
    shutil.copytree(output, carded)
    manifest = json.loads((carded / MANIFEST).read_text())
    manifest["models"]["face-m.toml"] = sha256(str(card))
    (carded / MANIFEST).write_text(json.dumps(manifest))
    run(data, carded, model=model)
    assert "is kept" in capsys.readouterr().out
    card.write_text("std = 32.0\n")
    with pytest.raises(InputError, match=r"was made with another face-m\.toml"):
        run(data, carded, model=model)


def test_the_face_of_a_row_is_the_one_in_the_middle_of_a_wide_frame(whole):
    rows = whole[1]
    assert [row["name"] for row in rows] == [name for name, people in CLIPS.items() if people]
    for row in rows:
        assert centre(row) == pytest.approx(MIDDLE, abs=SIDE / 4)
        assert row["frame"] == 3


def test_both_faces_are_there_to_be_chosen_from(data, tmp_path):
    """Else the test before could not fail."""
    rows = run(data, tmp_path / "det", faces="all")
    for name, people in CLIPS.items():
        found = sorted(centre(row) for row in rows if row["name"] == name)
        assert found == [pytest.approx(place, abs=SIDE / 4) for place in sorted((MIDDLE, ASIDE)[:people])]


def test_crops_are_stored_as_the_frames_were_drawn_colours_and_all(whole, drawn):
    for row in whole[1]:
        crop = cv2.imdecode(np.frombuffer(row["crop"], np.uint8), cv2.IMREAD_COLOR).astype(float)
        points = np.reshape(row["landmarks"], (1, 5, 2)).astype(np.float32)
        (wanted,) = align_faces(drawn[CLIPS[row["name"]]], points).astype(float)
        assert np.abs(crop - wanted).mean() < 6 < 12 < np.abs(crop[..., ::-1] - wanted).mean()  # grey levels


def tables(output: Path) -> dict[str, bytes]:
    return {str(part.relative_to(output)): part.read_bytes() for part in output.rglob("*.parquet")}


@pytest.mark.parametrize("stop", range(1, len(CLIPS)))
def test_a_run_that_was_stopped_after_any_clip_goes_on_with_the_next(stop, whole, data, tmp_path, monkeypatch):
    monkeypatch.setattr(rcnn.stages.detect, "GROUP_CLIPS", 1)
    monkeypatch.setattr(rcnn.tables.writer, "SAVE_SECONDS", 0.0)
    real, calls = StageWriter.save, iter(range(1, 100))

    def save(self, **state):
        real(self, **state)
        if next(calls) == stop:
            raise Stopped(15)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(StageWriter, "save", save)
        run(data, tmp_path / "det")
    assert not (tmp_path / "det/manifest.json").exists()
    rows = run(data, tmp_path / "det")
    assert [row["name"] for row in rows] == [name for name, people in CLIPS.items() if people]
    assert tables(tmp_path / "det") == tables(whole[0])
