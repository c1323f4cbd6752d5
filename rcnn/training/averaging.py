"""A running mean of weights over the steps of a training (Polyak averaging), which is what is judged and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

WARM_UP = 10.0  # steps until the mean is one over about as many steps as there were


def running_mean(decay: float) -> Callable[[Any, Any, Any], None]:
    """For `AveragedModel(..., multi_avg_fn=...)`: moves averages towards the weights by `1 - decay`, over the first
    steps by more, so that the beginning is forgotten."""

    @torch.no_grad()
    def update(averages: Any, weights: Any, count: Any) -> None:
        kept = min(decay, (1 + float(count)) / (WARM_UP + float(count)))
        torch._foreach_lerp_(averages, weights, 1 - kept)

    return update
