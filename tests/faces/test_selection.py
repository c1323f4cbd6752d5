"""Anchors that are chosen on the device, against those that are taken from the whole maps."""

import cv2
import numpy as np
import pytest
import torch
from drawn_people import group
from rcnn.cython.boxes import overlaps

from rcnn.faces.detectors.essh import EsshDetector, decode, decode_selected
from rcnn.faces.detectors.selection import best_anchors
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
