"""Photographs in folders of people, and which people training never sees."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError

PHOTOS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
HELD_OUT_ONE_IN = 5


def held_out(person: str) -> bool:
    """Whether a person is for testing only: one in five, by a hash of the name that is the same everywhere."""
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big") % HELD_OUT_ONE_IN == 0


def list_photographs(folder: str) -> dict[str, list[Path]]:
    """Paths by person of `folder`/PERSON/*.jpg, both sorted.

    Raises
    ------
    InputError
        If there is none.
    """
    root = Path(folder)
    people = {
        entry.name: sorted(path for path in entry.iterdir() if path.suffix.lower() in PHOTOS)
        for entry in (sorted(root.iterdir()) if root.is_dir() else ())
        if entry.is_dir()
    }
    people = {person: paths for person, paths in people.items() if paths}
    if not people:
        raise InputError(f"{folder}: holds no photographs; they must lie in {folder}/PERSON/")
    return people


def read_photograph(path: str | Path) -> np.ndarray:
    """A photograph (H, W, 3) uint8, BGR.

    Raises
    ------
    InputError
        If the file is no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: is no picture; remove it or get it again")
    return image
