"""People and their clips: the same from the same numbers, different from others, shown where they should be."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.demo.canvas import SIZE, to_image, to_planes
from rcnn.demo.face_space import LENGTH, load_face_space, pack, save_face_space, unpack
from rcnn.demo.film import SIZE as FRAME
from rcnn.demo.film import draw_take, film_frames, shown_landmarks
from rcnn.demo.person import PeopleModel, load_people, shaped
from rcnn.demo.scene import draw_scene
from rcnn.errors import InputError
from rcnn.networks.checkpoint.arrays import write_arrays

MODEL = str(Path(__file__).resolve().parents[2] / "model" / "people")


@pytest.fixture(scope="module")
def model() -> PeopleModel:
    return load_people(MODEL)


def test_person_hangs_on_its_numbers_alone(model: PeopleModel) -> None:
    first, again, other = model.person(0, 1), load_people(MODEL).person(0, 1), model.person(0, 2)
    assert first.bust.tobytes() == again.bust.tobytes()
    assert np.abs(first.coefficients - other.coefficients).max() > 0.5
    assert first.bust.dtype == np.uint8 and first.bust.shape[2] == 4
    # colours are multiplied by alpha, so none is larger
    assert (first.bust[..., :3].max(-1) <= first.bust[..., 3].astype(int) + 1).all()


def test_frames_hang_on_their_numbers_alone(model: PeopleModel) -> None:
    person = model.person(0, 1)
    first, again, other = (list(film_frames(person, draw_take(0, take)))[:3] for take in (0, 0, 1))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    assert first[0].tobytes() != other[0].tobytes()
    assert first[0].shape == (FRAME[1], FRAME[0], 3) and first[0].dtype == np.uint8


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_takes_move_smoothly_and_keep_the_face_in_the_frame(seed: int) -> None:
    take = draw_take(seed)
    assert 25 <= len(take) <= 40
    assert all(abs(pose.yaw) < 0.45 and abs(pose.pitch) < 0.25 and abs(pose.roll) < 0.2 for pose in take.poses)
    for one, next_one in pairwise(take.poses):
        assert abs(one.yaw - next_one.yaw) < 0.03
    assert np.abs(np.diff(take.centre, axis=0)).max() < 4
    assert ((take.centre > 40) & (take.centre < np.array(FRAME) - 40)).all()


def test_landmarks_are_where_the_detector_finds_them(model: PeopleModel, models: dict[str, str]) -> None:
    from rcnn.faces.load import load_detector

    detector = load_detector(models["detector"])
    person = model.person(0, 3)
    for number in range(3):
        take = replace(draw_take(0, number), blur=0.0, noise=1.0)
        shown = [list(film_frames(person, take))[5]]
        (faces,) = detector.detect(shown)
        assert len(faces) == 1
        distance = np.abs(faces.landmarks[0] - shown_landmarks(person, take, 5)).mean()
        assert distance < 0.16 * np.ptp(faces.landmarks[0][:2, 0])


def test_clip_of_nobody_shows_the_scene_alone(model: PeopleModel) -> None:
    take = draw_take(3)
    empty, full = next(iter(film_frames(None, take))), next(iter(film_frames(model.person(0, 1), take)))
    x, y = take.centre[0].astype(int)
    assert (
        np.abs(full[y - 20 : y + 20, x - 10 : x + 10].astype(int) - empty[y - 20 : y + 20, x - 10 : x + 10]).mean() > 5
    )


@pytest.mark.parametrize("seed", range(14))
def test_scenes_have_the_size_wanted(seed: int) -> None:
    scene = draw_scene(123, 77, np.random.default_rng(seed))
    assert scene.shape == (77, 123, 3) and scene.dtype == np.uint8 and 3 < scene.mean() < 252


def test_planes_and_image_are_inverse() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    alpha = rng.uniform(0, 1, (SIZE, SIZE)).astype(np.float32)
    back = to_image(to_planes(image, alpha))
    assert back[..., :3] == pytest.approx(image * alpha[..., None], abs=0.6)
    assert back[..., 3] == pytest.approx(alpha)


def test_packed_faces_keep_what_is_coarse() -> None:
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) / SIZE
    planes = np.stack([x, y, x * y, 1 - x])
    assert pack(planes).shape == (LENGTH,)
    assert unpack(pack(planes)) == pytest.approx(planes[:, ::2, ::2], abs=0.03)


def test_face_without_shift_keeps_its_shape() -> None:
    planes = np.random.default_rng(0).uniform(-0.5, 0.5, (4, SIZE, SIZE)).astype(np.float32)
    assert shaped(planes, np.zeros((5, 2), np.float32)) == pytest.approx(planes, abs=1e-4)


def test_face_space_is_read_as_it_was_written(model: PeopleModel, tmp_path: Path) -> None:
    save_face_space(str(tmp_path / "a-space.params"), model.space)
    again = load_face_space(str(tmp_path / "a-space.params"))
    rng = np.random.default_rng(0), np.random.default_rng(0)
    assert (again.draw(rng[0]) == model.space.draw(rng[1])).all()
    assert again.basis.dtype == np.int8


def test_what_is_no_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing-space\.params"):
        load_people(str(tmp_path / "nothing"))
    write_arrays(str(tmp_path / "other-space.params"), {"mean": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="is not a face space"):
        load_people(str(tmp_path / "other"))
