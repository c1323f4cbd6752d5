"""Agreement of two contenders: faces matched frame by frame, their vectors, and the accuracy of the first clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

OVERLAP = 0.5  # intersection over union of two boxes, above which they show the same face


@dataclass(frozen=True)
class FoundFaces:
    """Faces of all clips.

    clips, frames : (n,) int, index of the clip, and number of the frame
    boxes : (n, 4) float32, x1, y1, x2, y2 in pixels
    vectors : (n, D) float32, not necessarily normalised
    """

    clips: np.ndarray
    frames: np.ndarray
    boxes: np.ndarray
    vectors: np.ndarray

    @staticmethod
    def read(path: Path) -> FoundFaces:
        """Read the output of a loop or of `save`."""
        with np.load(path) as file:
            return FoundFaces(file["clips"].astype(int), file["frames"].astype(int), file["boxes"], file["vectors"])

    def save(self, path: Path) -> None:
        """Write the faces."""
        np.savez(path, clips=self.clips, frames=self.frames, boxes=self.boxes, vectors=self.vectors)

    def by_frame(self) -> dict[tuple[int, int], list[int]]:
        """Indices of the faces of each clip and frame."""
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, key in enumerate(zip(self.clips.tolist(), self.frames.tolist(), strict=True)):
            found[key].append(index)
        return found


@dataclass(frozen=True)
class Agreement:
    """Agreement of a contender with the reference.

    share : share of the reference's faces that it also finds
    more : number of faces that the reference lacks
    cosine : mean cosine of the vectors of common faces; NaN without any
    """

    share: float
    more: int
    cosine: float


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4) and (m, 4): (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    inner = np.maximum(high - low, 0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (first, second)]
    return inner / np.maximum(areas[0][:, None] + areas[1][None] - inner, 1e-9)


def match(wanted: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of boxes (n, 4) and (m, 4) of a frame that show the same face, each box in at most one pair, greatest
    overlap first."""
    values = overlaps(wanted, found)
    pairs = []
    while values.size and values.max() > OVERLAP:
        row, column = (int(place) for place in np.unravel_index(values.argmax(), values.shape))
        pairs.append((row, column))
        values[row], values[:, column] = 0, 0
    return pairs


def agree(reference: FoundFaces, found: FoundFaces) -> Agreement:
    """Compare a contender's faces with those of the reference."""
    mine = found.by_frame()
    cosines: list[float] = []
    for key, indices in reference.by_frame().items():
        others = mine.get(key, [])
        for row, column in match(reference.boxes[indices], found.boxes[others]):
            a, b = reference.vectors[indices[row]], found.vectors[others[column]]
            cosines.append(float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)))
    share = len(cosines) / max(len(reference.boxes), 1)
    return Agreement(share, len(found.boxes) - len(cosines), float(np.mean(cosines)) if cosines else float("nan"))


def right_first(answers: Mapping[str, Sequence[int]], people: Sequence[str]) -> float:
    """Share of the people whose first clip shows them.

    Parameters
    ----------
    answers : indices of clips by person, the best first
    people : person of each clip
    """
    right = [bool(clips) and people[clips[0]] == name for name, clips in answers.items()]
    return sum(right) / max(len(right), 1)
