"""Thresholds in the card of an embedding model: cosines at false match rates, measured on pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CardThresholds:
    """Cosines of pairs of photographs of two people, of which a known share is greater.

    rates : (k,) false match rates, falling, as 1e-2, 1e-3, 1e-4
    cosines : (k,) the cosine that this share of pairs reaches; rising
    model : name of the model, for messages
    """

    rates: tuple[float, ...]
    cosines: tuple[float, ...]
    model: str = ""

    def __post_init__(self) -> None:
        falling = all(first > second for first, second in zip(self.rates, self.rates[1:], strict=False))
        rising = all(first <= second for first, second in zip(self.cosines, self.cosines[1:], strict=False))
        if len(self.rates) < 2 or len(self.rates) != len(self.cosines) or not (falling and rising):
            raise ValueError("thresholds need two false match rates or more, cosines rising as rates fall")
        if not (self.rates[-1] > 0 and self.rates[0] < 1 and self.cosines[0] >= -1 and self.cosines[-1] <= 1):
            raise ValueError("false match rates lie between 0 and 1, cosines between -1 and 1")

    def at(self, rate: float) -> float:
        """The cosine that a share `rate` of pairs reaches: linear in the logarithm of the rate, on from the last
        points with their slope, and at most 1."""
        logs, cosines = -np.log(self.rates), np.array(self.cosines)
        wanted = -np.log(rate)
        segment = int(np.clip(np.searchsorted(logs, wanted), 1, len(logs) - 1))
        slope = (cosines[segment] - cosines[segment - 1]) / (logs[segment] - logs[segment - 1])
        return float(np.clip(cosines[segment - 1] + slope * (wanted - logs[segment - 1]), -1.0, 1.0))
