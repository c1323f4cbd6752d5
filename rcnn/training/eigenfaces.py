"""New people out of old ones: crops whose place in a space of principal components is moved."""

from __future__ import annotations

import cv2
import numpy as np
from sklearn.decomposition import PCA

COMPONENTS = 120
SIDE = 72  # pixels a side at which components are computed


class Eigenfaces:
    """Principal components of aligned crops (Turk and Pentland, "Eigenfaces for Recognition", 1991).

    Parameters
    ----------
    crops : (n, S, S, 3) uint8
    seed : of the approximate decomposition
    """

    def __init__(self, crops: np.ndarray, seed: int = 0) -> None:
        small = np.stack([cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for crop in crops])
        flat = small.reshape(len(small), -1).astype(np.float32)
        count = min(COMPONENTS, len(flat))
        pca = PCA(count, svd_solver="randomized", random_state=seed, iterated_power=2).fit(flat)
        self.components = pca.components_.astype(np.float32)
        self.coefficients = pca.transform(flat).astype(np.float32)

    def crossed(self, crop: np.ndarray, own: int, other: int, rng: np.random.Generator) -> np.ndarray:
        """A crop with about half of its coefficients taken from another; its fine detail stays.

        Parameters
        ----------
        crop : (S, S, 3) uint8, number `own` of those that the space was made of
        other : number of the other

        Returns
        -------
        (S, S, 3) uint8.
        """
        taken = rng.random(len(self.components)) < rng.uniform(0.3, 0.7)
        change = np.where(taken, self.coefficients[other] - self.coefficients[own], 0)
        difference = (change @ self.components).reshape(SIDE, SIDE, 3)
        difference = cv2.resize(difference, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.clip(crop + difference, 0, 255).astype(np.uint8)
