"""Shares scores between clips of a film that show the same scene; an experiment, not an option of a stage.

A clip is described by small pictures; a shot that occurs twice has nearly equal ones. No face is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache

import cv2
import numpy as np

from rcnn.faces.vectors import normalise
from rcnn.scores.ranking import Ranking
from rcnn.stages.submit import _summed
from rcnn.tables.join import open_inputs
from rcnn.video.decoder import FrameDecoder

from .script import FilmClip

RATE = Fraction(2)  # pictures per second
GRID = (16, 9)  # cells of a picture, each with its mean colour (L*a*b*)
ALIKE = 0.9  # minimum cosine between pictures of one scene, after subtracting each one's mean colour


@cache
def _decoder() -> FrameDecoder:
    return FrameDecoder()  # a process, shared by all clips


@cache
def describe(film: str, start: float, end: float) -> np.ndarray:
    """Pictures of a clip, (n, cells x 3) float32, unit."""
    rows = []
    for frame in _decoder().read_frames(film, 1, RATE, start, end):
        small = cv2.resize(frame.image, GRID, interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(-1, 3)
        rows.append((lab - lab.mean(0)).ravel())
    return normalise(np.array(rows, np.float32).reshape(len(rows), -1))


def rank_by_scenes(
    predictions: str, clips: Iterable[FilmClip], film_of: Callable[[FilmClip], str], share: float, bare_only: bool
) -> Mapping[int, Sequence[str]]:
    """The clips of each label, best first, after clips of one scene have given each other `share` of their scores.

    Parameters
    ----------
    predictions : output of predict.py
    clips : all ranked clips, with or without a face
    bare_only : only clips without a score receive scores
    """
    readers = open_inputs((predictions,), ("predict",))
    scores: dict[str, np.ndarray] = {}
    for names, block in _summed(readers, (1.0,), readers[0].width):
        scores.update(zip(names, block, strict=True))
    films: dict[str, list[FilmClip]] = {}
    for clip in clips:
        films.setdefault(clip.film, []).append(clip)
    found = dict(scores)
    for mine in films.values():
        looks = [describe(film_of(clip), clip.start, clip.end) for clip in mine]
        for clip, look in zip(mine, looks, strict=True):
            if bare_only and clip.name in scores:
                continue
            near = [
                scores[other.name]
                for other, theirs in zip(mine, looks, strict=True)
                if other is not clip and other.name in scores and len(look) and len(theirs)
                and float((look @ theirs.T).max()) >= ALIKE
            ]  # fmt: skip
            if near:
                given = share * np.max(near, 0)
                found[clip.name] = found[clip.name] + given if clip.name in found else given
    ranking = Ranking(readers[0].width)
    names = sorted(found)
    ranking.add(names, np.stack([found[name] for name in names]))
    return ranking.result()
