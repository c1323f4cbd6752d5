"""The faces of a clip or a track to one vector."""

from __future__ import annotations

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
    """One vector a clip.

    The embeddings of a face's variants are summed, each face is normalised, and so is the sum of a clip's faces.

    Parameters
    ----------
    faces : crops (H, W, 3) uint8, BGR, of each clip, at least one a clip
    augment : see `variants`

    Returns
    -------
    (clips, D) float32 of length 1.
    """
    crops = np.concatenate([variants(crop, augment) for clip in faces for crop in clip])
    embeddings = embedder.embed(crops)
    count = sum(len(clip) for clip in faces)
    per_face = normalise(embeddings.reshape(count, -1, embeddings.shape[1]).sum(1))
    starts = np.cumsum([0, *(len(clip) for clip in faces[:-1])])
    return normalise(np.add.reduceat(per_face, starts, axis=0))
