"""The step of predict.py: from vectors to the probability of every class, with one classifier or the mean of
several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..config import config
from ..errors import InputError
from ..networks.checkpoint import Graph, load_checkpoint
from ..networks.engine import Network, choose_device, load_network
from ..networks.engine.load_onnx import load_onnx_network
from ..networks.engine.onnx_graph import OnnxGraph, is_onnx
from ..networks.graphs.classifier import OUTPUT, shape_of
from ..networks.zoo.roles import members_of, model_files
from ..scores.extra_classes import ExtraClasses
from ..tables.header import check_unchanged
from ..tables.join import Batch

ROWS = 1024  # vectors in a batch of the network
SHORTEST = 1e-6  # length of a class's weights below which they have no direction


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) float32 of scores (n, classes): each row sums to 1; a score of -inf has 0."""
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


@dataclass(frozen=True)
class Widths:
    """Widths of a classifier: of its input vectors, and its number of classes."""

    features: int
    classes: int


def read_classifier(model: str, even: bool = False) -> tuple[Callable[[int], Network], Widths]:
    """A function that makes a classifier's network for a device; the network returns scores (n, classes) before the
    softmax.

    Parameters
    ----------
    model : `PREFIX,EPOCH` of one checkpoint, or `X.onnx` with `fc7_output` or nothing else as output
    even : whether to give the weights of all classes the same length, see `even_norms`

    Raises
    ------
    InputError
        If it can't be read or is not a classifier.
    """
    if not is_onnx(model):
        graph = load_checkpoint(model)
        shape = shape_of(graph)
        if even:
            graph = even_norms(graph)
        return lambda device: load_network(graph, [OUTPUT], device=device), Widths(shape.features, shape.classes)
    if even:
        raise InputError(f"--calibrate norm: the weights of {model} are not accessible; give PREFIX,EPOCH")
    onnx = OnnxGraph(model)
    names = onnx.output_names
    number = names.index(OUTPUT) if OUTPUT in names else 0
    given = onnx.input_shape
    width = given[1] if len(given) == 2 else None
    found = onnx.shapes_at(ROWS, width) if width else None
    if not width or found is None or len(found[number]) != 2 or (OUTPUT not in names and len(names) > 1):
        raise InputError(f"{model}: is not a classifier: it takes no vectors or has no output {OUTPUT} to give scores")
    return lambda device: load_onnx_network(onnx, [number], device=device), Widths(width, found[number][1])


def even_norms(graph: Graph) -> Graph:
    """A classifier with the people's weights scaled to one length, their mean.

    A class with many clips gets longer weights, and so higher scores for everybody (Kang et al.,
    arXiv:1910.09217, "tau-normalised", with tau 1). A bias is scaled with its weights, so that each score stays the
    distance from the same plane. Class 0 and classes without a direction stay as they are.
    """
    weight, bias = graph.params["stage2_weight"], graph.params["stage2_bias"]
    lengths = np.linalg.norm(weight, axis=1)
    known = lengths > SHORTEST
    known[config.SUBMIT.NOBODY] = False
    scale = np.ones(len(weight), np.float32)
    if known.any():
        scale[known] = lengths[known].mean() / lengths[known]
    even = {"stage2_weight": weight * scale[:, None], "stage2_bias": bias * scale}
    return replace(graph, params={**graph.params, **even})


def read_widths(model: str) -> Widths:
    """The widths of a classifier, which must be the same in all folds.

    Raises
    ------
    InputError
        As `read_classifier`, and if they differ.
    """
    found = {member: read_classifier(member)[1] for member in members(model)}
    first, *others = found
    for other in others:
        if found[other] != found[first]:
            raise InputError(f"{other}: has other widths than {first}; train the folds again, with --overwrite")
    return found[first]


def members(model: str) -> tuple[str, ...]:
    """The checkpoints of `PREFIX,EPOCH`, see `members_of`; an `X.onnx` is its own."""
    return (model,) if is_onnx(model) else members_of(model)


@dataclass(frozen=True)
class PredictStep:
    """Turns batches of vectors into their probabilities (n, classes) float32.

    networks : to average
    absent : classes without a clip in the training set, which get probability 0
    offsets : (networks, classes) float32, subtracted from the scores; None for none
    extra : classes of strangers, which count as class 0; None for none
    """

    networks: Sequence[Network]
    absent: np.ndarray
    offsets: np.ndarray | None = None
    extra: ExtraClasses | None = None

    def __call__(self, batches: Sequence[Batch]) -> list[np.ndarray]:
        return [self.probabilities(batch.vectors) for batch in batches]

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) float32 of vectors (n, features)."""
        found = [self._of_rows(vectors[at : at + ROWS]) for at in range(0, len(vectors), ROWS)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _of_rows(self, vectors: np.ndarray) -> np.ndarray:
        found = [softmax(self.scores(vectors, number)) for number in range(len(self.networks))]
        mean = found[0] if len(found) == 1 else np.stack(found).mean(0)
        return mean if self.extra is None else self.extra.people_only(mean)

    def scores(self, vectors: np.ndarray, number: int) -> np.ndarray:
        """Scores (n, classes) float32 of at most `ROWS` vectors, by one of the networks; -inf for absent classes."""
        count = len(vectors)
        rows = vectors if count == ROWS else np.pad(vectors, ((0, ROWS - count), (0, 0)))
        scores = self.networks[number](rows)[0][:count].copy()
        if self.offsets is not None:
            scores -= self.offsets[number]
        scores[:, self.absent] = -np.inf
        return scores


@dataclass(frozen=True)
class PredictJob:
    """The step of predict.py, to be built by each worker; see `rcnn.workers.Job`.

    labels : of the training set; None if not known
    sums : of the model's files, by name
    even, offsets, extra : of `read_classifier` and `PredictStep`
    """

    model: str
    labels: tuple[int, ...] | None
    sums: Mapping[str, str]
    even: bool = False
    offsets: np.ndarray | None = None
    extra: ExtraClasses | None = None

    def build(self, gpu: int | None, source: Callable[[], Any] | None = None) -> PredictStep:
        found = [read_classifier(member, self.even) for member in members(self.model)]
        check_unchanged(model_files(self.model), self.sums)
        networks = [make(choose_device(gpu)) for make, _ in found]
        return PredictStep(networks, absent_classes(self.labels, found[0][1].classes), self.offsets, self.extra)

    def lost(self, batch: Batch, reason: str) -> np.ndarray:
        raise InputError(
            f"the batch from {batch.names[0]} to {batch.names[-1]} {reason}; is there memory for the model?"
        )


def absent_classes(labels: Sequence[int] | None, classes: int) -> np.ndarray:
    """Classes (n,) int64, 1 or more, that are not in `labels`; empty if these are not known.

    With the challenge's numbering there are 4,935 classes, even for a training set of few people.
    """
    return np.setdiff1d(np.arange(1, classes), labels) if labels is not None else np.zeros(0, np.int64)
