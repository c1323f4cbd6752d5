"""Input formats of networks: the only place where colour order, layout and normalisation are converted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Three = tuple[float, float, float]
NO_MEAN: Three = (0.0, 0.0, 0.0)
ONES: Three = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class ImageInput:
    """How images (N x H x W x 3, uint8, BGR) are converted to planes (N x 3 x H x W, float32): (value - mean) / std.

    rgb : whether the planes are red, green, blue; else blue, green, red
    mean, std : of the planes in their order, in values of 0..255
    """

    rgb: bool = True
    mean: Three = NO_MEAN
    std: Three = ONES


def image_planes(images: np.ndarray, image: ImageInput) -> np.ndarray:
    """N x H x W x 3, uint8, BGR -> N x 3 x H x W, float32, as the network's input."""
    result = images.transpose(0, 3, 1, 2)
    result = (result[:, ::-1] if image.rgb else result).astype(np.float32)
    mean, std = (np.array(three, np.float32).reshape(1, 3, 1, 1) for three in (image.mean, image.std))
    return (result - mean) / std
