"""Synthetic people: crops moved in a space of principal components."""

from __future__ import annotations

import cv2
import numpy as np
from sklearn.decomposition import PCA

COMPONENTS = 120
SIDE = 72  # pixels per side at which components are computed
MOST = 4000  # crops used to compute the components
CHUNK = 1000  # crops transformed together


class Eigenfaces:
    """Principal components of aligned crops (Turk and Pentland, "Eigenfaces for Recognition", 1991).

    Parameters
    ----------
    crops : (n, S, S, 3) uint8
    seed : of the approximate decomposition
    """

    def __init__(self, crops: np.ndarray, seed: int = 0) -> None:
        small = np.stack([cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for crop in crops])
        flat = small.reshape(len(small), -1)
        some = flat[:: -(-len(flat) // MOST)].astype(np.float32)
        pca = PCA(min(COMPONENTS, len(some)), svd_solver="randomized", random_state=seed, iterated_power=2).fit(some)
        self.components = pca.components_.astype(np.float32)
        self.coefficients = np.concatenate(
            [
                pca.transform(flat[start : start + CHUNK].astype(np.float32)).astype(np.float32)
                for start in range(0, len(flat), CHUNK)
            ]
        )

    def differences(self, own: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The change of each crop when about half of its coefficients come from another crop.

        Parameters
        ----------
        own, others : (n,) int, indices of crops that the space was computed from

        Returns
        -------
        (n, SIDE, SIDE, 3) float32, grey levels.
        """
        shares = rng.uniform(0.3, 0.7, (len(own), 1))
        taken = rng.random((len(own), len(self.components))) < shares
        changes = np.where(taken, self.coefficients[others] - self.coefficients[own], 0)
        return (changes @ self.components).reshape(-1, SIDE, SIDE, 3)


def crossed(crop: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """A crop (S, S, 3) uint8 plus one of `Eigenfaces.differences`; its fine detail is kept."""
    difference = cv2.resize(difference, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(crop + difference, 0, 255).astype(np.uint8)
