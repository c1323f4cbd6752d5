"""Simulated camera defects: lighting, blur, low resolution, noise, compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GAMMA = (0.6, 1.6)
NOISE_SIGMA = (1.0, 10.0)  # grey levels


@dataclass(frozen=True)
class Camera:
    """Strength and probability of each camera defect.

    gain : brightness and contrast are each multiplied by 1 - gain to 1 + gain
    tint : each channel is multiplied by 1 - tint to 1 + tint
    grey, blurred, shrunk, noisy, compressed, dark, moved : probabilities
    blur_sigma : pixels; all pairs are ranges (from, to)
    shrunk_side : pixels per side of the low-resolution sensor
    jpeg_quality : 0 to 100
    brightness : factor of a dark picture
    motion : length of the motion blur, pixels
    """

    gain: float
    tint: float
    grey: float
    blurred: float
    noisy: float
    compressed: float
    blur_sigma: tuple[float, float]
    jpeg_quality: tuple[int, int]
    shrunk: float = 0.0
    shrunk_side: tuple[int, int] = (1, 2)
    dark: float = 0.0
    brightness: tuple[float, float] = (0.15, 0.5)
    moved: float = 0.0
    motion: tuple[float, float] = (2.0, 9.0)


def photographed(picture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """The picture (H, W, 3) uint8 with random camera defects."""
    table = (np.arange(256) / 255) ** np.exp(rng.uniform(*np.log(GAMMA)))
    gains = rng.uniform(1 - camera.gain, 1 + camera.gain) * rng.uniform(1 - camera.tint, 1 + camera.tint, 3)
    contrast = rng.uniform(1 - camera.gain, 1 + camera.gain)
    tables = ((table[:, None] * gains - 0.5) * contrast + 0.5) * 255
    picture = cv2.LUT(picture, np.clip(tables, 0, 255).astype(np.uint8).reshape(1, 256, 3))
    # a probability of 0 draws no random number, so that a seed keeps giving the same pictures
    if camera.dark and rng.random() < camera.dark:
        picture = cv2.convertScaleAbs(picture, alpha=rng.uniform(*camera.brightness))
    if rng.random() < camera.grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < camera.blurred:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(*camera.blur_sigma))
    if camera.moved and rng.random() < camera.moved:
        picture = _smeared(picture, rng.uniform(*camera.motion), rng.uniform(0, np.pi))
    if camera.shrunk and rng.random() < camera.shrunk:
        picture = shrunk(picture, int(rng.integers(*camera.shrunk_side)))
    if rng.random() < camera.noisy:
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(*NOISE_SIGMA))
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < camera.compressed:
        picture = _compressed(picture, int(rng.integers(*camera.jpeg_quality)))
    return picture


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture (H, W, 3) uint8 downsampled to `side` x `side` pixels and scaled back."""
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (picture.shape[1], picture.shape[0]))


def _smeared(picture: np.ndarray, length: float, angle: float) -> np.ndarray:
    """The picture with linear motion blur of `length` pixels."""
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    ends = [tuple(int(value) for value in (side // 2 + sign * reach).round()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert again is not None  # what was just encoded
    return again
