"""Which anchor is to find which face."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rcnn.faces.geometry import decode_boxes, decode_landmarks
from rcnn.faces.types import Faces
from rcnn.training.detection_loss import detection_losses, hardest_backgrounds
from rcnn.training.targets import (
    BACKGROUND,
    FACE,
    NEITHER,
    encode_boxes,
    encode_landmarks,
    image_anchors,
    match_anchors,
)

NO_BOXES = np.zeros((0, 4), np.float32)
NO_POINTS = np.zeros((0, 5, 2), np.float32)
UNKNOWN = np.full((1, 5, 2), np.nan, np.float32)


def test_the_anchors_are_in_the_decoder_s_order() -> None:
    anchors = image_anchors(64, 96)
    assert len(anchors) == 2 * (2 * 3 + 4 * 6 + 8 * 12)
    assert anchors[0].tolist() == [-248, -248, 263, 263]
    assert anchors[2 * 2 * 3].tolist() == [-56, -56, 71, 71]
    assert anchors[-1].tolist() == [88, 56, 103, 71]


def test_a_face_that_is_an_anchor() -> None:
    anchors = image_anchors(64, 64)
    box = np.array([[16, 8, 31, 23]], np.float32)  # the 16 pixel anchor of cell (1, 2) at stride 8
    targets = match_anchors(anchors, box, np.full((1, 5, 2), 27.5, np.float32), NO_BOXES)
    [face] = np.flatnonzero(targets.classes == FACE)
    assert face == 2 * (4 + 16) + 2 * (1 * 8 + 2) + 1
    assert targets.boxes[face].tolist() == [0, 0, 0, 0]
    # (27.5 - 23.5) / 16 across, (27.5 - 15.5) / 16 down
    assert targets.landmarks[face].tolist() == [0.25, 0.75] * 5
    # the neighbour, 8 pixels on, shares 8 x 16 of 384 pixels: exactly a third
    assert targets.classes[face + 2] == NEITHER
    assert targets.classes[face + 4] == BACKGROUND


def test_a_face_too_small_for_all_anchors_still_has_one() -> None:
    targets = match_anchors(image_anchors(64, 64), np.array([[20, 20, 26, 26]], np.float32), UNKNOWN, NO_BOXES)
    assert (targets.classes == FACE).sum() == 1


def test_what_is_ignored_is_no_background() -> None:
    anchors = image_anchors(64, 64)
    targets = match_anchors(anchors, NO_BOXES, NO_POINTS, np.array([[0, 0, 31, 31]], np.float32))
    inside = (anchors[:, :2] >= 0).all(1) & (anchors[:, 2:] <= 31).all(1)
    assert inside.any() and (targets.classes[inside] == NEITHER).all()
    assert (targets.classes == BACKGROUND).any() and (targets.classes != FACE).all()


@given(st.lists(st.tuples(*[st.floats(0, 60)] * 2, *[st.floats(3, 80)] * 2), min_size=1, max_size=6))
@settings(deadline=None, max_examples=50)
def test_the_decoder_undoes_the_targets(faces: list) -> None:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in faces], np.float32)
    landmarks = np.random.default_rng(0).uniform(0, 90, (len(boxes), 5, 2)).astype(np.float32)
    anchors = image_anchors(96, 96)[: len(boxes)]
    np.testing.assert_allclose(decode_boxes(anchors, encode_boxes(anchors, boxes)), boxes, atol=1e-3)
    np.testing.assert_allclose(decode_landmarks(anchors, encode_landmarks(anchors, landmarks)), landmarks, atol=1e-3)


def test_the_hardest_backgrounds_are_five_for_each_face() -> None:
    classes = torch.zeros(1, 200, dtype=torch.int64)
    classes[0, :20] = FACE
    classes[0, 20:30] = NEITHER
    hard = hardest_backgrounds(torch.arange(200.0)[None].flip(1), classes)
    assert torch.nonzero(hard[0]).flatten().tolist() == list(range(30, 130))


def test_unknown_landmarks_cost_nothing() -> None:
    outputs = [torch.zeros(1, channels, s, s, requires_grad=True) for s in (2, 4, 8) for channels in (4, 8, 20)]
    targets = match_anchors(image_anchors(64, 64), np.array([[16, 8, 31, 23]], np.float32), UNKNOWN, NO_BOXES)
    columns = [torch.from_numpy(array[None]) for array in (targets.classes, targets.boxes, targets.landmarks)]
    losses = detection_losses(outputs, *columns)
    assert float(losses["landmark"].detach()) == 0
    assert float(losses["face"].detach()) == pytest.approx(np.log(2))
    sum(losses.values()).backward()
    assert all(torch.isfinite(output.grad).all() for output in outputs)


def test_matching_counts_a_label_once() -> None:
    from rcnn.faces.detection_quality import false_positives, match_faces, recall, threshold_for

    boxes = np.array([[0, 0, 19, 19], [0, 1, 19, 20], [50, 50, 69, 69], [80, 0, 99, 19]], np.float32)
    faces = Faces(boxes, np.array([0.9, 0.8, 0.7, 0.6], np.float32), np.zeros((4, 5, 2), np.float32))
    matches = match_faces(faces, boxes[[0, 2]], boxes[[3]])
    assert matches.face.tolist() == [0, -1, 1, -1]
    assert matches.wrong.tolist() == [False, True, False, False]
    assert false_positives([faces], [matches], 0.5) == 1
    threshold = threshold_for([faces], [matches], 10)
    assert 0.8 < threshold < 0.81
    assert recall([faces], [matches], [np.ones(2, bool)], threshold) == 0.5
    assert recall([faces], [matches], [np.ones(2, bool)], 0.5) == 1
