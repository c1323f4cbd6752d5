"""The loss of a detector: classification of anchors, regression of boxes and landmarks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .targets import BACKGROUND, FACE

NEGATIVES_A_POSITIVE = 5  # hardest background anchors per face (SSD, arXiv:1512.02325, uses 3)
NEGATIVES_AN_IMAGE = 24  # lower bound, so that images without faces contribute too
# differences of deltas below which smooth L1 is quadratic; 0.02 is an error of 5% of the distance between the eyes
BOX_SMOOTH_UNDER = 0.04
LANDMARK_SMOOTH_UNDER = 0.01
BOX_WEIGHT = 1.0
LANDMARK_WEIGHT = 2.0


def rows(outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The nine maps of a batch of B images, three per stride, rearranged by anchor.

    Parameters
    ----------
    outputs : scores (B, 2A, h, w), box deltas (B, 4A, h, w), landmark deltas (B, 10A, h, w) of each stride

    Returns
    -------
    Margins (B, N) of the face's score over the background's, box deltas (B, N, 4), landmark deltas (B, N, 10), in
    the order of `image_anchors`.
    """
    margins, boxes, landmarks = [], [], []
    for score, box, landmark in zip(outputs[::3], outputs[1::3], outputs[2::3], strict=True):
        background, face = score.permute(0, 2, 3, 1).chunk(2, 3)
        margins.append((face - background).flatten(1))
        boxes.append(box.permute(0, 2, 3, 1).reshape(len(box), -1, 4))
        landmarks.append(landmark.permute(0, 2, 3, 1).reshape(len(box), -1, 10))
    return torch.cat(margins, 1), torch.cat(boxes, 1), torch.cat(landmarks, 1)


def detection_losses(outputs: Sequence[Tensor], classes: Tensor, boxes: Tensor, landmarks: Tensor) -> dict[str, Tensor]:
    """Loss terms of a batch.

    Parameters
    ----------
    outputs : see `rows`
    classes, boxes, landmarks : (B, N) int64, (B, N, 4) and (B, N, 10) float32, see `Targets`
    """
    margins, box_deltas, landmark_deltas = rows(outputs)
    is_face = classes == FACE
    faces = is_face.sum().clamp(min=1)
    # a softmax over two classes is a sigmoid of the score difference
    cost = functional.softplus(torch.where(is_face, -margins, margins))
    hard = hardest_backgrounds(cost.detach(), classes)
    box = _smooth_l1(box_deltas[is_face] - boxes[is_face], BOX_SMOOTH_UNDER).sum() / faces
    wanted = landmarks[is_face]
    known = torch.isfinite(wanted)
    difference = torch.where(known, landmark_deltas[is_face] - torch.nan_to_num(wanted), 0.0)
    landmark = _smooth_l1(difference, LANDMARK_SMOOTH_UNDER).sum() / (known.sum() / wanted.shape[1]).clamp(min=1)
    return {
        # dividing by the batch's faces gives backgrounds of images without faces the same weight as the others
        "face": cost[is_face].sum() / faces,
        "background": cost[hard].sum() / faces,
        "box": BOX_WEIGHT * box,
        "landmark": LANDMARK_WEIGHT * landmark,
    }


def hardest_backgrounds(cost: Tensor, classes: Tensor) -> Tensor:
    """(B, N) bool: the background anchors with the highest cost, `NEGATIVES_A_POSITIVE` per face in the batch, and at
    least `NEGATIVES_AN_IMAGE` per image.

    Parameters
    ----------
    cost : (B, N)
    classes : (B, N) int64, see `Targets`
    """
    background = classes == BACKGROUND
    count = NEGATIVES_A_POSITIVE * int((classes == FACE).sum())
    count = min(max(count, NEGATIVES_AN_IMAGE * len(cost)), int(background.sum()))
    order = torch.where(background, cost, -1.0).flatten().topk(count).indices
    hard = torch.zeros_like(background).flatten()
    hard[order] = True
    return hard.reshape(background.shape)


def _smooth_l1(difference: Tensor, square_under: float) -> Tensor:
    return functional.smooth_l1_loss(difference, torch.zeros_like(difference), reduction="none", beta=square_under)
