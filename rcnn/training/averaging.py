"""A running mean of the weights over the training steps (Polyak averaging); evaluation and export use this mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

WARM_UP = 10.0  # steps; shortens the window of the mean at the start of a training


def running_mean(decay: float) -> Callable[[Any, Any, Any], None]:
    """Update function for `AveragedModel(..., multi_avg_fn=...)`.

    It moves the averages towards the weights by `1 - decay`, and by more in the first steps, so that the random
    initial weights fade quickly.
    """

    @torch.no_grad()
    def update(averages: Any, weights: Any, count: Any) -> None:
        kept = min(decay, (1 + float(count)) / (WARM_UP + float(count)))
        torch._foreach_lerp_(averages, weights, 1 - kept)

    return update
