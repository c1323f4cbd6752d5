"""Lengths of embeddings against Python's own arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcnn.faces.vectors import cosines_with, normalise, norms

embeddings = arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.floats(-1e4, 1e4, width=32)
)


@settings(deadline=None)
@given(embeddings)
def test_the_norm_is_the_root_of_the_sum_of_squares(rows):
    found = norms(rows)
    assert found.dtype == np.float32 and found.shape == (len(rows),)
    for norm, row in zip(found.tolist(), rows.tolist(), strict=True):
        assert norm == pytest.approx(math.hypot(*row), rel=1e-6)


@settings(deadline=None)
@given(embeddings)
def test_a_normalised_row_is_the_row_over_its_norm(rows):
    found = normalise(rows)
    assert found.dtype == np.float32 and found.shape == rows.shape
    for unit, row in zip(found.tolist(), rows.tolist(), strict=True):
        length = math.hypot(*row)
        if length > 1e-30:
            assert unit == pytest.approx([value / length for value in row], rel=1e-6, abs=1e-9)


def test_by_hand():
    rows = np.array([[3, 4], [0, 0], [-5, 12]], np.float32)
    np.testing.assert_array_equal(norms(rows), np.array([5, 0, 13], np.float32))
    np.testing.assert_allclose(normalise(rows), [[0.6, 0.8], [0, 0], [-5 / 13, 12 / 13]], rtol=1e-6)
    np.testing.assert_allclose(normalise(rows[0]), [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(normalise(np.stack([rows, rows * 7]))[1], normalise(rows), rtol=1e-6)


def test_squares_of_large_and_small_numbers_neither_overflow_nor_vanish():
    rows = np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32)
    np.testing.assert_allclose(norms(rows), [5e30, 5e-30], rtol=1e-6)
    np.testing.assert_allclose(normalise(rows), [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_halves_are_summed_as_doubles():
    """In float16 the sum of squares would overflow at 65504."""
    rows = np.full((1, 100), 100, np.float16)
    assert norms(rows)[0] == 1000
    np.testing.assert_allclose(normalise(rows), np.full((1, 100), 0.1), rtol=1e-6)


@given(embeddings.filter(lambda rows: np.abs(rows[rows != 0]).min(initial=1) > 1e-3), st.integers(0, 5))
def test_cosines_are_products_of_unit_vectors(rows, axis):
    unit = np.roll(np.eye(rows.shape[1], dtype=np.float32)[0], axis)
    found = cosines_with(rows, unit)
    assert found.dtype == np.float32
    for cosine, row in zip(found.tolist(), rows.astype(float), strict=True):
        length = math.hypot(*row)
        assert cosine == pytest.approx(row @ unit / length if length else 0.0, abs=1e-5)


def test_a_zero_vector_has_no_cosine():
    assert cosines_with(np.zeros((2, 3), np.float32), np.array([0, 1, 0], np.float32)).tolist() == [0, 0]
