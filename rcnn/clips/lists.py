"""Replaces the lists of a data set, its folder `gt_v2`, atomically, even if the run is killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..files import create, make_dir
from .layout import LISTS, STAGING, fresh

BEFORE = "before"  # folder in STAGING for the lists that are being replaced


def replace_lists(root: str, texts: Mapping[str, bytes]) -> None:
    """Replace some lists of a data set; the others are kept.

    Parameters
    ----------
    root : of the data set, on the disk
    texts : new content, by path from the data set's directory, like `gt_v2/names.txt`

    Raises
    ------
    OSError
        If they can't be written.
    """
    output = Path(root)
    recover(output)
    staging = output / STAGING
    with fresh(staging):
        make_dir(str(staging / LISTS))
        for path in sorted((output / LISTS).iterdir()):
            if path.is_file() and f"{LISTS}/{path.name}" not in texts:
                shutil.copy2(path, staging / LISTS / path.name)
        for name, data in texts.items():
            with create(str(staging / name)) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    exchange(output)


def exchange(output: Path) -> None:
    """Move the finished lists from the staging folder of a data set into place, and remove the old ones."""
    staging = output / STAGING
    if (output / LISTS).exists():
        os.replace(output / LISTS, staging / BEFORE)
    os.replace(staging / LISTS, output / LISTS)
    shutil.rmtree(staging)


def recover(output: Path) -> None:
    """Restore the lists that a killed run had moved away in order to replace them."""
    before = output / STAGING / BEFORE
    if before.is_dir() and not (output / LISTS).exists():
        os.replace(before, output / LISTS)
