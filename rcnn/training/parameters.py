"""Converts parameters and statistics of a module to named arrays and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def arrays_of(named: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Copies of tensors as arrays."""
    return {name: value.detach().cpu().contiguous().numpy().copy() for name, value in named.items()}


def load_arrays(named: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray]) -> None:
    """Copy arrays into the tensors of the same name; additional arrays are ignored.

    Raises
    ------
    ValueError
        If one is missing or has another shape; the message names it.
    """
    with torch.no_grad():
        for name, value in named.items():
            array = arrays.get(name)
            if array is None or array.shape != tuple(value.shape):
                found = "missing" if array is None else f"of shape {array.shape}"
                raise ValueError(f"{name} is {found}, expected {tuple(value.shape)}")
            value.copy_(torch.from_numpy(np.array(array, np.float32)))
