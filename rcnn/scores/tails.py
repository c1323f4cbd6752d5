"""The upper tail of a sample: the value that a given small share reaches."""

from __future__ import annotations

import numpy as np

SHARE = 0.1  # of the sample that the tail is fitted to
LEAST = 10  # values that it is fitted to, where there are so many
TIE = 1e-4  # how far a threshold stands above equal values of which too many would reach it


def threshold_of(values: np.ndarray, rate: float) -> float:
    """The value that a share `rate` of further values will reach.

    Counted where the share is larger than the tail, else extrapolated: how far values lie above a high one falls off
    exponentially (the generalised Pareto distribution of Pickands, Ann. Statist. 3, 1975, with shape 0, which is the
    limit for the greatest of many cosines). With the sum S of the m excesses a further one is greater than y in a share
    (1 + y / S)^-m of cases, exactly and for any m: few values make for a careful threshold.

    Parameters
    ----------
    values : (n,), 2 or more
    rate : 0..1
    """
    ordered = np.sort(np.asarray(values, np.float64))
    count = len(ordered)
    upper = min(max(LEAST, int(SHARE * count)), count - 1)
    if rate * count >= upper:
        found = float(np.quantile(ordered, max(1 - rate, 0.0)))
    else:
        start = ordered[-upper - 1]
        excesses = float((ordered[-upper:] - start).sum())
        found = float(start + excesses * ((upper / count / rate) ** (1 / upper) - 1))
    many = count - int(np.searchsorted(ordered, found - TIE / 2, "left"))
    near = count - int(np.searchsorted(ordered, found + TIE / 2, "right"))
    # equal values, as of clips that were copied, can't be told apart by a quantile between them
    return found + TIE if many - near > 1 and many > rate * count + 1 else found
