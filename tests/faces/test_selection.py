"""Anchors that are chosen on the device, against those that are taken from the whole maps."""

import cv2
import numpy as np
import pytest
import torch
from drawn_people import group
from rcnn.cython.boxes import overlaps

from rcnn.faces.detectors.essh import EsshDetector, decode, decode_selected
from rcnn.faces.detectors.selection import above, best_anchors
from rcnn.networks.checkpoint import load_checkpoint
from rcnn.networks.engine import load_network

MAPS = ((2, 3), (4, 6), (7, 11))  # cells of the strides; the last is odd, as rounding up makes it


def maps(seed: int, images: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = [(images, channels, *cells) for cells in MAPS for channels in (4, 8, 20)]
    return [rng.uniform(0, 1, shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.1])
@pytest.mark.parametrize("skip", [None, 32, 8])
def test_the_same_candidates_in_the_same_order(threshold, skip):
    whole = maps(0, 3)
    chosen = [output.numpy() for output in best_anchors([torch.from_numpy(m) for m in whole])]
    for row in range(3):
        expected = decode([m[row] for m in whole], threshold, skip)
        found = decode_selected([c[row] for c in chosen], threshold, skip)
        np.testing.assert_array_equal(found.scores, expected.scores)
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.landmarks, expected.landmarks)


def test_the_best_thousand_of_a_stride():
    rng = np.random.default_rng(1)
    whole = [rng.uniform(0, 1, (1, channels, 30, 40)).astype(np.float32) for _ in MAPS for channels in (4, 8, 20)]
    chosen = [output.numpy() for output in best_anchors([torch.from_numpy(m) for m in whole])]
    expected = decode([m[0] for m in whole], 0.0)
    found = decode_selected([c[0] for c in chosen], 0.0)
    assert len(found) == 3000
    np.testing.assert_array_equal(found.boxes, expected.boxes)


def test_shapes_and_types_are_those_that_are_promised():
    chosen = best_anchors([torch.from_numpy(m) for m in maps(0, 3)])
    assert len(chosen) == 5 * len(MAPS)
    for number, (rows, columns) in enumerate(MAPS):
        indices, scores, boxes, landmarks, width = chosen[5 * number : 5 * number + 5]
        count = 2 * rows * columns
        shapes = [tuple(output.shape) for output in (indices, scores, boxes, landmarks, width)]
        assert shapes == [(3, count), (3, count), (3, count, 4), (3, count, 10), (3, 1)]
        assert indices.dtype == width.dtype == torch.int64
        assert width.flatten().tolist() == [columns] * 3
        assert sorted(indices[1].tolist()) == list(range(count))
        assert (scores[:, :-1] >= scores[:, 1:]).all()


def test_the_threshold_itself_is_enough_and_anchors_come_in_their_order():
    indices, scores = np.array([7, 2, 5, 0]), np.array([0.75, 0.5, 0.5, 0.25], np.float32)
    boxes, landmarks = np.arange(16).reshape(4, 4), np.arange(40).reshape(4, 10)
    for threshold, kept in ((0.5, [1, 2, 0]), (0.5001, [0]), (0.76, []), (0.0, [3, 1, 2, 0])):
        found = above([indices, scores, boxes, landmarks, np.array([3])], threshold)
        for ours, whole in zip(found[:4], (indices, scores, boxes, landmarks), strict=True):
            np.testing.assert_array_equal(ours, whole[kept])
        assert found[4] == 3 and type(found[4]) is int


@pytest.mark.parametrize(("precision", "alike"), [("fp32", 0.999), ("fp16", 0.9)])
def test_a_detector_finds_the_same_faces(models, precision, alike):
    image = cv2.resize(group()[0], (640, 427))
    graph = load_checkpoint(models["detector"])
    plain = EsshDetector(load_network(graph, images=True)).detect([image])[0]
    network = load_network(graph, images=True, engine="torch", precision=precision, last=best_anchors)
    chosen = EsshDetector(network, selected=True).detect([image])[0]
    assert len(plain) == len(chosen) > 3
    # not box by box: of two anchors as sure of a face either may win by a rounding
    same = overlaps(chosen.boxes, plain.boxes)
    assert same.max(0).min() > alike
    eyes = np.ptp(plain.landmarks[:, :2, 0], axis=1).min()
    assert np.abs(chosen.landmarks[same.argmax(0)] - plain.landmarks).max() < (1 - alike) * eyes
