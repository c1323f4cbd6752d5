"""Recognises what the stages write, so that it is not taken for photographs and videos.

`rcnn.tables` writes stage directories and is above this package, so the names that both need are here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from ..files.json import read_json

MANIFEST = "manifest.json"
PROGRESS = "progress.json"
ENDINGS = (".parquet", ".params")  # of tables and checkpoints
OUTPUT = "is the output of another run"
_STAGES = re.compile(r"(det|feat|pred)_(trainval|test)|trainval|appearances")
_BESIDE = frozenset({"dataset", "log"})  # one of them is in every folder of find or run.sh


def is_output(folder: str, names: Collection[str]) -> bool:
    """Whether a folder is a stage directory, or the folder of a run.

    A folder that merely contains a stage directory next to films is neither.

    Parameters
    ----------
    names : of its entries
    """
    if _is_stage(folder, names):
        return True
    if _BESIDE.isdisjoint(names):
        return False
    return any(_is_stage(os.path.join(folder, name)) for name in names if _STAGES.fullmatch(name))


def outputs_among(paths: Collection[str]) -> list[str]:
    """The folders of stages and of runs among relative paths of a store; those in others are left out.

    A stage is told by the names of its files, because reading its manifest takes a request.
    """
    there = set(paths)
    stages = {
        path.removesuffix(f"/{MANIFEST}")
        for path in there
        if path.endswith(f"/{MANIFEST}") and f"{path.removesuffix(MANIFEST)}clips/part-00000.parquet" in there
    }
    parents = {stage.rpartition("/")[0] for stage in stages if _STAGES.fullmatch(stage.rpartition("/")[2])} - {""}
    runs = {run for run in parents if any(path.startswith(f"{run}/{name}/") for path in there for name in _BESIDE)}
    found: list[str] = []
    for folder in sorted(stages | runs):
        if not any(folder.startswith(f"{other}/") for other in found):
            found.append(folder)
    return found


def _is_stage(folder: str, names: Collection[str] = (MANIFEST, PROGRESS)) -> bool:
    if MANIFEST in names and isinstance(_fields(os.path.join(folder, MANIFEST)).get("stage"), str):
        return True
    return PROGRESS in names and _fields(os.path.join(folder, PROGRESS)).keys() >= {"header", "clips", "states"}


def _fields(path: str) -> dict[str, object]:
    """The fields of a JSON file; none if it is not there, or something else."""
    try:
        fields = read_json(path)
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}
