"""Anchors that are chosen on the device, against those that are taken from the whole maps."""

import cv2
import numpy as np
import pytest
import torch

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


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0.01), ("fp16", 1.0)])
def test_a_detector_finds_the_same_faces(shared, checkpoints, precision, tolerance):
    image = cv2.resize(cv2.imread(str(shared / "images/t1.jpg")), (640, 443))
    graph = load_checkpoint(checkpoints["retinaface"])
    plain = EsshDetector(load_network(graph, images=True)).detect([image])[0]
    network = load_network(graph, images=True, engine="torch", precision=precision, last=best_anchors)
    chosen = EsshDetector(network, selected=True).detect([image])[0]
    assert len(plain) == len(chosen) > 3
    order = [np.argsort(faces.boxes[:, 0]) for faces in (plain, chosen)]
    np.testing.assert_allclose(chosen.boxes[order[1]], plain.boxes[order[0]], atol=tolerance)
    np.testing.assert_allclose(chosen.landmarks[order[1]], plain.landmarks[order[0]], atol=tolerance)
