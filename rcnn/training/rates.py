"""Learning rate schedules."""

from __future__ import annotations

import math
from collections.abc import Sequence

STEP_FACTOR = 0.1


def stepped(rate: float, epoch: int, steps: Sequence[int]) -> float:
    """Learning rate of an epoch, counted from 0: it falls tenfold after each number of epochs in `steps`."""
    return rate * STEP_FACTOR ** sum(step <= epoch for step in steps)


def warm_cosine(rate: float, step: int, total: int, warm_up: float) -> float:
    """Learning rate of a step: linear warm-up over the first share `warm_up` of all steps, then cosine decay to 0
    (Loshchilov and Hutter, arXiv:1608.03983)."""
    warm = max(1, round(warm_up * total))
    if step < warm:
        return rate * (step + 1) / warm
    return rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def held_then_falling(rate: float, period: int, total: int, until: float, last: float) -> float:
    """Learning rate of a period, counted from 0: constant up to the share `until` of all periods, then linear decay,
    but never below `last` times `rate`."""
    left = (total - period) / (total * (1 - until))
    return rate * max(last, min(1.0, left))


def held_then_linear(rate: float, step: int, total: int, warm_up: int, fall: float) -> float:
    """Learning rate of a step: linear warm-up over `warm_up` steps, constant, then linear decay to 0 over the last
    share `fall` of all steps (Haegele et al., arXiv:2405.18392). The total matters only for the start of the decay."""
    left = (total - step) / max(1.0, total * fall)
    return rate * min(1.0, (step + 1) / max(1, warm_up), left)
