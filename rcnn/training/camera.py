"""What a camera may do to a picture: other light, blur, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

GREY = 0.06  # probabilities
BLURRED = 0.2
NOISY = 0.25
COMPRESSED = 0.4
GAIN = 0.35  # brightness is multiplied by 1 - GAIN to 1 + GAIN, contrast too
TINT = 0.1  # and each channel by 1 - TINT to 1 + TINT
GAMMA = (0.6, 1.6)
BLUR_SIGMA = (0.3, 1.2)  # pixels
NOISE_SIGMA = (1.0, 10.0)  # grey levels
JPEG_QUALITY = (25, 90)


def photographed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture (H, W, 3) uint8, as another camera might have taken it."""
    table = (np.arange(256) / 255) ** np.exp(rng.uniform(*np.log(GAMMA)))
    gains = rng.uniform(1 - GAIN, 1 + GAIN) * rng.uniform(1 - TINT, 1 + TINT, 3)
    contrast = rng.uniform(1 - GAIN, 1 + GAIN)
    tables = ((table[:, None] * gains - 0.5) * contrast + 0.5) * 255
    picture = cv2.LUT(picture, np.clip(tables, 0, 255).astype(np.uint8).reshape(1, 256, 3))
    if rng.random() < GREY:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < BLURRED:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(*BLUR_SIGMA))
    if rng.random() < NOISY:
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(*NOISE_SIGMA))
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < COMPRESSED:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG_QUALITY))]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture
