"""From the crops of a clip to one vector, with an embedder that can be followed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.faces.pooling import clip_features, variants

WEIGHTS = np.random.default_rng(1).normal(size=(4, 3 * 2 * 3))


class Linear:
    """An embedder: four sums of a crop's numbers, each weighted by its place and colour."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def embed(self, crops: np.ndarray) -> np.ndarray:
        assert crops.dtype == np.uint8 and crops.shape[1:] == (3, 2, 3)
        self.seen.append(len(crops))
        return (crops.reshape(len(crops), -1) @ WEIGHTS.T).astype(np.float32)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def slow_variants(crop: np.ndarray, augment: int) -> list[np.ndarray]:
    """Pixel by pixel: the crop, its mirror image, and brightness, contrast and saturation less and more by a tenth."""
    height, width = crop.shape[:2]
    result = [crop]
    if augment >= 1:
        result.append(np.array([[crop[y, width - 1 - x] for x in range(width)] for y in range(height)]))
    if augment >= 2:
        grey = [[float(np.dot(crop[y, x], (0.114, 0.587, 0.299))) for x in range(width)] for y in range(height)]
        mean = sum(map(sum, grey)) / (height * width)
        for kind in ("brightness", "contrast", "saturation"):
            for factor in (0.9, 1.1):
                changed = np.zeros(crop.shape)
                for y in range(height):
                    for x in range(width):
                        towards = {"brightness": 0.0, "contrast": mean, "saturation": grey[y][x]}[kind]
                        changed[y, x] = towards + factor * (crop[y, x].astype(float) - towards)
                result.append(np.clip(changed, 0, 255))
    return result


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2]), st.sampled_from([0, 60, 200]))
def test_variants_are_those_worked_out_pixel_by_pixel(seed, augment, darkest):
    crop = np.maximum(draw(seed, 4, 3, 3), darkest).astype(np.uint8)
    found, expected = variants(crop, augment), slow_variants(crop, augment)
    assert found.dtype == np.uint8
    assert len(found) == len(expected) == (1, 2, 8)[augment]
    for ours, slow in zip(found, expected, strict=True):
        assert np.abs(ours - slow).max() <= 0.51  # rounded
    np.testing.assert_array_equal(found[0], crop)


def test_what_is_too_bright_or_too_dark_stays_at_the_end_of_the_scale():
    crop = np.zeros((2, 2, 3), np.uint8)
    crop[0] = 255
    _, _, darker, brighter, flatter, steeper, *_ = variants(crop, 2)
    assert darker[0].tolist() == [[230, 230, 230]] * 2 or darker[0].tolist() == [[229, 229, 229]] * 2
    assert brighter.tolist() == steeper.tolist() == crop.tolist()
    assert flatter[1].min() >= 12 and flatter[0].max() <= 243


@pytest.mark.parametrize("augment", [0, 1, 2])
def test_a_clip_is_the_sum_of_its_faces_each_as_long_as_the_others(augment):
    clips = [[draw(10 * clip + face, 3, 2, 3) for face in range(count)] for clip, count in enumerate((1, 3, 2))]
    embedder = Linear()
    found = clip_features(embedder, clips, augment)
    assert found.shape == (3, 4) and found.dtype == np.float32
    assert embedder.seen == [6 * (1, 2, 8)[augment]]  # all at once
    for vector, faces in zip(found, clips, strict=True):
        each = [unit(Linear().embed(variants(face, augment)).sum(0)) for face in faces]
        np.testing.assert_allclose(vector, unit(np.sum(each, 0)), rtol=1e-5)
        assert np.linalg.norm(vector) == pytest.approx(1)


def test_a_clip_does_not_hang_on_its_neighbours():
    one, other = [draw(1, 3, 2, 3)], [draw(2, 3, 2, 3), draw(3, 3, 2, 3)]
    both = clip_features(Linear(), [one, other], 1)
    np.testing.assert_allclose(both[0], clip_features(Linear(), [one], 1)[0], rtol=1e-6)
    np.testing.assert_allclose(both[1], clip_features(Linear(), [other], 1)[0], rtol=1e-6)
