"""A cosine classifier: one direction per class, trained with an additive margin."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import config
from ..networks.checkpoint import Graph
from ..networks.graphs.classifier import build_cosine_graph
from .centroids import NOBODY_COSINE, Centroids, find_centroids
from .mlp import Trainable
from .parameters import load_arrays


class CosineClassifier(Trainable):
    """The network of `classifier.build_cosine_graph`: (n, features) -> (n, classes), `scale` times the cosine.

    Class 0 has the same cosine, `nobody`, with every clip: a direction would have to be near all strangers at once, and
    would be arbitrary without clips of strangers. In training, `margin` is subtracted from the cosine of the right
    class (CosFace, Wang et al., arXiv:1801.09414), which pulls the clips of a person closer together than softmax alone
    does. Untrained, at its templates, it ranks by the nearest centroid.

    Parameters
    ----------
    features, classes : widths
    margin : in cosine; not applied to class 0, whose clips show many people
    scale : the softmax's inverse temperature
    """

    nobody: Tensor

    def __init__(self, features: int, classes: int, margin: float, scale: float) -> None:
        super().__init__()
        self.margin, self.scale = margin, scale
        self.stage2_weight = nn.Parameter(torch.zeros(classes, features))
        self.register_buffer("nobody", torch.tensor(NOBODY_COSINE))

    def forward(self, data: Tensor) -> Tensor:
        cosines = functional.normalize(data) @ functional.normalize(self.stage2_weight).T
        return self.scale * torch.cat([self.nobody.expand(len(data), 1), cosines[:, 1:]], 1)

    def loss(self, data: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy in nats of the scores with the margin, and the scores (n, classes) without it."""
        scores = self(data)
        margin = self.scale * self.margin * (labels != config.SUBMIT.NOBODY)
        harder = scores - margin[:, None] * functional.one_hot(labels, scores.shape[1])
        return functional.cross_entropy(harder, labels), scores

    def arrays(self) -> dict[str, np.ndarray]:
        """`stage2_weight` (classes, features) float32, rows of unit norm except class 0, which is 0, and
        `stage2_bias` (classes,) float32, 0 except for class 0."""
        weight = functional.normalize(self.stage2_weight.detach()).cpu().numpy()
        return Centroids(weight, float(self.nobody), self.scale).arrays()

    def graph(self, arrays: Mapping[str, np.ndarray], source: str) -> Graph:
        """The network for the arrays that `arrays` returned."""
        return build_cosine_graph(arrays["stage2_weight"], arrays["stage2_bias"], self.scale, source)

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load `stage2_weight`, and the cosine of class 0 from `stage2_bias`, which older classifiers lack.

        Raises
        ------
        ValueError
            If `stage2_weight` is missing or has another shape.
        """
        load_arrays({"stage2_weight": self.stage2_weight}, arrays)
        if "stage2_bias" in arrays:
            self.nobody.fill_(float(arrays["stage2_bias"][config.SUBMIT.NOBODY]))

    def named_mxnet_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """The trained parameter with its MXNet name."""
        return [("stage2_weight", self.stage2_weight)]


def start_at_templates(
    model: CosineClassifier, features: Tensor, labels: Tensor, generator: torch.Generator, people: int | None = None
) -> None:
    """Initialise with the mean direction of each class's rows, see `find_centroids`; a class without rows starts at
    a random direction.

    Parameters
    ----------
    features : (n, D) float32, on the CPU
    labels : (n,) int64
    people : the largest label of a known person; None if all labels but 0 are known people
    """
    noise = torch.randn(model.stage2_weight.shape, generator=generator)
    templates, nobody = find_centroids(features.numpy(), labels.numpy(), noise.numpy(), people)
    with torch.no_grad():
        model.stage2_weight.copy_(torch.from_numpy(templates))
        model.nobody.fill_(nobody)
