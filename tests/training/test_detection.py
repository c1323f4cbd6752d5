"""The trainer of a detector, on drawn faces."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rcnn.commands import train_detector
from rcnn.errors import InputError
from rcnn.faces.detection_quality import NOTHING, match_faces
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.graphs import essh
from rcnn.training import detection
from rcnn.training.detection import DetectionSettings, DetectionTrainer
from rcnn.training.labels import LabelledPhotograph
from rcnn.training.scenes import Scene, move_boxes, move_landmarks
from rcnn.training.sources import load_photographs
from rcnn.video.motion import write_video
from rcnn.video.photographs import read_image


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # small batches gain nothing from more


def handful(drawn: list[LabelledPhotograph]) -> list[Scene]:
    """Four scenes on grey, with a face 36, 48, 60 and 72 pixels high, the first two with another one of 36."""
    scenes = []
    for number, photo in enumerate(drawn):
        scene = Scene(np.full((128, 128, 3), 60 + 30 * number, np.uint8))
        for scale, x, y in [(0.5 + number / 6, 4, 8)] + [(0.5, 64, 60)] * (number < 2):
            image = cv2.resize(read_image(photo.path), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            scene.picture[y : y + len(image), x : x + len(image)] = image
            matrix = np.array([[scale, 0, x], [0, scale, y]])
            scene.boxes = np.concatenate([scene.boxes, move_boxes(photo.boxes, matrix)])
            scene.landmarks = np.concatenate([scene.landmarks, move_landmarks(photo.landmarks, matrix, False)])
        scenes.append(scene)
    return scenes


def test_it_learns_a_handful_of_scenes(
    tmp_path: Path, drawn: list[LabelledPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(essh, "MOMENTUM", 0.8)  # the statistics must settle within a few steps
    trainer = DetectionTrainer(DetectionSettings(prefix=str(tmp_path / "own"), side=128), (drawn, []))
    scenes = handful(drawn)
    trainer.student.train()
    totals = [sum(trainer.step(scenes, lr).values()) for lr in [*np.full(60, 3e-3), *np.full(20, 3e-4)]]
    assert totals[-1] < totals[0] / 20
    found = trainer.detector().detect([scene.picture for scene in scenes], 0.5)
    for faces, scene in zip(found, scenes, strict=True):
        match = match_faces(faces, scene.boxes, scene.ignored)
        assert set(match.face[match.face != NOTHING]) == set(range(len(scene.boxes)))
        assert not match.wrong.any()
        for row in np.flatnonzero(match.face != NOTHING):
            wanted = scene.landmarks[match.face[row]]
            error = np.linalg.norm(faces.landmarks[row] - wanted, axis=1).mean()
            assert error < 0.15 * np.linalg.norm(wanted[1] - wanted[0])


def test_a_run_that_was_stopped_ends_with_the_same_weights(
    tmp_path: Path, drawn: list[LabelledPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detection, "UNSEEN_SCENES", 2)
    monkeypatch.setattr(detection, "MINED_AFTER", 1)
    drawn[0] = replace(drawn[0], is_frame=True)
    settings = DetectionSettings(str(tmp_path / "whole"), rounds=2, scenes=4, batch=2, side=64)
    DetectionTrainer(settings, (drawn[:3], drawn[3:])).run()

    settings = replace(settings, prefix=str(tmp_path / "parts"))
    trainer = DetectionTrainer(settings, (drawn[:3], drawn[3:]))
    once = trainer._round

    def stopped(number: int) -> dict:
        if number:
            raise KeyboardInterrupt
        return once(number)

    monkeypatch.setattr(trainer, "_round", stopped)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    DetectionTrainer(settings, (drawn[:3], drawn[3:])).run()

    whole, parts = (load_checkpoint(f"{tmp_path / name},0").params for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all((whole[name] == parts[name]).all() for name in whole)
    curve = [json.loads(line) for line in (tmp_path / "parts-training.jsonl").read_text().splitlines()]
    assert [line["round"] for line in curve] == [1, 2] and "recall" in curve[1]

    with pytest.raises(InputError, match="contains a run with another lr; give the same, or remove it"):
        DetectionTrainer(replace(settings, lr=1.0), (drawn, [])).run()


def test_a_model_whose_writing_was_stopped_is_written_when_the_run_goes_on(
    tmp_path: Path, drawn: list[LabelledPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = DetectionSettings(str(tmp_path / "own"), rounds=1, scenes=2, batch=2, side=64)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rcnn.training.rounds.save_checkpoint", stop)
        DetectionTrainer(settings, (drawn, [])).run()
    DetectionTrainer(settings, (drawn, [])).run()
    assert load_checkpoint(f"{settings.prefix},0").params


def changes(trainer: DetectionTrainer) -> dict[str, float]:
    """How far each parameter and statistic moves in a round of one step."""
    before = trainer.student.network.arrays()
    trainer._round(0)
    return {name: float(np.abs(array - before[name]).max()) for name, array in trainer.student.network.arrays().items()}


def test_frozen_statistics_stay_and_the_last_layers_may_be_slow(
    tmp_path: Path, drawn: list[LabelledPhotograph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detection, "WARM_UP", 1)
    plain = DetectionSettings(str(tmp_path / "own"), scenes=2, batch=2, side=64)
    quick, slow, frozen = (
        changes(DetectionTrainer(settings, (drawn, [])))
        for settings in (plain, replace(plain, last_rate=0.1), replace(plain, freeze_norm=True))
    )
    taught = [name for name in quick if name.startswith("face_") and quick[name] > 1e-5]  # by more than decay
    assert taught and all(slow[name] == pytest.approx(quick[name] / 10, rel=0.05) for name in taught)
    assert slow["stem_conv_weight"] == quick["stem_conv_weight"] > 0
    moving = [name for name in quick if "_moving_" in name]
    assert any(quick[name] for name in moving) and not any(frozen[name] for name in moving)
    assert frozen["stem_conv_weight"] > 0


def test_what_is_written_is_the_running_mean_of_the_weights(tmp_path: Path, drawn: list[LabelledPhotograph]) -> None:
    settings = DetectionSettings(str(tmp_path / "own"), side=64, average=0.5)
    trainer = DetectionTrainer(settings, (drawn, []))
    trainer.student.train()
    name, seen = "stem_conv_weight", []
    for number in range(14):
        trainer.step([Scene(np.full((64, 64, 3), 40 * (number % 5), np.uint8))] * 2, 1e-2)
        seen.append(trainer.student.network.arrays()[name])
    wanted = seen[0]
    for count, weight in enumerate(seen[1:], start=1):
        kept = min(0.5, (1 + count) / (10 + count))
        wanted = kept * wanted + (1 - kept) * weight
    written = trainer.trained_graph().params[name]
    np.testing.assert_allclose(written, wanted, atol=1e-5)
    assert np.abs(written - seen[-1]).max() > 1e-4


def test_more_rounds_change_nothing_before_the_rate_falls(tmp_path: Path, drawn: list[LabelledPhotograph]) -> None:
    settings = DetectionSettings(str(tmp_path / "own"), rounds=100, scenes=64, batch=8, fall=0.25, side=64)
    short = DetectionTrainer(settings, (drawn, []))
    long = DetectionTrainer(replace(settings, rounds=200), (drawn, []))
    steps = short.steps_a_round * 75
    assert [short.learning_rate(n) for n in range(steps)] == [long.learning_rate(n) for n in range(steps)]
    rates = [short.learning_rate(n) for n in range(short.steps_a_round * 100)]
    assert rates[0] < rates[100] < rates[detection.WARM_UP] == rates[steps] == settings.lr
    assert rates[-1] < settings.lr / 100 and all(a > b for a, b in zip(rates[steps:], rates[steps + 1 :], strict=False))


def test_pictures_and_frames_of_videos_are_learned_from(
    tmp_path: Path, drawn: list[LabelledPhotograph], models: dict[str, str]
) -> None:
    folder, videos = tmp_path / "pictures", tmp_path / "videos"
    folder.mkdir()
    videos.mkdir()
    for photo in drawn:
        Path(photo.path).rename(folder / Path(photo.path).name)
    images = (read_image(str(folder / "0.png")) for _ in range(50))
    write_video(videos / "a.mp4", images, (120, 120), 23)
    (videos / "broken.mp4").write_bytes(b"nothing")
    settings = DetectionSettings(
        str(tmp_path / "own"), more=(str(folder),), videos=(str(videos),), labeller=models["detector"],
        second=models["detector"], gpu=-1,
    )  # fmt: skip
    for _ in range(2):  # the second time with what the first one kept
        seen, unseen = load_photographs(settings, -1)
        names = [Path(photo.path).name for photo in seen]
        assert names[:4] == ["0.png", "1.png", "2.png", "3.png"] and not unseen
        assert set(names[4:]) == {"videos-a-00001.jpg", "videos-a-00026.jpg"}
    assert sorted(path.name for path in tmp_path.glob("own-*")) == [
        "own-frames", "own-labels-frames-second.npz", "own-labels-frames.npz", "own-labels-more-second.npz",
        "own-labels-more.npz",
    ]  # fmt: skip


def test_hints_of_a_teacher_are_learned(
    tmp_path: Path, drawn: list[LabelledPhotograph], models: dict[str, str]
) -> None:
    hints = (("head_stride8", "head_stride8"),)
    settings = DetectionSettings(str(tmp_path / "own"), teacher=models["detector"], hints=hints, side=64)
    trainer = DetectionTrainer(settings, (drawn, []))
    trainer.student.train()
    scenes = [Scene(np.full((64, 64, 3), 100 + n, np.uint8)) for n in range(2)]
    assert trainer.step(scenes, 1e-3)["hints"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to learn from: give --faces DIR with --labeller, or --wider DIR with --labels"),
        (["--faces", "x"], "--faces and --labeller belong together"),
        (["--second", "x"], "--second confirms what --labeller finds: give --labeller"),
        (["--more", "x", "--labeller", "DETECTOR"], "--more: x contains no picture"),
        (["--videos", "x", "--labeller", "DETECTOR"], "--videos: x is not a folder"),
        (["--wider", "x"], "--wider and --labels belong together"),
        (["--wider", "x", "--labels", "no.txt"], "--labels no.txt: can't be read"),
        (["--side", "100"], "--side 100: is not a multiple of 32"),
        (["--hints", "a=b"], "--hints compares with a teacher's maps: give --teacher"),
        (["--hints", "a"], "'a' is not OURS=THEIRS"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["train_detector", "--prefix", str(tmp_path / "x"), "--gpu", "-1", *arguments])
    with pytest.raises(InputError) as error:
        train_detector.main()
    assert message in str(error.value) and "\n" not in str(error.value)


def test_photographs_without_faces_teach_nothing(tmp_path: Path) -> None:
    empty = [LabelledPhotograph.of("x.png", [], [], [])]
    with pytest.raises(InputError, match="no face is labelled in any photograph"):
        DetectionTrainer(DetectionSettings(str(tmp_path / "x")), (empty, []))
