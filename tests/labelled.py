"""Data sets of nothing but labels, for stages that need no clips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path


def write_labels(root: Path, labels: Mapping[str, int], others: Iterable[str] = ()) -> str:
    """The lists of a data set: clips of train with their labels, 0 or less for nobody known, and other clips."""
    lists = root / "gt_v2"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "IQIYI_VID.txt").write_text("".join(f"{name}\n" for name in [*labels, *others]))
    (lists / "train_v2.txt").write_text("".join(f"{name} {label}\n" for name, label in labels.items() if label > 0))
    (lists / "val_v2.txt").write_text("")
    return str(root)
