"""Embeddings of crops, their norms, and the distorted versions of a crop."""

from functools import cache

import numpy as np
import pytest
from drawn_people import portrait, portrait_landmarks
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference_models import CHECKPOINTS

from rcnn.errors import InputError
from rcnn.faces.alignment import align_faces
from rcnn.faces.embedding import Embedder
from rcnn.faces.load import load_embedder
from rcnn.faces.pooling import variants
from rcnn.faces.vectors import normalise, norms
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import load_network


@cache
def load(model: str) -> Embedder:
    return load_embedder(model)


@pytest.fixture
def embedder(models) -> Embedder:
    return load(models["model"])


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Of six drawn people, (6, 112, 112, 3) uint8, BGR."""
    faces = [align_faces(portrait(n), portrait_landmarks(n)[None].astype(np.float32)) for n in range(6)]
    return np.concatenate(faces)


def assert_embeds_bgr(model: str, crops: np.ndarray, expected: np.ndarray) -> None:
    """`expected`: what the network gives for the RGB planes of crops."""
    embedder = load(model)
    embeddings = embedder.embed(crops)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    swapped = embedder.embed(np.ascontiguousarray(crops[..., ::-1]))
    assert (np.abs(swapped - expected).max(1) > 0.01 * np.abs(expected).max(1)).all()


def test_bgr_crops_reach_the_network_as_rgb(models, crops):
    network = load_network(load_checkpoint(models["model"]), ["fc1_output"])
    (expected,) = network(np.ascontiguousarray(crops[..., ::-1].transpose(0, 3, 1, 2)))
    assert_embeds_bgr(models["model"], crops, expected)


def test_bgr_crops_give_the_embeddings_that_mxnet_gives(shared, checkpoints):
    with np.load(shared / f"checkpoints/{CHECKPOINTS['mobilefacenet']}-reference.npz") as stored:
        crops, expected = np.ascontiguousarray(stored["data"].transpose(0, 2, 3, 1)[..., ::-1]), stored["output0"]
    assert_embeds_bgr(checkpoints["mobilefacenet"], crops, expected)


def test_a_batch_is_row_for_row_the_single_crops(embedder, crops):
    rng = np.random.default_rng(5)
    crops = [np.roll(crops[i % 6], rng.integers(-9, 10, 2), (0, 1)) for i in range(41)]
    together = embedder.embed(crops)
    single = np.concatenate([embedder.embed([crop]) for crop in crops])
    assert together.shape == (41, 128)
    np.testing.assert_allclose(together, single, rtol=0, atol=1e-4 * np.abs(single).max())
    np.testing.assert_array_equal(together, embedder.embed(np.stack(crops)))


class Recorder:
    """A network whose embedding is the first pixel; remembers the sizes of its batches."""

    output_names = ("fc1_output",)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, data: np.ndarray) -> list[np.ndarray]:
        self.batches.append(len(data))
        return [data[:, 0, 0].astype(np.float32)]


@pytest.mark.parametrize("count", [1, 7, 8, 31, 32, 41, 75])
def test_every_crop_is_embedded_once_in_order(count):
    network = Recorder()
    crops = np.zeros((count, 112, 112, 3), np.uint8)
    crops[:, 0, 0, 1] = np.arange(count)
    np.testing.assert_array_equal(Embedder(network).embed(crops)[:, 1], np.arange(count))
    assert network.batches == [count]  # how many run together is the engine's choice


def test_no_crops_give_no_embeddings():
    assert len(Embedder(Recorder()).embed([])) == 0


def test_a_single_crop_outside_of_a_list_is_refused():
    with pytest.raises(InputError, match="list"):
        Embedder(Recorder()).embed(np.zeros((112, 112, 3), np.uint8))


def test_detector_checkpoint_is_no_embedder(models):
    with pytest.raises(InputError, match="is a detector, not an embedding"):
        load_embedder(models["detector"])


def test_norms_by_hand():
    found = norms(np.array([[3, 4], [0, 0], [-5, 12]], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [5, 0, 13])


def test_a_zero_vector_stays_zero():
    np.testing.assert_array_equal(normalise(np.zeros((2, 3), np.float32)), 0)


@settings(deadline=None)
@given(arrays(np.float32, (4, 8), elements=st.floats(-100, 100, width=32)))
def test_normalised_embeddings_have_length_1_and_the_same_direction(embeddings):
    unit = normalise(embeddings)
    assert unit.dtype == np.float32
    length = norms(embeddings)
    np.testing.assert_allclose(norms(unit)[length > 1e-30], 1, rtol=1e-5)
    np.testing.assert_allclose(unit * length[:, None], embeddings, rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize(("augment", "count"), [(0, 1), (1, 2), (2, 8)])
def test_number_and_order_of_variants(augment, count):
    crop = np.random.default_rng(1).integers(0, 256, (112, 96, 3), np.uint8)
    result = variants(crop, augment)
    assert result.shape == (count, 112, 96, 3)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[0], crop)
    if augment:
        np.testing.assert_array_equal(result[1], crop[:, ::-1])
    np.testing.assert_array_equal(result, variants(crop, 2)[:count])


def test_brightness_contrast_and_saturation_by_hand():
    crop = np.array([[[10, 100, 250], [200, 200, 200]]], np.uint8)  # B, G, R
    darker, brighter, flatter, starker, paler, richer = variants(crop, 2)[2:]
    np.testing.assert_array_equal(darker[0], [[9, 90, 225], [180, 180, 180]])
    np.testing.assert_array_equal(brighter[0], [[11, 110, 255], [220, 220, 220]])
    # luma 0.114 * 10 + 0.587 * 100 + 0.299 * 250 = 134.59 and 200; mean 167.295
    np.testing.assert_array_equal(flatter[0], [[26, 107, 242], [197, 197, 197]])
    np.testing.assert_array_equal(starker[0], [[0, 93, 255], [203, 203, 203]])
    np.testing.assert_array_equal(paler[0], [[22, 103, 238], [200, 200, 200]])
    np.testing.assert_array_equal(richer[0], [[0, 97, 255], [200, 200, 200]])


@pytest.mark.parametrize("level", [0, 1, 77, 128, 255])
def test_contrast_and_saturation_leave_a_plain_grey_crop(level):
    crop = np.full((112, 112, 3), level, np.uint8)
    for variant in variants(crop, 2)[4:]:
        np.testing.assert_array_equal(variant, crop)
