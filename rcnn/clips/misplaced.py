"""Helpful errors for a data set that is given one level too high or too deep, or that does not exist yet."""

from __future__ import annotations

import os
import shlex

from .. import files
from ..errors import InputError

LISTS = "gt_v2"  # the folder of lists, which every data set has
MANIFEST = "manifest.json"  # of a stage's output
NAMED = 3  # data sets in a message
LAYOUT = "give --dataset a data set in the iQIYI-VID layout"


def check_place(root: str) -> None:
    """Refuse a directory that is not a data set, and say what to give instead.

    Raises
    ------
    InputError
        If there is no such directory, or it is part of a data set, contains data sets, or is the output of a stage.
    """
    if not files.is_dir(root):
        raise InputError(f"{root}: there is no such directory; {LAYOUT}, or make one: {_making('PHOTOGRAPHS', root)}")
    if files.is_url(root) or files.is_dir(files.join(root, LISTS)):
        return
    root = root.rstrip("/")
    above = files.parent(root) or os.curdir
    for place in (above, files.parent(above) or os.curdir):
        if _is_dataset(place):
            raise InputError(f"{root}: is a part of a data set; give --dataset {place}")
    if files.is_file(files.join(root, MANIFEST)):
        raise InputError(f"{root}: is the output of a stage, not a data set; {LAYOUT}")
    folders = [files.join(root, name) for name in sorted(files.names(root))]
    inside = [path for path in folders if _is_dataset(path)]
    if inside:
        raise InputError(
            f"{root}: contains data sets and is not one itself; give --dataset {' or '.join(inside[:NAMED])}"
        )
    raise InputError(
        f"{root}: has no {LISTS}, so it is not a data set; {LAYOUT}, or make one from a folder with PERSON/*.jpg: "
        f"{_making(shlex.quote(root), './data/mine')}"
    )


def _is_dataset(path: str) -> bool:
    return files.is_dir(files.join(path, LISTS))


def _making(photographs: str, root: str) -> str:
    return f"python gendata.py --input {photographs} --output {shlex.quote(root)}"
