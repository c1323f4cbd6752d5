"""Evaluates how well a classifier ranks held-out clips, including clips of held-out people."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..config import config
from ..scores.extra_classes import ExtraClasses
from ..scores.metrics import mean_average_precision, score
from ..scores.ranking import Ranking
from .epochs import EVALUATED_ROWS
from .mlp import Trainable

HELD_OUT_ONE_IN = 5  # of each label's clips, and of the people, who then act as strangers
FEWEST_PEOPLE = 3  # below this, no person is held out as a stranger


@torch.no_grad()
def mean_precision(
    model: Trainable, data: Tensor, labels: Tensor, known: np.ndarray, extra: ExtraClasses | None = None
) -> float | None:
    """MAP@100 of the clips, 0..1, ranked as predict.py and submit.py rank them.

    Parameters
    ----------
    data, labels : (n, D) float32 and (n,) int64, on the device of the model
    known : labels (p,) of the people that it was trained on
    extra : its classes beyond the known people; None if it has none

    Returns
    -------
    None if no clip shows one of these people.
    """
    model.eval()
    names = [f"{row:09d}" for row in range(len(labels))]  # zero-padded, because `Ranking` requires sorted names
    found = labels.cpu().numpy()
    last = extra.people if extra else np.inf
    people = [label for label in np.unique(found).tolist() if config.SUBMIT.NOBODY < label <= last and label in known]
    if not people:
        return None
    ranking: Ranking | None = None
    for start in range(0, len(names), EVALUATED_ROWS):
        rows = slice(start, start + EVALUATED_ROWS)
        scores = model(data[rows])
        absent = np.setdiff1d(np.arange(1, scores.shape[1]), known)
        scores[:, torch.from_numpy(absent).to(scores.device)] = -torch.inf
        probabilities = torch.softmax(scores, 1).cpu().numpy()
        probabilities = extra.people_only(probabilities) if extra else probabilities
        ranking = ranking or Ranking(probabilities.shape[1])
        ranking.add(names[rows], probabilities)
    truth = {label: [names[row] for row in np.flatnonzero(found == label)] for label in people}
    return mean_average_precision(score(ranking.result() if ranking else {}, truth))


def hold_out(labels: np.ndarray, seed: int) -> np.ndarray:
    """Which clips to evaluate on, (n,) bool: a fifth of each label's clips, at least one of two or more.

    All clips of every fifth person are held out. These people are strangers to the classifier and should rank below
    the people it knows.
    """
    held = np.zeros(len(labels), bool)
    random = np.random.default_rng(seed)
    people = random.permutation(np.setdiff1d(labels, config.SUBMIT.NOBODY))
    strangers = max(1, len(people) // HELD_OUT_ONE_IN) if len(people) >= FEWEST_PEOPLE else 0
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        if label in people[:strangers]:
            held[rows] = True
        elif len(rows) > 1:
            held[rows[: max(1, len(rows) // HELD_OUT_ONE_IN)]] = True
    return held
