"""The data set in the folder of a run, as `python -m rcnn find` makes it: it moves and is copied with the run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from .. import files
from ..clips.misplaced import LISTS

OWN = "dataset"  # its name, beside the stage directories


def is_own(arguments: Mapping[str, Any]) -> bool:
    """Whether the data set of a run is in its folder, beside the output; the output may be relative to any folder."""
    dataset, output = arguments.get("dataset"), arguments.get("output")
    if not isinstance(dataset, str) or not isinstance(output, str) or files.is_url(dataset) or files.is_url(output):
        return False
    place, run = PurePosixPath(os.path.normpath(dataset)), PurePosixPath(os.path.normpath(output)).parent
    inside = [part for part in run.parts if part != os.pardir]
    return place.name == OWN and (not inside or list(place.parent.parts[-len(inside) :]) == inside)


def arguments_now(arguments: dict[str, Any], path: str) -> dict[str, Any]:
    """The recorded arguments of a stage directory, with the data set that is in the folder of its run now.

    Parameters
    ----------
    path : of the directory
    """
    if not is_own(arguments) or files.is_url(path):
        return arguments
    beside = os.path.join(os.path.dirname(os.path.abspath(files.plain(path))), OWN)
    moved = os.path.isdir(os.path.join(beside, LISTS)) and not files.same(beside, arguments["dataset"])
    return {**arguments, "dataset": beside} if moved else arguments
