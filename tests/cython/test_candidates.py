"""Anchors that may be faces, against the plain way to find them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rcnn.cython.candidates import candidates


@given(
    st.integers(1, 3), st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**32), st.sampled_from([0, 0.3, 0.99, 2])
)
def test_they_are_the_rows_whose_score_reaches_the_threshold(count, height, width, seed, threshold):
    rng = np.random.default_rng(seed)
    probability, boxes, landmarks = (
        rng.random((channels * count, height, width)).astype(np.float32) for channels in (2, 4, 10)
    )
    # cells in rows, anchors of a cell side by side
    scores = probability[count:].transpose(1, 2, 0).reshape(-1)
    chosen = np.flatnonzero(scores >= np.float32(threshold))
    found = candidates(probability, boxes, landmarks, threshold)
    expected = (
        chosen,
        scores[chosen],
        boxes.transpose(1, 2, 0).reshape(-1, 4)[chosen],
        landmarks.transpose(1, 2, 0).reshape(-1, 10)[chosen],
    )
    for ours, plain in zip(found, expected, strict=True):
        assert ours.dtype == plain.dtype
        np.testing.assert_array_equal(ours, plain)


def test_no_number_is_no_candidate():
    planes = [np.full((channels, 2, 2), np.nan, np.float32) for channels in (2, 4, 10)]
    assert len(candidates(*planes, 0.0)[0]) == 0


@pytest.mark.parametrize("shapes", [((3, 2, 2), (4, 2, 2), (10, 2, 2)), ((2, 2, 2), (4, 2, 3), (10, 2, 2))])
def test_planes_of_different_maps_are_refused(shapes):
    with pytest.raises(ValueError, match=r"planes of 2A, 4A and 10A channels"):
        candidates(*(np.zeros(shape, np.float32) for shape in shapes), 0.5)
