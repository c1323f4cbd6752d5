"""From the crops of a clip to one vector, with an embedder that can be followed by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.faces.pooling import RandomMeans, Weighting, clip_features, pool, variants

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


def units(seed: int, count: int) -> np.ndarray:
    return np.stack([unit(row) for row in np.random.default_rng(seed).normal(size=(count, 4))]).astype(np.float32)


def test_a_face_counts_by_its_weight():
    vectors, weights = units(0, 5), np.array([1, 0.5, 0, 0.25, 1], np.float32)
    found = pool(vectors, [2, 3], weights)
    np.testing.assert_allclose(found[0], unit(vectors[0] + 0.5 * vectors[1]), rtol=1e-5)
    np.testing.assert_allclose(found[1], unit(0.25 * vectors[3] + vectors[4]), rtol=1e-5)
    np.testing.assert_array_equal(pool(vectors, [2, 3]), pool(vectors, [2, 3], np.ones(5, np.float32)))


@pytest.mark.parametrize(
    ("quality", "score", "power", "expected"),
    [
        (True, False, 1.0, [1, 0.5, 0.25]),
        (True, False, 2.0, [1, 0.25, 0.0625]),
        (False, True, 1.0, [0.5, 1, 1]),
        (True, True, 1.0, [1, 1, 0.5]),
        (True, True, 2.0, [1, 1, 0.25]),
    ],
)
def test_weights_are_shares_of_the_best_face(quality, score, power, expected):
    qualities, scores = np.array([20, 10, 5], np.float32), np.array([0.5, 1, 1], np.float32)
    found = Weighting(quality, score, power).of(qualities, scores)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_faces_of_no_quality_at_all_count_alike():
    nothing = np.zeros(3, np.float32)
    assert Weighting(True, True, 2.0).of(nothing, nothing).tolist() == [1, 1, 1]
    assert Weighting(True, False, 1.0).of(np.array([-1, 4, 2], np.float32), nothing).tolist() == [0, 1, 0.5]


@settings(deadline=None)
@given(st.integers(1, 7), st.sets(st.integers(1, 8), min_size=1), st.integers(1, 9), st.text())
def test_random_means_are_of_different_faces_and_never_of_all(faces, sizes, draws, seed):
    means = RandomMeans(tuple(sorted(sizes)), draws)
    found = [tuple(rows.tolist()) for rows in means.choose(faces, seed)]
    assert len(set(found)) == len(found)
    assert all(rows == tuple(sorted(set(rows))) and set(rows) < set(range(faces)) for rows in found)
    counts = {size: sum(len(rows) == size for rows in found) for size in sizes}
    assert all(bool(count) == (size < faces) and count <= draws for size, count in counts.items())
    assert found == [tuple(rows.tolist()) for rows in means.choose(faces, seed)]
    vectors, weights = units(faces, faces), np.linspace(1, 2, faces, dtype=np.float32)
    pooled = means.of(vectors, weights, seed)
    assert pooled.shape == (len(found), 4) and pooled.dtype == np.float32
    for mean, rows in zip(pooled, found, strict=True):
        np.testing.assert_allclose(mean, unit((vectors[list(rows)] * weights[list(rows), None]).sum(0)), rtol=1e-4)


def test_every_choice_of_faces_comes_as_often_whatever_the_clip_is_called():
    means = RandomMeans((2,), 1)
    found = [tuple(next(means.choose(4, f"{clip}.mp4/0")).tolist()) for clip in range(1200)]
    counts = {pair: found.count(pair) for pair in combinations(range(4), 2)}
    assert min(counts.values()) > 140 and max(counts.values()) < 260


def test_the_choice_is_the_same_on_every_machine():
    """Written down: another machine, or another version of NumPy, must choose these faces."""
    found = [rows.tolist() for rows in RandomMeans((1, 3), 2).choose(9, "a.mp4/0")]
    assert found == [[0], [1], [0, 2, 4], [0, 3, 8]]
