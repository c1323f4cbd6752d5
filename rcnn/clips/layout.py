"""Writes data sets in the iQIYI-VID layout atomically: clips into their folders, and their lists."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..errors import InputError
from ..files import create, make_dir
from . import dataset
from .dataset import NOBODY_KNOWN, TEST, TRAIN, VAL
from .misplaced import LISTS

FOLDERS = {split: folder.replace("*", "1") for split, folder in dataset.FOLDERS.items()}  # all in Part1
TEST_FILE = f"{LISTS}/test_v2.txt"
PEOPLE_FILE = f"{LISTS}/names.txt"
STAGING = ".making"  # unfinished files are in this folder of the output, so that a rename publishes them


class PlacedClip(Protocol):
    """A clip with its place in the data set: file name, split, and label 1..n or NOBODY_KNOWN."""

    @property
    def name(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def label(self) -> int: ...


def check_output(output: Path, overwrite: bool, maker: str) -> None:
    """Raise InputError if `output` contains something that must not be replaced; `maker` names the script."""
    if not output.exists():
        return
    if not output.is_dir():
        raise InputError(f"--output {output}: is a file; choose another name")
    if not any(output.iterdir()):
        return
    if not overwrite:
        raise InputError(f"--output {output} is not empty; choose another, or replace it with --overwrite")
    # The real data set has no names.txt, and 500,000 clips are long to download
    if not (output / PEOPLE_FILE).exists() and not (output / STAGING).exists():
        raise InputError(f"--output {output} contains files that {maker} did not make; choose another folder")


@contextmanager
def fresh(staging: Path) -> Iterator[None]:
    """An empty `staging` folder, removed if the work fails."""
    shutil.rmtree(staging, ignore_errors=True)
    make_dir(str(staging))
    try:
        yield
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def arrange(staging: Path, placed: Sequence[PlacedClip], sources: Iterable[str], people: Mapping[int, str]) -> None:
    """Move the clips from `staging`, where their names are `sources`, to their folders, and list them.

    Parameters
    ----------
    people : name of each label
    """
    for folder in (*FOLDERS.values(), LISTS):
        make_dir(str(staging / folder))
    for clip, source in zip(placed, sources, strict=True):
        (staging / source).rename(staging / FOLDERS[clip.split] / clip.name)
    texts = {
        dataset.NAMES_FILE: [clip.name for clip in placed],
        dataset.TRAIN_FILE: [f"{clip.name} {clip.label}" for clip in placed if clip.split == TRAIN],
        dataset.VAL_FILE: _truth(placed, VAL),
        TEST_FILE: _truth(placed, TEST),
        PEOPLE_FILE: [f"{label} {person}" for label, person in sorted(people.items())],
    }
    for file, lines in texts.items():
        write_lines(staging / file, lines)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text as UTF-8, even if a file name in it is not."""
    with create(str(path)) as file:
        file.writelines(f"{line}\n".encode(errors="backslashreplace") for line in lines)


def _truth(placed: Sequence[PlacedClip], split: str) -> list[str]:
    """`LABEL NAME NAME ...` for each label that has clips in `split`."""
    names: dict[int, list[str]] = {}
    for clip in placed:
        if clip.split == split and clip.label != NOBODY_KNOWN:
            names.setdefault(clip.label, []).append(clip.name)
    return [f"{label} {' '.join(names[label])}" for label in sorted(names)]


def publish(staging: Path, output: Path, extra: Sequence[str] = ()) -> None:
    """Move the finished data set and `extra` files into place; the old gt_v2 is removed first, the new one appears
    last."""
    folders = sorted({folder.split("/")[0] for folder in FOLDERS.values()})
    for folder in (LISTS, *folders):
        if (output / folder).exists():
            shutil.rmtree(output / folder)
    for name in (*extra, *folders, LISTS):
        os.replace(staging / name, output / name)
    shutil.rmtree(staging)  # contains files that were made and are not used
