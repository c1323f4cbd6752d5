"""Crops to embeddings; the norm of an embedding tells how good the crop is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..checkpoint import load_checkpoint
from ..config import config
from ..engine import CPU, FP32, Network, load_network
from ..errors import InputError

OUTPUT = "fc1_output"
SAME_LENGTH = 1e-3  # of the longer one: more than float16 makes of one length


def load_embedder(model: str, device: int = CPU, *, precision: str = FP32) -> Embedder:
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
    graph = load_checkpoint(model)
    return Embedder(load_network(graph, [OUTPUT], device=device, images=True, precision=precision))


class Embedder:
    """Embeds aligned crops.

    Parameters
    ----------
    network : fed images, with one output (n, D)
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    def embed(self, crops: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings, not normalised.

        Parameters
        ----------
        crops : n times (112, 112, 3) uint8, BGR, as `align_faces` gives them

        Returns
        -------
        (n, D) float32. For no crops (0, 0).
        """
        if isinstance(crops, np.ndarray) and crops.ndim == 3:
            raise InputError("embed takes a list of crops; put a single one into a list")
        if not len(crops):
            return np.zeros((0, 0), np.float32)
        images = np.stack(crops) if not isinstance(crops, np.ndarray) else crops
        return self.network(images)[0].reshape(len(images), -1)  # some give (n, D, 1, 1)


def norms(embeddings: np.ndarray) -> np.ndarray:
    """L2 norms, (n,) float32, of embeddings (n, D): the quality of the crops."""
    return np.sqrt((embeddings.astype(np.float64) ** 2).sum(-1)).astype(np.float32)


def is_normalised(embedder: Embedder, size: tuple[int, int] = (112, 112)) -> bool:
    """Whether all embeddings of crops of `size` (height, width) have one length, as those of networks that end by
    normalising them: their norm then says nothing about a crop."""
    noise = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    noise[1] //= 4
    lengths = norms(embedder.embed(noise))
    return bool(np.ptp(lengths) < SAME_LENGTH * lengths.max())


def normalise(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings (..., D) of length 1, float32; a zero vector stays one."""
    length = np.sqrt((embeddings.astype(np.float64) ** 2).sum(-1, keepdims=True))
    return (embeddings / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float32)


def variants(crop: np.ndarray, augment: int) -> np.ndarray:
    """A crop and its distorted versions.

    Parameters
    ----------
    crop : (H, W, 3) uint8, BGR
    augment : 0 for the crop alone, 1 with its mirror image, 2 also with brightness, contrast and saturation
        at -0.1 and +0.1

    Returns
    -------
    (1, 2 or 8, H, W, 3) uint8, BGR.
    """
    result = [crop]
    if augment >= 1:
        result.append(cv2.flip(crop, 1))
    if augment >= 2:
        pixels = crop.astype(np.float32)
        grey = pixels @ np.array(config.AUGMENT.LUMA[::-1], np.float32)
        # each change blends the crop with black, with its mean grey and with its grey picture
        for other in (np.float32(0), grey.mean(), grey[..., None]):
            for alpha in (1 - config.AUGMENT.JITTER, 1 + config.AUGMENT.JITTER):
                blend = pixels * alpha + other * (1 - alpha)
                result.append(np.clip(np.rint(blend), 0, 255).astype(np.uint8))
    return np.stack(result)
