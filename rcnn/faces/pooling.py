"""From the faces of a clip or a track to one vector."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..config import config
from .embedding import Embedder
from .vectors import normalise


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


def clip_features(embedder: Embedder, faces: list[list[np.ndarray]], augment: int) -> np.ndarray:
    """One vector per clip: `pool` of its `face_vectors`.

    Parameters
    ----------
    faces : crops (H, W, 3) uint8, BGR, of each clip, at least one per clip
    augment : see `variants`

    Returns
    -------
    (clips, D) float32 of length 1.
    """
    return pool(face_vectors(embedder, faces, augment), [len(clip) for clip in faces])


def face_vectors(embedder: Embedder, faces: list[list[np.ndarray]], augment: int) -> np.ndarray:
    """One vector per face, clip by clip: (faces, D) float32 of length 1, the normalised sum of the embeddings of its
    variants. Parameters as for `clip_features`."""
    crops = np.concatenate([variants(crop, augment) for clip in faces for crop in clip])
    embeddings = embedder.embed(crops)
    count = sum(len(clip) for clip in faces)
    return normalise(embeddings.reshape(count, -1, embeddings.shape[1]).sum(1))


def pool(vectors: np.ndarray, counts: Sequence[int], weights: np.ndarray | None = None) -> np.ndarray:
    """One vector per clip: the normalised weighted sum of its faces' vectors.

    Parameters
    ----------
    vectors : (faces, D) float32 of length 1, clip by clip
    counts : faces of each clip, 1 or more
    weights : (faces,) float32, 0 or more, not all 0 in a clip; None for 1 each

    Returns
    -------
    (clips, D) float32 of length 1.
    """
    starts = np.cumsum([0, *counts[:-1]])
    weighted = vectors if weights is None else vectors * weights[:, None]
    return normalise(np.add.reduceat(weighted, starts, axis=0))


@dataclass(frozen=True)
class Weighting:
    """The weight of each face in its clip's vector.

    quality, score : whether to use the quality of the crop, and the detector's probability of a face
    power : their exponent; 0 gives all faces the same weight
    """

    quality: bool
    score: bool
    power: float

    def of(self, qualities: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The weights (n,) float32, 1 for the best face, of a clip's or a track's faces (n,)."""
        weights = np.ones(len(qualities))
        for counts, values in ((self.quality, qualities), (self.score, scores)):
            best = values.max(initial=0.0)
            if counts and best > 0:
                weights *= (np.maximum(values, 0) / best).astype(np.float64) ** self.power
        best = weights.max(initial=0.0)
        return (weights / best if best > 0 else np.ones(len(weights))).astype(np.float32)


@dataclass(frozen=True)
class RandomMeans:
    """Additional training vectors of a clip: means of some of its faces, as a shorter or worse clip would have.

    sizes : numbers of faces in a mean
    draws : maximum number of means of each size
    """

    sizes: tuple[int, ...]
    draws: int

    def choose(self, faces: int, seed: str) -> Iterator[np.ndarray]:
        """The faces of each mean, rising (k,) int; no two means have the same faces, and none has all of them.

        Parameters
        ----------
        faces : their number
        seed : from the names of the clip and the track; the same seed gives the same faces on any machine
        """
        source = np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")))
        for size in self.sizes:
            order = np.argsort(source.random((self.draws, faces)), axis=1, kind="stable")
            if size < faces:
                yield from np.unique(np.sort(order[:, :size], axis=1), axis=0)

    def of(self, vectors: np.ndarray, weights: np.ndarray | None, seed: str) -> np.ndarray:
        """The means (m, D) float32 of length 1 for one clip or track; see `pool` for vectors and weights, and `choose`
        for the seed."""
        chosen = list(self.choose(len(vectors), seed))
        if not chosen:
            return np.zeros((0, vectors.shape[1]), np.float32)
        rows = np.concatenate(chosen)
        return pool(vectors[rows], [len(each) for each in chosen], None if weights is None else weights[rows])
