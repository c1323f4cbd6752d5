"""The trainer of the drawn people on a handful of faces: the loss falls, a stopped run goes on as if it never was."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from drawn_people import write_album

from rcnn.demo.canvas import SIZE
from rcnn.demo.person import VEIL, load_people
from rcnn.demo.portraits import Portraits, read_portraits
from rcnn.demo.refiner import refined
from rcnn.demo.space_fit import coefficients, face_vectors, fit_face_space, mirrored_vectors
from rcnn.demo.trainer import PeopleSettings, PeopleTrainer
from rcnn.errors import InputError
from rcnn.networks.checkpoint import read_arrays
from rcnn.training.people import list_photographs


@pytest.fixture(scope="module")
def portraits() -> Portraits:
    """Smooth blobs of a head's size, which are quicker made than faces are read."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-0.5, 0.5, (12, 4, 8, 8)).astype(np.float32)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    head = (((x - 64) / 40) ** 2 + ((y - 64) / 52) ** 2 < 1).astype(np.float32)
    planes = np.stack(
        [np.stack([cv2.resize(p, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for p in f]) for f in coarse]
    )
    planes[:, 3] = 1
    return Portraits((planes * head * 100).astype(np.int8), rng.normal(0, 1, (12, 5, 2)).astype(np.float32))


def settings(prefix: Path, **more: object) -> PeopleSettings:
    return PeopleSettings(
        **{"faces": "-", "prefix": str(prefix), "detector": "-", "steps": 2, "batch": 2, "threads": 1} | more
    )


def test_face_space_gives_back_its_faces(portraits: Portraits) -> None:
    space = fit_face_space(portraits)
    vectors = face_vectors(portraits)
    faces = coefficients(space, vectors)
    left = np.square(space.vectors(faces) - vectors).sum() / np.square(vectors - space.mean).sum()
    assert left < 0.02
    # mirrored faces have the same symmetric coefficients and the other sign in the rest
    flipped = coefficients(space, mirrored_vectors(vectors))
    half = space.symmetric[0]
    assert flipped[:, :half] == pytest.approx(faces[:, :half], abs=0.15)
    assert flipped[:, half:] == pytest.approx(-faces[:, half:], abs=0.15)


def test_loss_falls_and_the_model_can_be_used(portraits: Portraits, tmp_path: Path) -> None:
    PeopleTrainer(settings(tmp_path / "p", rounds=2, steps=3, lr=2e-3), portraits).run()
    curve = [json.loads(line) for line in (tmp_path / "p-training.jsonl").read_text().splitlines()]
    assert [line["round"] for line in curve] == [1, 2]
    assert curve[-1]["pixels"] < 0.95 * curve[0]["pixels"]
    person = load_people(str(tmp_path / "p")).person(0)
    assert person.bust.any()
    assert sum(os.path.getsize(tmp_path / name) for name in ("p-space.params", "p-0000.params")) < 3_000_000


def test_stopped_run_goes_on_as_if_it_never_was(portraits: Portraits, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    PeopleTrainer(settings(whole, rounds=1), portraits).run()
    for file in tmp_path.glob("whole-*"):
        shutil.copy(file, str(file).replace("whole", "parts"))
    PeopleTrainer(settings(whole, rounds=2), portraits).run()
    PeopleTrainer(settings(parts, rounds=2), portraits).run()
    one, other = (read_arrays(f"{prefix}-0000.params") for prefix in (whole, parts))
    assert all((one[name] == other[name]).all() for name in one)


def test_snapshot_of_other_settings_is_an_error(portraits: Portraits, tmp_path: Path) -> None:
    PeopleTrainer(settings(tmp_path / "p", rounds=1, steps=1), portraits).run()
    with pytest.raises(InputError, match="contains a run with another lr; give the same, or remove it"):
        PeopleTrainer(settings(tmp_path / "p", rounds=2, steps=1, lr=1.0), portraits).run()


def test_engine_refines_as_the_trainer_does(portraits: Portraits, tmp_path: Path) -> None:
    trainer = PeopleTrainer(settings(tmp_path / "p", rounds=1, steps=1), portraits)
    trainer.run()
    faces = trainer.coefficients[:2]
    with torch.no_grad():
        blurred = torch.from_numpy(trainer.space.planes(faces))
        mirrored = refined(trainer.training.average, blurred.flip(3)).flip(3)
        expected = ((refined(trainer.training.average, blurred) + mirrored) / 2).numpy()
    large = torch.nn.functional.interpolate(blurred[:, 3:], scale_factor=2, mode="bilinear")
    sure = (large > VEIL[1]).numpy()  # elsewhere it may be made transparent
    made = load_people(str(tmp_path / "p")).faces(faces)
    assert sure.mean() > 0.1
    assert made * sure == pytest.approx(expected * sure, abs=5e-3)


def test_portraits_of_photographs_are_aligned_and_cut(tmp_path: Path, models: dict[str, str]) -> None:
    from rcnn.faces.load import load_detector

    people = list_photographs(str(write_album(tmp_path, [1] * 12)))
    found = read_portraits(people, load_detector(models["detector"]))
    assert 3 <= len(found) <= 12
    assert np.abs(found.shifts).max() < 12
    alpha = found.planes[:, 3].astype(np.float32) / 127
    assert alpha[:, 70, 64].min() > 0.95  # the nose is the person, a corner is not
    assert alpha[:, 4, 4].max() < 0.1


def test_what_holds_no_portrait_is_an_error(tmp_path: Path, models: dict[str, str]) -> None:
    from rcnn.faces.load import load_detector

    detector = load_detector(models["detector"])
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((250, 250, 3), 90, np.uint8))
    with pytest.raises(InputError, match="no photograph shows a large face"):
        read_portraits({"x": [path]}, detector)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"grey\.png: is not a picture"):
        read_portraits({"x": [path]}, detector)


def test_folder_without_photographs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contains no photographs"):
        PeopleTrainer(settings(tmp_path / "p", faces=str(tmp_path)))
