"""Caches crops read from photographs, so that a resumed training run need not detect all faces again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..faces.detectors.single_stage import Detector
from ..files import make_dir, write_whole
from .crops import ReadCrops, read_photographs
from .labels import LabelledPhotograph


def read_kept(cache: str, people: Mapping[str, Sequence[Path]], detector: Detector, model: str) -> ReadCrops:
    """`read_photographs`, or its cached result for the same paths and the same detector.

    Parameters
    ----------
    cache : `.npz` file; rewritten if it does not contain this result
    model : name of the detector
    """
    wanted = np.array([model, *(str(path) for paths in people.values() for path in paths)])
    kept = _read(cache, wanted) if os.path.exists(cache) else None
    if kept is None:
        kept = read_photographs(people, detector)
        _write(cache, wanted, kept)
    return kept


def _write(cache: str, wanted: np.ndarray, read: ReadCrops) -> None:
    def write(temporary: str) -> None:
        with open(temporary, "wb") as file:
            np.savez(
                file, wanted=wanted, wide=read.wide, labels=read.labels, missed=read.missed,
                paths=np.array([photo.path for photo in read.photographs]),
                counts=np.array([len(photo.boxes) for photo in read.photographs]),
                boxes=np.concatenate([photo.boxes for photo in read.photographs]),
                landmarks=np.concatenate([photo.landmarks for photo in read.photographs]),
            )  # fmt: skip

    make_dir(os.path.dirname(cache))
    write_whole(cache, write)


def _read(cache: str, wanted: np.ndarray) -> ReadCrops | None:
    """None if the file belongs to other photographs or was not written by `_write`."""
    try:
        with np.load(cache, allow_pickle=False) as data:
            if not np.array_equal(data["wanted"], wanted):
                return None
            ends = np.cumsum(data["counts"])[:-1]
            faces = zip(np.split(data["boxes"], ends), np.split(data["landmarks"], ends), strict=True)
            photographs = [
                LabelledPhotograph.of(str(path), boxes, landmarks, [])
                for path, (boxes, landmarks) in zip(data["paths"], faces, strict=True)
            ]
            return ReadCrops(data["wide"], data["labels"], photographs, int(data["missed"]))
    except (OSError, ValueError, KeyError, EOFError):
        return None
