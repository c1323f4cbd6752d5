"""The input format of an embedding, measured if its graph does not define it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..networks.engine.images import NO_MEAN, ONES, ImageInput, Three
from ..networks.engine.load_onnx import load_onnx_network
from ..networks.engine.onnx_graph import OnnxGraph
from ..networks.zoo.words import BGR, RGB
from ..scores.verification import area_under_roc, different_pairs, same_pairs, similarities
from .card import Card
from .embedding import Embedder
from .load import embedding_output
from .vectors import normalise

IMAGENET_MEAN: Three = (123.675, 116.28, 103.53)  # red, green, blue: torchvision's 0.485, 0.456, 0.406 of 255
IMAGENET_STD: Three = (58.395, 57.12, 57.375)  # 0.229, 0.224, 0.225 of 255
WAYS: tuple[tuple[Three, Three], ...] = (  # mean and deviation of red, green, blue commonly used in training embeddings
    ((127.5,) * 3, (127.5,) * 3),
    ((127.5,) * 3, (128.0,) * 3),
    (NO_MEAN, ONES),
    (NO_MEAN, (255.0,) * 3),
    (IMAGENET_MEAN, IMAGENET_STD),
)
PAIRS = 20_000  # largest number of pairs of different people to compare


@dataclass(frozen=True)
class Tried:
    """An input format, and how well the embedding separates people with it.

    card : colour, mean and std
    separation : difference of the mean cosines of same and different pairs, in units of their pooled standard deviation
        (d' of signal detection); it still discriminates when the area under the ROC is near 1
    auc : area under the ROC
    """

    card: Card
    separation: float
    auc: float


def try_ways(path: str, crops: Sequence[np.ndarray], labels: np.ndarray, device: int) -> Iterator[Tried]:
    """Each common input format of embeddings, measured on pairs of crops.

    Parameters
    ----------
    path : X.onnx
    crops : n, each (112, 112, 3) uint8, BGR
    labels : (n,) of people, at least two of them with several crops
    device : number of a CUDA device or `CPU`

    Raises
    ------
    InputError
        If it is not an embedding, or there are too few pairs.
    """
    graph = OnnxGraph(path)
    output, _ = embedding_output(graph, Card())
    same = same_pairs(labels)
    sizes = np.unique(labels, return_counts=True)[1]
    all_different = (len(labels) ** 2 - int((sizes**2).sum())) // 2
    different = different_pairs(labels, min(PAIRS, all_different), np.random.default_rng(0))
    for mean, std in WAYS:
        for colour in (RGB, BGR):
            ordered = (mean, std) if colour == RGB else (mean[::-1], std[::-1])
            network = load_onnx_network(graph, [output], device=device, image=ImageInput(colour == RGB, *ordered))
            unit = normalise(Embedder(network).embed(crops))
            one, two = similarities(unit, same), similarities(unit, different)
            spread = float(np.sqrt((one.var() + two.var()) / 2))
            separation = float(one.mean() - two.mean()) / spread if spread else 0.0
            yield Tried(Card(colour, *ordered), separation, area_under_roc(one, two))
