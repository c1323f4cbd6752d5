"""Cross-validation folds of a training set: clips of one source are left out together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

NO_FOLD = -1  # of a clip that is never left out


def deal_folds(labels: np.ndarray, names: Sequence[str], sources: Sequence[str], count: int) -> np.ndarray:
    """The fold of each clip, (n,) int64 from 0 to `count` - 1.

    The sources of a person, in hash order, go to the folds in turn, so that only the smallest folds can contain
    everything of a person. If all clips of a person have one source, the clips are dealt instead. The only clip of a
    person has `NO_FOLD`.

    Parameters
    ----------
    labels : (n,) int64
    names : (n,) names of the clips
    sources : (n,) what each clip was cut from; clips of one source look similar
    count : number of folds, at least 2
    """
    people: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (label, source) in enumerate(zip(labels.tolist(), sources, strict=True)):
        people[label][source].append(row)
    folds = np.full(len(labels), NO_FOLD)
    for label, groups in people.items():
        if len(groups) == 1:
            groups = {names[row]: [row] for rows in groups.values() for row in rows}
        if len(groups) == 1:
            continue
        begin = _hash(str(label))
        for place, key in enumerate(sorted(groups, key=lambda key: (_hash(f"{label} {key}"), key))):
            folds[groups[key]] = (begin + place) % count
    return folds


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "big")
