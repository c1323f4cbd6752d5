"""Class templates: the mean direction of each class's rows, enough to classify when there are few clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..config import config
from ..faces.vectors import normalise
from ..networks.checkpoint import Graph
from ..networks.graphs.classifier import build_cosine_graph

# Lowest cosine at which a clip is equally likely to show an unknown and a known person (docs/ranking.md)
NOBODY_COSINE = 0.5
MOST_COMPARED = 4096  # clips used to estimate how similar strangers are
VAGUE = 1e-6  # norm below which a sum of unit vectors has no usable direction


@dataclass(frozen=True)
class Centroids:
    """The classifier that ranks by the nearest centroid.

    directions : (classes, features) float32, of unit norm
    nobody : cosine of class 0 with every clip
    scale : the softmax's inverse temperature
    """

    directions: np.ndarray
    nobody: float
    scale: float

    def arrays(self) -> dict[str, np.ndarray]:
        """`stage2_weight` (classes, features) and `stage2_bias` (classes,), float32; class 0 has
        only a bias, the others have none."""
        weight, bias = self.directions.copy(), np.zeros(len(self.directions), np.float32)
        weight[config.SUBMIT.NOBODY], bias[config.SUBMIT.NOBODY] = 0, self.nobody
        return {"stage2_weight": weight, "stage2_bias": bias}

    def graph(self, arrays: Mapping[str, np.ndarray], source: str) -> Graph:
        """The network for the arrays that `arrays` returned; messages name it `source`."""
        return build_cosine_graph(arrays["stage2_weight"], arrays["stage2_bias"], self.scale, source)


def find_centroids(
    features: np.ndarray, labels: np.ndarray, noise: np.ndarray, people: int | None = None
) -> tuple[np.ndarray, float]:
    """The mean direction of each class's rows, (classes, D) float32, and the cosine of class 0 (nobody).

    A stranger is assumed to be as similar to the nearest person as a known clip is to the nearest other person. The
    cosine of class 0 is the median of that similarity, but at least NOBODY_COSINE.

    Parameters
    ----------
    features : (n, D) float32
    labels : (n,) int64
    noise : (classes, D) float32, directions for classes without rows
    people : the largest label of a known person; None if all labels but 0 are known people
    """
    sums = np.zeros_like(noise)
    units = normalise(features)
    np.add.at(sums, labels, units)
    vague = np.linalg.norm(sums, axis=1) < VAGUE
    templates = normalise(np.where(vague[:, None], noise, sums))
    last = len(noise) - 1 if people is None else people
    rows = np.flatnonzero((labels != config.SUBMIT.NOBODY) & (labels <= last))
    rows = rows[:: max(1, len(rows) // MOST_COMPARED)]
    if not len(rows):
        return templates, NOBODY_COSINE
    others = units[rows] @ templates.T
    others[:, vague] = others[:, config.SUBMIT.NOBODY] = -1
    others[:, last + 1 :] = -1
    others[np.arange(len(rows)), labels[rows]] = -1
    middle = np.sort(others.max(1))[(len(rows) - 1) // 2]
    return templates, max(float(middle), NOBODY_COSINE)
