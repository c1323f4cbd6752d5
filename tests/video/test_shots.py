"""Cuts are found on the frames that are looked at; a pan is none."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_people import person
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.demo.film import draw_take, film_frames
from rcnn.video.shots import Shots

SIZE = (160, 120)
LOOKS = 10  # of a shot


def film(*people: int) -> list[np.ndarray]:
    """A shot of each person, one behind the other."""
    images = []
    for number in people:
        take = draw_take(0, number, 0, size=SIZE)
        for place, image in enumerate(film_frames(person(number), take, SIZE)):
            if place == LOOKS:
                break
            images.append(image)
    return images


def shots_of(images: list[np.ndarray]) -> list[int]:
    shots = Shots()
    for image in images:
        shots.add(image)
    return shots.numbers().tolist()


@pytest.mark.parametrize("people", [(1,), (1, 2), (3, 1, 4, 5)])
def test_each_cut_begins_a_shot(people):
    images = film(*people)
    assert shots_of(images) == [place // LOOKS for place in range(len(images))]


def test_a_pan_is_no_cut():
    wide = film(1)[0]
    wide = np.concatenate([wide, wide[:, ::-1]], 1)
    assert set(shots_of([wide[:, 3 * turn : 3 * turn + SIZE[0]] for turn in range(40)])) == {0}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_few_frames_are_one_shot(count):
    assert shots_of(film(1)[:count]) == [0] * count


@settings(max_examples=30)
@given(st.lists(st.integers(0, 255), max_size=30))
def test_any_frames_have_shots_that_rise_by_one_at_most(levels):
    numbers = shots_of([np.full((9, 16, 3), level, np.uint8) for level in levels])
    assert len(numbers) == len(levels)
    assert not numbers or numbers[0] == 0
    assert set(np.diff(numbers).tolist()) <= {0, 1}
