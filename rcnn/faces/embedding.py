"""From crops to embeddings; the norm of an embedding measures the quality of the crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..networks.checkpoint import load_checkpoint
from ..networks.checkpoint.cascade import is_cascade
from ..networks.engine import CPU, FP32, Network, load_network
from ..networks.engine.images import ImageInput
from .detectors.essh import EMBEDDING as OUTPUT
from .detectors.essh import has_boxes, has_landmarks
from .recognised import described, say
from .vectors import norms

SAME_LENGTH = 1e-3  # relative to the longer one: more than the rounding of float16


def load_mxnet_embedder(model: str, device: int = CPU, *, precision: str = FP32) -> Embedder:
    """The embedding network of an MXNet checkpoint, up to `fc1_output`.

    Parameters
    ----------
    model : `PREFIX,EPOCH`
    device : number of a CUDA device or `CPU`
    precision : see `load_network`

    Raises
    ------
    InputError
        If the checkpoint can't be read or has no such output.
    """
    if is_cascade(model):
        raise InputError(f"{model}: is the detector MTCNN; give it as --detector")
    graph = load_checkpoint(model)
    if OUTPUT not in graph.internal_names and has_boxes(graph):
        raise InputError(no_embedding(graph.source, "a detector" if has_landmarks(graph) else BARE))
    network = load_network(graph, [OUTPUT], device=device, images=True, precision=precision)
    return Embedder(network, say("model", model, f"embedding, {described(ImageInput())}"))


BARE = "a detector without landmarks"


def no_embedding(model: str, kind: str) -> str:
    """The error for a detector given as --model, and the right flag for it.

    Parameters
    ----------
    kind : "a detector", with more about it, or `BARE`
    """
    if kind == BARE:
        return (
            f"{model}: is {BARE}, not an embedding, and can't be used as --detector either: faces are aligned by five "
            "landmarks"
        )
    return f"{model}: is {kind}, not an embedding; give it as --detector"


class Embedder:
    """Embeds aligned crops.

    Parameters
    ----------
    network : takes images, with one output (n, D)
    words : its detected kind and input format
    """

    def __init__(self, network: Network, words: str = "") -> None:
        self.network = network
        self.words = words

    def embed(self, crops: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings, not normalised.

        Parameters
        ----------
        crops : n arrays (112, 112, 3) uint8, BGR, as returned by `align_faces`

        Returns
        -------
        (n, D) float32. For no crops (0, 0).
        """
        if isinstance(crops, np.ndarray) and crops.ndim == 3:
            raise InputError("embed takes a list of crops; put a single one into a list")
        if not len(crops):
            return np.zeros((0, 0), np.float32)
        images = np.stack(crops) if not isinstance(crops, np.ndarray) else crops
        return self.network(images)[0].reshape(len(images), -1)  # some return (n, D, 1, 1)

    def width(self, size: tuple[int, int] = (112, 112)) -> int:
        """The length of the embedding of a crop of `size` (height, width)."""
        return self.embed(np.zeros((1, *size, 3), np.uint8)).shape[1]


def is_normalised(embedder: Embedder, size: tuple[int, int] = (112, 112)) -> bool:
    """Whether all embeddings of crops of `size` (height, width) have the same norm, as in networks that normalise their
    output: the norm is then no measure of quality."""
    noise = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    noise[1] //= 4
    lengths = norms(embedder.embed(noise))
    return bool(np.ptp(lengths) < SAME_LENGTH * lengths.max())
