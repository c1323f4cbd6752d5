"""A classifier that measures angles: one direction a class, learnt with an additive margin."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import config
from .mlp import Trainable
from .parameters import load_arrays


class CosineClassifier(Trainable):
    """The network of `classifier.build_cosine_graph`: (n, features) -> (n, classes), `scale` times the cosine.

    While it learns, the cosine of the right class counts `margin` less (CosFace, Wang et al., arXiv:1801.09414), so
    that the clips of a person end nearer to each other than the softmax alone asks.

    Parameters
    ----------
    features, classes : widths
    margin : in cosine; not asked of class 0, whose clips show many people
    scale : the softmax's inverse temperature
    """

    def __init__(self, features: int, classes: int, margin: float, scale: float) -> None:
        super().__init__()
        self.margin, self.scale = margin, scale
        self.stage2_weight = nn.Parameter(torch.zeros(classes, features))

    def forward(self, data: Tensor) -> Tensor:
        return self.scale * functional.normalize(data) @ functional.normalize(self.stage2_weight).T

    def loss(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy in nats of the scores with the margin, and the scores (n, classes) without."""
        scores = self(data)
        margin = self.scale * self.margin * (labels != config.SUBMIT.NOBODY)
        harder = scores - margin[:, None] * functional.one_hot(labels, scores.shape[1])
        return functional.cross_entropy(harder, labels), scores

    def arrays(self) -> dict[str, np.ndarray]:
        """`stage2_weight` (classes, features) float32, rows of length 1."""
        return {"stage2_weight": functional.normalize(self.stage2_weight.detach()).cpu().numpy()}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over `stage2_weight`.

        Raises
        ------
        ValueError
            If it is missing or has another shape.
        """
        load_arrays({"stage2_weight": self.stage2_weight}, arrays)

    def named_mxnet_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """What is trained, with its MXNet name."""
        return [("stage2_weight", self.stage2_weight)]


def start_at_centroids(model: CosineClassifier, features: Tensor, labels: Tensor, generator: torch.Generator) -> None:
    """Begin with the mean direction of each class's rows; a class without rows, and class 0, with a random one.

    Parameters
    ----------
    features : (n, D) float32, on the CPU
    labels : (n,) int64
    """
    classes, width = model.stage2_weight.shape
    sums = torch.zeros(classes, width).index_add_(0, labels, functional.normalize(features))
    noise = torch.randn(classes, width, generator=generator)
    vague = (sums.norm(dim=1) < 1e-6) | (torch.arange(classes) == config.SUBMIT.NOBODY)
    with torch.no_grad():
        model.stage2_weight.copy_(functional.normalize(torch.where(vague[:, None], noise, sums)))
